//! What a store's client leaves of a key in this process: nothing, once the key is dropped.
//!
//! The process searches its own memory for a key of which it knows only a masked copy, so that it does not find itself.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "a test that counts, over addresses that the kernel gave"
)]

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use super::tests::{Place, UNLOCK, beside_gnome_keyring, keyutils_absent};
use super::{StoreChoice, create, load};
use crate::seed::SEED_BYTES;
use crate::testing::Rerun;

/// What is read of the memory at a time, in bytes: whole pages, and one key more.
const CHUNK_BYTES: usize = 256 * 1024;
/// Covers what is known of the key.
const MASK: u8 = 0x5a;

/// How often the key of a masked seed is in memory that somebody wrote to.
fn copies(masked: &[u8; SEED_BYTES]) -> usize {
    let mut chunk = vec![0_u8; CHUNK_BYTES + SEED_BYTES];
    // What is read is not searched: it is a copy of what was found.
    let own = u64::try_from(chunk.as_ptr().addr()).unwrap();
    let own = own..own + u64::try_from(chunk.len()).unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut found = 0;
    for line in
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|m| m.starts_with("rw")))
    {
        let (from, until) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [mut at, until] = [from, until].map(|text| u64::from_str_radix(text, 16).unwrap());
        while at < until {
            let left = usize::try_from(until - at).unwrap().min(chunk.len());
            // Some mappings cannot be read.
            if memory.read_exact_at(&mut chunk[..left], at).is_err() {
                break;
            }
            for (offset, first) in chunk[..left].iter().enumerate().take(CHUNK_BYTES) {
                let address = at + u64::try_from(offset).unwrap();
                let is_it = || {
                    let here = chunk[offset..left].iter().take(SEED_BYTES).map(|byte| byte ^ MASK);
                    here.eq(masked.iter().copied()) && !own.contains(&address)
                };
                found += usize::from(*first == masked[0] ^ MASK && is_it());
            }
            at += u64::try_from(CHUNK_BYTES).unwrap();
        }
    }
    found
}

/// Loads a key as a daemon does, on a thread of its own, and looks for it before and after it is dropped.
fn leaves_no_copy(place: &Place) {
    let made = create(&place.0).unwrap().key;
    let masked = made.masked(MASK);
    assert_eq!(copies(&masked), 1, "the control: it is found while it is there");
    drop(made);
    assert_eq!(copies(&masked), 0, "after it was made and dropped");
    for _ in 0..3 {
        let location = place.0.clone();
        let loaded = std::thread::spawn(move || load(&location).unwrap()).join().unwrap();
        assert_eq!(copies(&masked), 1, "while it is in use");
        mandate::Signer::sign(&loaded.key, b"message").unwrap();
        assert_eq!(copies(&masked), 1, "after it signed");
        drop(loaded);
        assert_eq!(copies(&masked), 0, "after it was dropped");
    }
}

#[test]
fn no_store_leaves_a_copy() {
    if !keyutils_absent() {
        Rerun::test("store::copies::inner_keyutils").run();
    }
    beside_gnome_keyring("store::copies::inner_secret_service", UNLOCK);
}

#[test]
#[ignore = "looks at the memory of its whole process; run by no_store_leaves_a_copy"]
fn inner_keyutils() {
    if Rerun::is_inside() {
        leaves_no_copy(&Place::new("copies", StoreChoice::Keyutils));
    }
}

#[test]
#[ignore = "looks at the memory of its whole process; run by no_store_leaves_a_copy"]
fn inner_secret_service() {
    if Rerun::is_inside() {
        leaves_no_copy(&Place::new("copies", StoreChoice::SecretService));
    }
}
