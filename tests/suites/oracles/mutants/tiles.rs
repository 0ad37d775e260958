//! Mutants of hash tiles and of bundles of entries.

use mandate_journal::tile::{Tile, TileError, TileKind, push_entry, read_entries, read_hashes};
use mandate_journal::tree::Frontier;
use mandate_journal::{Chain, ChainError};
use mandate_tests::random::Random;

use super::paths::flipped;
use super::text::below;
use super::{Logs, Sort};

const SORTS: [Sort; 7] = [
    Sort::BitFlip,
    Sort::ByteDrop,
    Sort::LineDrop,
    Sort::LineDouble,
    Sort::LineSwap,
    Sort::Truncate,
    Sort::OtherLog,
];
/// Sizes of logs of one tile.
const SIZES: [u64; 5] = [1, 2, 7, 24, 256];
/// Entries are checked one by one, so these logs are short.
const BUNDLE_SIZES: [u64; 4] = [1, 2, 7, 24];

/// One mutant of a hash tile: the signed root shows it, and the entry's own hash shows where.
pub fn hashes(logs: &Logs, random: &mut Random) -> Option<Sort> {
    let size = *random.one_of(&SIZES);
    let width = u16::try_from(size).unwrap();
    let tile = Tile { kind: TileKind::Hashes { level: 0 }, index: 0, width };
    let good: Vec<_> = (0..size).map(|seq| logs.own.leaf(seq)).collect();
    let mut hashes = good.clone();
    let at = below(hashes.len(), random);
    let sort = *random.one_of(&SORTS);
    match sort {
        Sort::BitFlip => hashes[at] = flipped(hashes[at], random),
        Sort::LineDrop => drop(hashes.remove(at)),
        Sort::LineDouble => hashes.insert(at, hashes[at]),
        Sort::LineSwap => hashes.swap(at, below(good.len(), random)),
        Sort::OtherLog => hashes = (0..size).map(|seq| logs.other.leaf(seq)).collect(),
        _ => {}
    }
    let mut bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    match sort {
        Sort::ByteDrop => drop(bytes.remove(below(bytes.len(), random))),
        Sort::Truncate => bytes.truncate(below(bytes.len(), random)),
        _ if hashes == good => return None,
        _ => {}
    }
    match read_hashes(&tile, &bytes) {
        Err(error) => {
            let expected = TileError::Length { actual: bytes.len(), expected: 32 * good.len() };
            assert_eq!(error, expected);
        }
        Ok(read) => {
            let mut frontier = Frontier::default();
            for hash in &read {
                frontier.push(*hash);
            }
            assert_ne!(frontier.root(), logs.own.root(size), "{sort:?} {at} of {size}");
            let fault = (0..size).zip(&read).find(|(seq, hash)| logs.own.leaf(*seq) != **hash);
            let moved = good.iter().zip(&hashes).position(|(good, hash)| good != hash);
            assert_eq!(fault.map(|(seq, _)| seq), moved.map(|at| at as u64));
        }
    }
    Some(sort)
}

fn bundled<'e>(entries: impl IntoIterator<Item = &'e [u8]>) -> Vec<u8> {
    let mut bundle = Vec::new();
    for entry in entries {
        push_entry(&mut bundle, entry);
    }
    bundle
}

/// One mutant of a bundle: the bundle's own shape, the chain or the signed root shows it.
pub fn bundle(logs: &Logs, random: &mut Random) -> Option<Sort> {
    let size = *random.one_of(&BUNDLE_SIZES);
    let width = u16::try_from(size).unwrap();
    let tile = Tile { kind: TileKind::Entries, index: 0, width };
    let good: Vec<&[u8]> = (0..size).map(|seq| logs.own.entry(seq)).collect();
    let whole = bundled(good.iter().copied());
    let mut entries = good.clone();
    let at = below(entries.len(), random);
    let sort = *random.one_of(&SORTS);
    match sort {
        Sort::LineDrop => drop(entries.remove(at)),
        Sort::LineDouble => entries.insert(at, entries[at]),
        Sort::LineSwap => entries.swap(at, below(good.len(), random)),
        Sort::OtherLog => entries = (0..size).map(|seq| logs.other.entry(seq)).collect(),
        _ => {}
    }
    let mut bytes = bundled(entries);
    let byte = below(bytes.len().max(1), random);
    match sort {
        Sort::BitFlip => bytes[byte] ^= 1 << random.below(8),
        Sort::ByteDrop => drop(bytes.remove(byte)),
        Sort::Truncate => bytes.truncate(byte),
        _ => {}
    }
    if bytes == whole {
        return None;
    }
    // The entry that the first changed byte belongs to.
    let same = bytes.iter().zip(&whole).take_while(|(a, b)| a == b).count();
    let ends = good.iter().scan(0, |end, entry| {
        *end += 2 + entry.len();
        Some(*end)
    });
    let first = ends.take_while(|end| *end <= same).count() as u64;
    assert_refused(logs, size, &tile, &bytes, first);
    Some(sort)
}

/// The bundle is refused, and the fault named is the first entry that changed, or where its change comes to light.
fn assert_refused(logs: &Logs, size: u64, tile: &Tile, bytes: &[u8], first: u64) {
    let entries = match read_entries(tile, bytes) {
        // A changed length shifts what follows: no entry before the changed one is named.
        Err(TileError::Entry { seq }) => return assert!((first..size).contains(&seq)),
        Err(TileError::Surplus { surplus }) => return assert!(surplus > 0),
        Err(error) => panic!("{error}"),
        Ok(entries) => entries,
    };
    let mut chain = Chain::default();
    let refused = entries.iter().find_map(|entry| chain.push(entry).err());
    match refused {
        Some(ChainError::Entry { seq, .. } | ChainError::Seq { seq, .. }) => {
            assert_eq!(seq, first);
        }
        // A well-formed entry that says something else is found by the next, which carries the hash of the old.
        Some(ChainError::Prev { seq }) => {
            assert!(seq == first || seq == first + 1, "{seq}, not {first}");
        }
        Some(error) => panic!("{error}"),
        // The last entry has none after it, and another log is whole in itself; the signed root knows better.
        None => {
            assert!(first == size - 1 || entries.last() == Some(&logs.other.entry(size - 1)));
            assert_ne!(chain.head().root, logs.own.root(size));
        }
    }
}
