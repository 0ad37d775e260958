//! A private key that is searched for wherever it must not be.
//!
//! In bytes and files ([`Canary`]), in the memory of a process ([`Canary::in_memory_of`]), and by what the system lets
//! others do to one ([`others`]).

mod memory;
pub mod others;

use std::fs;
use std::path::Path;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use keyring_core::api::CredentialStoreApi as _;
use mandate_keys::KeyLocation;
use sha2::{Digest as _, Sha512};

pub use memory::Sighting;

/// What is looked at at a time, in bytes.
const PAGE_BYTES: usize = 4096;
static EMPTY_PAGE: [u8; PAGE_BYTES] = [0; PAGE_BYTES];
/// Bytes in a private key, and in each half of what signing derives from it.
const HALF_BYTES: usize = 32;

/// A private key in every form in which it could get out.
#[derive(Debug)]
pub struct Canary {
    forms: Vec<(&'static str, Vec<u8>)>,
    /// Whether any form begins with this byte.
    beginnings: [bool; 256],
}

impl Canary {
    /// The forms of a seed: its bytes, its texts, and the two halves that RFC 8032, section 5.1.5, derives from it.
    ///
    /// # Panics
    ///
    /// If it is no seed.
    #[must_use]
    pub fn new(seed: &[u8]) -> Self {
        assert_eq!(seed.len(), HALF_BYTES, "a seed");
        let expanded = Sha512::digest(seed);
        let (scalar, prefix) = expanded.split_at(HALF_BYTES);
        let mut clamped = scalar.to_vec();
        clamped[0] &= 0b1111_1000;
        clamped[31] = clamped[31] & 0b0111_1111 | 0b0100_0000;
        let text = |text: String| text.into_bytes();
        let forms = vec![
            ("raw", seed.to_vec()),
            ("hex", text(HEXLOWER.encode(seed))),
            ("upper-case hex", text(HEXUPPER.encode(seed))),
            ("base64", text(BASE64.encode(seed))),
            ("base64url", text(BASE64URL_NOPAD.encode(seed))),
            ("scalar", clamped),
            ("unclamped scalar", scalar.to_vec()),
            ("prefix", prefix.to_vec()),
        ];
        let mut beginnings = [false; 256];
        for (_, form) in &forms {
            beginnings[usize::from(form[0])] = true;
        }
        Self { forms, beginnings }
    }

    /// Every form, by its name, as somebody who gives the key away would hold it.
    #[must_use]
    pub fn forms(&self) -> &[(&'static str, Vec<u8>)] {
        &self.forms
    }

    /// Which forms are in these bytes, and where.
    #[must_use]
    pub fn in_bytes(&self, bytes: &[u8]) -> Vec<(&'static str, usize)> {
        let mut found = Vec::new();
        for (page, part) in bytes.chunks(PAGE_BYTES).enumerate() {
            // Most of a memory is empty, and no form has a part that is.
            if part == &EMPTY_PAGE[..part.len()] {
                continue;
            }
            for (offset, byte) in part.iter().enumerate() {
                if !self.beginnings[usize::from(*byte)] {
                    continue;
                }
                let at = page * PAGE_BYTES + offset;
                let here = self.forms.iter().filter(|(_, form)| bytes[at..].starts_with(form));
                found.extend(here.map(|(name, _)| (*name, at)));
            }
        }
        found
    }

    /// The files under a folder that hold any form, with the form.
    ///
    /// # Panics
    ///
    /// If the folder cannot be read.
    #[must_use]
    pub fn in_files(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let kind = fs::symlink_metadata(&path).expect("metadata").file_type();
            if kind.is_dir() {
                found.extend(self.in_files(&path));
            } else if kind.is_file() {
                let bytes = fs::read(&path).expect("a file");
                let forms = self.in_bytes(&bytes);
                found.extend(forms.iter().map(|(form, _)| format!("{form} in {}", path.display())));
            }
        }
        found
    }
}

/// Wants the seed once in the memory of a process, in a locked page, and nothing that is derived from it anywhere.
///
/// # Panics
///
/// If it is not so.
pub fn assert_in_its_room(canary: &Canary, pid: u32) {
    let Some(sightings) = canary.in_memory_of(pid) else { return };
    let found: Vec<_> = sightings.iter().map(|found| (found.form, found.is_locked)).collect();
    assert_eq!(found, [("raw", true)], "{sightings:#?}");
}

/// Wants nothing of the seed anywhere in the memory of a process.
///
/// # Panics
///
/// If it is not so.
pub fn assert_gone(canary: &Canary, pid: u32) {
    let Some(sightings) = canary.in_memory_of(pid) else { return };
    assert!(sightings.is_empty(), "it is still there: {sightings:#?}");
}

/// A private key as the kernel keeps it, past everything that guards it: to look for it where it must not be.
///
/// # Panics
///
/// If it is not there.
#[must_use]
pub fn kept(location: &KeyLocation) -> Vec<u8> {
    let (service, account) = (location.service.as_str(), location.account.as_str());
    let open = || {
        let store = linux_keyutils_keyring_store::Store::new().expect("a keyring");
        store.build(service, account, None).expect("an entry")
    };
    // The first access may give the thread another session keyring.
    drop(open());
    open().get_secret().expect("a key")
}
