//! Mutants of checkpoints and of proofs in one file.

use mandate::Signer as _;
use mandate_journal::note::{Note, NoteError};
use mandate_journal::proof::{TlogProof, TlogProofError};
use mandate_journal::{Checkpoint, CheckpointError};
use mandate_tests::random::Random;

use super::text::{SORTS, below, changed, damaged, names_the_fault};
use super::{Logs, SIZES, Sort};
use crate::log::Log;

/// The line of a checkpoint's signature, from 1.
const SIGNATURE_LINE: usize = 5;

fn read(text: &str, log: &Log) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::verify(text, &log.origin, &[log.key.public_key()])
}

/// One more or one less.
fn off_by_one(number: u64, random: &mut Random) -> u64 {
    if number > 0 && random.below(2) == 0 { number - 1 } else { number + 1 }
}

/// One mutant of a checkpoint.
pub fn checkpoint(logs: &Logs, random: &mut Random) -> Option<Sort> {
    let size = *random.one_of(&SIZES);
    let good = logs.own.checkpoint(size).as_str().to_owned();
    let also = [Sort::SizeOff, Sort::OtherLog, Sort::WrongKey];
    let sorts: Vec<Sort> = SORTS.into_iter().chain(also).collect();
    let sort = *random.one_of(&sorts);
    match sort {
        Sort::SizeOff => {
            let other = format!("\n{}\n", off_by_one(size, random));
            let error = read(&good.replacen(&format!("\n{size}\n"), &other, 1), &logs.own);
            let expected = CheckpointError::Note(NoteError::Signature { line: SIGNATURE_LINE });
            assert_eq!(error.unwrap_err(), expected);
        }
        Sort::OtherLog => {
            let error = read(logs.other.checkpoint(size).as_str(), &logs.own).unwrap_err();
            assert!(matches!(error, CheckpointError::OtherLog { .. }), "{error:?}");
        }
        Sort::WrongKey => {
            let stranger = [logs.other.key.public_key()];
            let error = Checkpoint::verify(&good, &logs.own.origin, &stranger).unwrap_err();
            assert_eq!(error, CheckpointError::Note(NoteError::KeyUnknown));
        }
        _ => {
            let bytes = damaged(sort, &good, random);
            if bytes == good.as_bytes() {
                return None;
            }
            let Ok(text) = str::from_utf8(&bytes) else {
                assert_eq!(Note::parse(&bytes).unwrap_err(), NoteError::Utf8);
                return Some(sort);
            };
            let error = read(text, &logs.own).expect_err(text);
            assert!(names_the_fault(&error, &good, text), "{sort:?}: {error}: {text:?}");
        }
    }
    Some(sort)
}

fn check(bytes: &[u8], log: &Log) -> Result<(), TlogProofError> {
    let proof = TlogProof::parse(bytes)?;
    // The entry is taken from what stands beside the proof, as an auditor does.
    let entry = proof.extra.clone().unwrap_or_default();
    proof.verify(&entry, &log.origin, &[log.key.public_key()]).map(drop)
}

/// Splits a proof's text at the line before its checkpoint; and which line that begins on.
fn parts(text: &str) -> Option<(&str, &str, usize)> {
    let (proof, checkpoint) = text.split_once("\n\n")?;
    Some((proof, checkpoint, proof.matches('\n').count() + 3))
}

/// Whether an error of a damaged proof names what is at fault in it.
fn proof_fault_is_named(error: &TlogProofError, before: &str, after: &str) -> bool {
    let (proof, checkpoint, _) = parts(before).unwrap();
    match error {
        TlogProofError::Version => changed(1, before, after),
        TlogProofError::Extra => changed(2, before, after),
        TlogProofError::Index { line } => changed(*line, before, after),
        // Where the empty line moved, a line of the checkpoint stands among the hashes.
        TlogProofError::Hash { line } => {
            changed(*line, before, after) || before.find("\n\n") != after.find("\n\n")
        }
        TlogProofError::Truncated => parts(after).is_none(),
        TlogProofError::Inclusion(_) => parts(after).is_some_and(|(damaged, ..)| damaged != proof),
        TlogProofError::Checkpoint { line, source } => {
            parts(after).is_some_and(|(_, damaged, begins)| {
                *line == begins && names_the_fault(source, checkpoint, damaged)
            })
        }
        _ => false,
    }
}

/// One mutant of a proof.
pub fn proof(logs: &Logs, random: &mut Random) -> Option<Sort> {
    let size = *random.one_of(&SIZES);
    let index = random.below(size);
    let good = logs.own.proof(index, size);
    let also = [
        Sort::IndexOff,
        Sort::SizeOff,
        Sort::HashOrder,
        Sort::OtherLog,
        Sort::OtherPath,
        Sort::WrongKey,
    ];
    let sorts: Vec<Sort> = SORTS.into_iter().chain(also).collect();
    let sort = *random.one_of(&sorts);
    let mut changed = good.clone();
    match sort {
        Sort::IndexOff => changed.index = off_by_one(index, random),
        Sort::SizeOff => {
            let other = format!("\n{}\n", off_by_one(size, random));
            changed.checkpoint = good.checkpoint.replacen(&format!("\n{size}\n"), &other, 1);
        }
        Sort::HashOrder if good.path.len() > 1 => {
            let (a, b) = (below(good.path.len(), random), below(good.path.len(), random));
            changed.path.swap(a, b);
        }
        Sort::OtherLog if random.below(2) == 0 => changed = logs.other.proof(index, size),
        Sort::OtherLog => changed.checkpoint = logs.other.checkpoint(size).as_str().to_owned(),
        Sort::OtherPath => {
            let size = *random.one_of(&SIZES);
            let path = logs.own.inclusion(random.below(size), size);
            changed.path = if random.below(4) == 0 {
                logs.other.inclusion(index.min(size - 1), size)
            } else {
                path
            };
        }
        Sort::WrongKey => {
            let stranger = [logs.other.key.public_key()];
            let error = good.verify(logs.own.entry(index), &logs.own.origin, &stranger);
            let source = CheckpointError::Note(NoteError::KeyUnknown);
            let (_, _, line) = parts(&good.print()).unwrap();
            assert_eq!(error.unwrap_err(), TlogProofError::Checkpoint { line, source });
            return Some(sort);
        }
        _ => return damaged_proof(sort, &good.print(), &logs.own, random),
    }
    if changed == good {
        return None;
    }
    let error = check(changed.print().as_bytes(), &logs.own).expect_err("a mutant");
    let named = match (sort, &error) {
        (Sort::SizeOff, TlogProofError::Checkpoint { source, .. }) => {
            *source == CheckpointError::Note(NoteError::Signature { line: SIGNATURE_LINE })
        }
        (Sort::OtherLog, TlogProofError::Checkpoint { source, .. }) => {
            matches!(source, CheckpointError::OtherLog { .. })
        }
        (Sort::IndexOff | Sort::HashOrder | Sort::OtherPath, error) => {
            matches!(error, TlogProofError::Inclusion(_))
        }
        _ => false,
    };
    assert!(named, "{sort:?} {index} of {size}: {error:?}");
    Some(sort)
}

fn damaged_proof(sort: Sort, good: &str, log: &Log, random: &mut Random) -> Option<Sort> {
    let bytes = damaged(sort, good, random);
    if bytes == good.as_bytes() {
        return None;
    }
    let error = check(&bytes, log).expect_err("a mutant");
    match str::from_utf8(&bytes) {
        Err(_) => assert_eq!(error, TlogProofError::Utf8),
        Ok(text) => {
            assert!(proof_fault_is_named(&error, good, text), "{sort:?}: {error}: {text:?}");
        }
    }
    // What is left after the damage is done with; a hash order of a short path is none.
    (sort != Sort::HashOrder).then_some(sort)
}
