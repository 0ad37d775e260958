//! Proofs over the tree: that an entry is in it, and that a larger tree continues a smaller one.
//!
//! A proof is made from stored nodes and checked from nothing but itself and the roots it is about. Its length is the
//! height of the tree, so whoever checks one holds no log.

use mandate::Root;
use thiserror::Error;

use super::{NodeHash, NodeId, node_hash, peaks};

/// Most hashes in a proof: no tree of at most 2^53 − 1 entries needs more.
pub const PROOF_HASHES_MAX: usize = 64;

/// Why a proof does not show what it is said to show.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// The number of hashes is not the one that belongs to these sizes.
    #[error("has {actual} hashes, which is not what a proof of this entry and size has")]
    Length {
        /// How many it has.
        actual: usize,
    },
    /// There is no such entry in a tree of that size, or the sizes are in the wrong order.
    #[error("{index} is not within a tree of {size} entries")]
    Range {
        /// The entry's number, or the smaller size.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The hashes lead to another root.
    #[error("the hashes lead to another root")]
    Root,
    /// The hashes lead to another root of the smaller tree.
    #[error("the hashes lead to another root of the smaller tree")]
    RootBefore,
}

/// The hashes that lead from entry `index` to the root of the first `size` entries, the leaf's sibling first.
///
/// `node` is asked for O(log² `size`) stored nodes, all complete in any log of at least `size` entries.
///
/// # Errors
///
/// Whatever `node` fails with. An `index` past `size` has no path; the result is then empty.
///
/// Source: RFC 9162, section 2.1.3.1.
pub fn inclusion_path<E>(
    index: u64,
    size: u64,
    mut node: impl FnMut(NodeId) -> Result<NodeHash, E>,
) -> Result<Vec<NodeHash>, E> {
    let mut path = Vec::new();
    let (mut from, mut to) = if index < size { (0, size) } else { (0, 0) };
    while let Some(middle) = split(from, to) {
        if index < middle {
            path.push(range(middle, to, &mut node)?);
            to = middle;
        } else {
            path.push(range(from, middle, &mut node)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show that the first `after` entries begin with the first `before` ones.
///
/// `node` is asked for O(log² `after`) stored nodes.
///
/// # Errors
///
/// Whatever `node` fails with. Sizes that are equal, in the wrong order, or 0 need no hash and give none.
///
/// Source: RFC 9162, section 2.1.4.1.
pub fn consistency_path<E>(
    before: u64,
    after: u64,
    mut node: impl FnMut(NodeId) -> Result<NodeHash, E>,
) -> Result<Vec<NodeHash>, E> {
    let mut path = Vec::new();
    if before == 0 || before >= after {
        return Ok(path);
    }
    let (mut from, mut to) = (0, after);
    // Whoever checks knows the old root, so the old tree itself is left out where it is one node of the new.
    let mut is_known = true;
    while to != before {
        let Some(middle) = split(from, to) else { break };
        if before <= middle {
            path.push(range(middle, to, &mut node)?);
            to = middle;
        } else {
            path.push(range(from, middle, &mut node)?);
            from = middle;
            is_known = false;
        }
    }
    if !is_known {
        path.push(range(from, to, &mut node)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks that `leaf` is entry `index` of the `size` entries under `root`.
///
/// # Errors
///
/// [`ProofError`].
///
/// Source: RFC 9162, section 2.1.3.2.
pub fn verify_inclusion(
    leaf: NodeHash,
    index: u64,
    size: u64,
    root: &Root,
    path: &[NodeHash],
) -> Result<(), ProofError> {
    let mut last = size.checked_sub(1).ok_or(ProofError::Range { index, size })?;
    if index > last {
        return Err(ProofError::Range { index, size });
    }
    let length = ProofError::Length { actual: path.len() };
    let mut at = index;
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return Err(length);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(*sibling, hash);
            // The last node of a level without a sibling stands for itself on the next.
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = node_hash(hash, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length);
    }
    if hash.as_bytes() == root.as_bytes() { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the `after` entries under `new` begin with the `before` entries under `old`.
///
/// # Errors
///
/// [`ProofError`].
///
/// Source: RFC 9162, section 2.1.4.2.
pub fn verify_consistency(
    (before, old): (u64, &Root),
    (after, new): (u64, &Root),
    path: &[NodeHash],
) -> Result<(), ProofError> {
    let length = ProofError::Length { actual: path.len() };
    if before > after {
        return Err(ProofError::Range { index: before, size: after });
    }
    if before == 0 || before == after {
        if !path.is_empty() {
            return Err(length);
        }
        let expected = if before == 0 { Root::of(b"") } else { *new };
        return if *old == expected { Ok(()) } else { Err(ProofError::RootBefore) };
    }
    let mut at = before.saturating_sub(1);
    let mut last = after.saturating_sub(1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let mut hashes = path.iter().copied();
    let start = if before.is_power_of_two() {
        NodeHash::from_bytes(*old.as_bytes())
    } else {
        hashes.next().ok_or(length)?
    };
    let (mut old_hash, mut new_hash) = (start, start);
    for sibling in hashes {
        if last == 0 {
            return Err(length);
        }
        if at & 1 == 1 || at == last {
            old_hash = node_hash(sibling, old_hash);
            new_hash = node_hash(sibling, new_hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(new_hash, sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length);
    }
    if old_hash.as_bytes() != old.as_bytes() {
        return Err(ProofError::RootBefore);
    }
    if new_hash.as_bytes() == new.as_bytes() { Ok(()) } else { Err(ProofError::Root) }
}

/// Where a run of more than one leaf is split: after the largest power of two that leaves something on the right.
fn split(from: u64, to: u64) -> Option<u64> {
    let last = to.saturating_sub(from).checked_sub(1).filter(|last| *last > 0)?;
    let leaves = 1u64.checked_shl(last.ilog2()).unwrap_or(1);
    Some(from.saturating_add(leaves))
}

/// The hash over the leaves in [`from`, `to`), a run that a split left: it starts where a subtree of its size may.
fn range<E>(
    from: u64,
    to: u64,
    node: &mut impl FnMut(NodeId) -> Result<NodeHash, E>,
) -> Result<NodeHash, E> {
    let mut found = Vec::new();
    for NodeId { level, index } in peaks(to.saturating_sub(from)) {
        let before = from.checked_shr(level).unwrap_or(0);
        found.push(node(NodeId { level, index: before.saturating_add(index) })?);
    }
    let mut found = found.into_iter().rev();
    // A split never leaves an empty run, and the hash of nothing is what one would have.
    let smallest = found.next().unwrap_or_else(|| NodeHash::from_bytes(*Root::of(b"").as_bytes()));
    Ok(found.fold(smallest, |right, left| node_hash(left, right)))
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tree::{Frontier, leaf_hash, root_at};

    /// The log is not long enough for the node.
    #[derive(Debug)]
    struct Missing;

    struct Log {
        stored: Vec<NodeHash>,
    }

    impl Log {
        fn new(size: u64) -> Self {
            let mut frontier = Frontier::default();
            let push = |seq: u64| frontier.push(leaf(seq)).nodes;
            Self { stored: (0..size).flat_map(push).collect() }
        }

        fn node(&self, id: NodeId) -> Result<NodeHash, Missing> {
            self.stored.get(usize::try_from(id.position()).unwrap()).copied().ok_or(Missing)
        }

        fn root(&self, size: u64) -> Root {
            root_at(size, |id| self.node(id)).unwrap()
        }
    }

    fn leaf(seq: u64) -> NodeHash {
        leaf_hash(&seq.to_be_bytes())
    }

    #[test]
    fn every_entry_of_every_size_is_proven() {
        let log = Log::new(70);
        for size in 1..=70 {
            let root = log.root(size);
            for index in 0..size {
                let path = inclusion_path(index, size, |id| log.node(id)).unwrap();
                let proven = verify_inclusion(leaf(index), index, size, &root, &path);
                assert_eq!(proven, Ok(()), "{index} of {size}");
            }
        }
    }

    #[test]
    fn every_size_continues_every_smaller_one() {
        let log = Log::new(70);
        for after in 0..=70 {
            for before in 0..=after {
                let path = consistency_path(before, after, |id| log.node(id)).unwrap();
                let (old, new) = (log.root(before), log.root(after));
                let proven = verify_consistency((before, &old), (after, &new), &path);
                assert_eq!(proven, Ok(()), "{before} to {after}");
            }
        }
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        let root = Root::of(b"");
        let range = verify_inclusion(leaf(0), 3, 3, &root, &[]);
        assert_eq!(range, Err(ProofError::Range { index: 3, size: 3 }));
        let range = verify_inclusion(leaf(0), 0, 0, &root, &[]);
        assert_eq!(range, Err(ProofError::Range { index: 0, size: 0 }));
        let range = verify_consistency((2, &root), (1, &root), &[]);
        assert_eq!(range, Err(ProofError::Range { index: 2, size: 1 }));
        assert_eq!(inclusion_path(5, 3, |_| Err(())), Ok(Vec::new()));
    }

    #[test]
    fn an_empty_log_is_continued_by_any_and_has_one_root() {
        let log = Log::new(3);
        let (empty, other, new) = (Root::of(b""), Root::of(b"x"), log.root(3));
        assert_eq!(verify_consistency((0, &empty), (3, &new), &[]), Ok(()));
        let wrong = verify_consistency((0, &other), (3, &new), &[]);
        assert_eq!(wrong, Err(ProofError::RootBefore));
        let longer = verify_consistency((3, &new), (3, &new), &[leaf(0)]);
        assert_eq!(longer, Err(ProofError::Length { actual: 1 }));
    }

    proptest! {
        #[test]
        fn no_other_claim_passes(
            size in 1u64..200, index: u64, other: u64, cut: usize, bit: usize, extra: bool,
        ) {
            let log = Log::new(size);
            let (index, other) = (index % size, other % size);
            let root = log.root(size);
            let path = inclusion_path(index, size, |id| log.node(id)).unwrap();
            if other != index {
                prop_assert!(verify_inclusion(leaf(index), other, size, &root, &path).is_err());
                prop_assert!(verify_inclusion(leaf(other), index, size, &root, &path).is_err());
            }
            let mut changed = path.clone();
            if extra {
                changed.insert(cut % (path.len() + 1), leaf(7));
            } else if path.is_empty() {
                return Ok(());
            } else {
                let mut bytes = *path[cut % path.len()].as_bytes();
                bytes[bit / 8 % 32] ^= 1 << (bit % 8);
                changed[cut % path.len()] = NodeHash::from_bytes(bytes);
            }
            prop_assert!(verify_inclusion(leaf(index), index, size, &root, &changed).is_err());
            let shorter = &path[..path.len().saturating_sub(1)];
            if shorter.len() < path.len() {
                prop_assert!(verify_inclusion(leaf(index), index, size, &root, shorter).is_err());
            }
        }

        #[test]
        fn no_other_history_passes(before in 1u64..150, more in 1u64..150, at: usize, bit: usize) {
            let after = before + more;
            let log = Log::new(after);
            let (old, new) = (log.root(before), log.root(after));
            let path = consistency_path(before, after, |id| log.node(id)).unwrap();
            let forged = Root::of(b"forged");
            let check = |old: &Root, new: &Root, path: &[NodeHash]| {
                verify_consistency((before, old), (after, new), path)
            };
            prop_assert!(check(&forged, &new, &path).is_err());
            prop_assert!(check(&old, &forged, &path).is_err());
            let mut changed = path.clone();
            let at = at % path.len();
            let mut bytes = *path[at].as_bytes();
            bytes[bit / 8 % 32] ^= 1 << (bit % 8);
            changed[at] = NodeHash::from_bytes(bytes);
            prop_assert!(check(&old, &new, &changed).is_err());
            prop_assert!(check(&old, &new, &path[1..]).is_err());
            prop_assert!(path.len() <= PROOF_HASHES_MAX);
        }
    }
}
