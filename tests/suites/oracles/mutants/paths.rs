//! Mutants of consistency proofs.

use mandate::Root;
use mandate_journal::tree::{NodeHash, ProofError, verify_consistency};
use mandate_tests::random::Random;

use super::text::below;
use super::{Logs, Sort};

const SORTS: [Sort; 9] = [
    Sort::BitFlip,
    Sort::LineDrop,
    Sort::LineDouble,
    Sort::Truncate,
    Sort::HashOrder,
    Sort::IndexOff,
    Sort::SizeOff,
    Sort::OtherLog,
    Sort::OtherPath,
];

/// A claim that a log of one size continues one of another, with its proof.
#[derive(Clone, PartialEq)]
struct Claim {
    before: u64,
    old: Root,
    after: u64,
    new: Root,
    path: Vec<NodeHash>,
}

/// A hash with one bit changed.
pub fn flipped(hash: NodeHash, random: &mut Random) -> NodeHash {
    let mut bytes = *hash.as_bytes();
    bytes[below(bytes.len(), random)] ^= 1 << random.below(8);
    NodeHash::from_bytes(bytes)
}

/// One mutant of a consistency proof.
pub fn consistency(logs: &Logs, random: &mut Random) -> Option<Sort> {
    let after = 2 + random.below(299);
    let before = 1 + random.below(after - 1);
    let Logs { own, other } = logs;
    let (old, new) = (own.root(before), own.root(after));
    let good = Claim { before, old, after, new, path: own.consistency(before, after) };
    let mut claim = good.clone();
    let at = below(good.path.len(), random);
    let sort = *random.one_of(&SORTS);
    match sort {
        Sort::BitFlip => claim.path[at] = flipped(claim.path[at], random),
        Sort::LineDrop => drop(claim.path.remove(at)),
        Sort::LineDouble => claim.path.insert(at, claim.path[at]),
        Sort::Truncate => claim.path.truncate(at),
        Sort::HashOrder => claim.path.swap(at, below(good.path.len(), random)),
        Sort::IndexOff if random.below(2) == 0 => claim.before -= 1,
        Sort::IndexOff => claim.before += 1,
        // The sizes are bound by the signed heads, so a size comes with its root.
        Sort::SizeOff => {
            claim.after -= 1;
            claim.new = own.root(claim.after);
        }
        Sort::OtherLog if random.below(2) == 0 => claim.old = other.root(before),
        Sort::OtherLog => claim.new = other.root(after),
        _ => claim.path = other.consistency(before, after),
    }
    if claim == good {
        return None;
    }
    let Claim { before, old, after, new, path } = &claim;
    let error = verify_consistency((*before, old), (*after, new), path).unwrap_err();
    let named = match sort {
        Sort::LineDrop | Sort::LineDouble | Sort::Truncate => {
            error == ProofError::Length { actual: path.len() }
        }
        Sort::BitFlip | Sort::HashOrder | Sort::OtherLog | Sort::OtherPath => {
            matches!(error, ProofError::Root | ProofError::RootBefore)
        }
        _ => true,
    };
    assert!(named, "{sort:?} {before} to {after}: {error:?}");
    Some(sort)
}
