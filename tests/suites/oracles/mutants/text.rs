//! Damage to a text of lines, and which of its lines an error may name.

use mandate_journal::CheckpointError;
use mandate_journal::note::NoteError;
use mandate_tests::random::Random;

use super::Sort;

/// Damage that any text can take.
pub const SORTS: [Sort; 6] = [
    Sort::BitFlip,
    Sort::ByteDrop,
    Sort::LineDrop,
    Sort::LineDouble,
    Sort::LineSwap,
    Sort::Truncate,
];

/// Damages a text; the result may be what it was.
pub fn damaged(sort: Sort, text: &str, random: &mut Random) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let byte = below(bytes.len(), random);
    let line = below(lines.len(), random);
    match sort {
        Sort::BitFlip => {
            bytes[byte] ^= 1 << random.below(8);
            return bytes;
        }
        Sort::ByteDrop => {
            bytes.remove(byte);
            return bytes;
        }
        Sort::Truncate => {
            bytes.truncate(byte);
            return bytes;
        }
        Sort::LineDrop => drop(lines.remove(line)),
        // A signature may stand twice.
        Sort::LineDouble if !lines[line].starts_with('\u{2014}') => {
            lines.insert(line, lines[line]);
        }
        Sort::LineSwap => {
            let other = below(lines.len(), random);
            lines.swap(line, other);
        }
        _ => {}
    }
    lines.concat().into_bytes()
}

pub fn below(end: usize, random: &mut Random) -> usize {
    usize::try_from(random.below(end as u64)).unwrap()
}

/// Whether the line of this number, from 1, is not what it was.
pub fn changed(line: usize, before: &str, after: &str) -> bool {
    before.split('\n').nth(line - 1) != after.split('\n').nth(line - 1)
}

/// Whether an error of a damaged checkpoint names what is at fault in it.
pub fn names_the_fault(error: &CheckpointError, before: &str, after: &str) -> bool {
    let changed = |line| changed(line, before, after);
    // Where the empty line moved, what was text stands among the signatures, or the other way round.
    let moved = before.rfind("\n\n") != after.rfind("\n\n");
    match error {
        CheckpointError::Origin | CheckpointError::OtherLog { .. } => changed(1),
        CheckpointError::Size => changed(2),
        CheckpointError::Root => changed(3),
        CheckpointError::Extension => changed(4) || moved,
        CheckpointError::Note(NoteError::Control { line }) => changed(*line),
        CheckpointError::Note(NoteError::Line { line }) => changed(*line) || moved,
        CheckpointError::Note(NoteError::Frame) => {
            !after.contains("\n\n") || !after.ends_with('\n') || after.ends_with("\n\n")
        }
        // The signature's own line is not what it was, so its key is another, or it is gone.
        CheckpointError::Note(NoteError::KeyUnknown) => changed(5),
        // The line of a signature that is not one of this text.
        CheckpointError::Note(NoteError::Signature { line }) => {
            after.split('\n').nth(line - 1).is_some_and(|line| line.starts_with('\u{2014}'))
        }
        _ => false,
    }
}
