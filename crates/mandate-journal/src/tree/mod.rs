//! The Merkle tree of RFC 9162, section 2.1: hashes, the stored nodes and their places, and roots of any size.
//!
//! A node is stored once, when its subtree is complete, at a place that depends on nothing that comes later: nodes are
//! numbered in the order in which they become complete, so an append only ever adds at the end. Everything a root or a
//! proof of any size needs can be looked up again by that number. This module never stores anything itself.

mod proof;

use mandate::Root;
use sha2::{Digest as _, Sha256};

pub use proof::{
    PROOF_HASHES_MAX, ProofError, consistency_path, inclusion_path, verify_consistency,
    verify_inclusion,
};

/// Bytes in a node's hash.
pub const NODE_BYTES: usize = 32;

/// What is hashed before an entry's bytes (RFC 9162, section 2.1.1).
const LEAF_PREFIX: [u8; 1] = [0x00];
/// What is hashed before the two halves of a node (RFC 9162, section 2.1.1).
const NODE_PREFIX: [u8; 1] = [0x01];

/// The hash of a leaf or of a complete subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeHash([u8; NODE_BYTES]);

impl NodeHash {
    /// Takes a hash that was stored or received.
    #[must_use]
    pub fn from_bytes(bytes: [u8; NODE_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; NODE_BYTES] {
        &self.0
    }
}

/// The hash of one entry as a leaf: `SHA-256(0x00 ‖ bytes)`.
///
/// Source: RFC 9162, section 2.1.1.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> NodeHash {
    NodeHash(Sha256::new().chain_update(LEAF_PREFIX).chain_update(bytes).finalize().into())
}

/// The hash of a node over its two halves: `SHA-256(0x01 ‖ left ‖ right)`.
///
/// Source: RFC 9162, section 2.1.1.
#[must_use]
pub fn node_hash(left: NodeHash, right: NodeHash) -> NodeHash {
    let hash = Sha256::new().chain_update(NODE_PREFIX).chain_update(left.0).chain_update(right.0);
    NodeHash(hash.finalize().into())
}

/// A complete subtree: the `index`-th run of 2^`level` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId {
    /// Height above the leaves; a leaf has 0.
    pub level: u32,
    /// Which of the nodes of this height, counted from the left, from 0.
    pub index: u64,
}

impl NodeId {
    /// The leaf of entry `seq`.
    #[must_use]
    pub fn leaf(seq: u64) -> Self {
        Self { level: 0, index: seq }
    }

    /// Where the node is stored: how many nodes were complete before it.
    ///
    /// A node is complete with its last leaf, after the smaller nodes that the same leaf completes.
    #[must_use]
    pub fn position(self) -> u64 {
        nodes_stored(self.last_leaf()).saturating_add(u64::from(self.level))
    }

    /// The last leaf under the node: the entry that completes it.
    #[must_use]
    pub fn last_leaf(self) -> u64 {
        let leaves = 2u64.saturating_pow(self.level);
        self.index.saturating_add(1).saturating_mul(leaves).saturating_sub(1)
    }
}

/// How many nodes a log of `size` entries stores: the complete subtrees of every height.
#[must_use]
pub fn nodes_stored(size: u64) -> u64 {
    size.saturating_mul(2).saturating_sub(u64::from(size.count_ones()))
}

/// The complete subtrees that a tree of `size` leaves consists of, from the largest (leftmost) to the smallest.
pub fn peaks(size: u64) -> impl Iterator<Item = NodeId> {
    let mut start = 0u64;
    (0..u64::BITS).rev().filter_map(move |level| {
        let leaves = 2u64.saturating_pow(level);
        (size & leaves != 0).then(|| {
            let index = start.checked_shr(level).unwrap_or(0);
            start = start.saturating_add(leaves);
            NodeId { level, index }
        })
    })
}

/// The root of the first `size` leaves, from stored nodes.
///
/// `node` is asked for O(log `size`) nodes, each of them complete in any log of at least `size` entries.
///
/// # Errors
///
/// Whatever `node` fails with.
///
/// Source: RFC 9162, section 2.1.1.
pub fn root_at<E>(size: u64, node: impl FnMut(NodeId) -> Result<NodeHash, E>) -> Result<Root, E> {
    Ok(Frontier::load(size, node)?.root())
}

/// The nodes that one leaf completed: itself, then each parent that it was the last leaf of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Where the first of them is stored; the others follow it.
    pub position: u64,
    /// The hashes, in the order in which they are stored; never empty.
    pub nodes: Vec<NodeHash>,
}

/// The right edge of a tree: all that is needed to append a leaf and to know the root.
///
/// At most one hash for each bit of its size; its cost does not grow with the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<NodeHash>,
}

impl Frontier {
    /// The edge of a tree of `size` leaves, from stored nodes.
    ///
    /// # Errors
    ///
    /// Whatever `node` fails with.
    pub fn load<E>(size: u64, node: impl FnMut(NodeId) -> Result<NodeHash, E>) -> Result<Self, E> {
        let peaks = peaks(size).map(node).collect::<Result<_, E>>()?;
        Ok(Self { size, peaks })
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf and returns the nodes it completed, which are to be stored.
    pub fn push(&mut self, leaf: NodeHash) -> Added {
        let position = nodes_stored(self.size);
        let mut nodes = vec![leaf];
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            node = node_hash(left, node);
            nodes.push(node);
        }
        self.peaks.push(node);
        self.size = self.size.saturating_add(1);
        Added { position, nodes }
    }

    /// The root over all leaves; that of an empty tree is the hash of nothing.
    ///
    /// Source: RFC 9162, section 2.1.1.
    #[must_use]
    pub fn root(&self) -> Root {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(smallest) = peaks.next() else { return Root::of(b"") };
        Root::from_bytes(peaks.fold(smallest, |right, left| node_hash(left, right)).0)
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "small numbers, and a panic is a failed test"
)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// The definition of RFC 9162, section 2.1.1, word for word.
    fn naive(leaves: &[NodeHash]) -> NodeHash {
        match leaves {
            [] => NodeHash(*Root::of(b"").as_bytes()),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(naive(left), naive(right))
            }
        }
    }

    fn leaves(size: usize) -> Vec<NodeHash> {
        (0..size).map(|seq| leaf_hash(&seq.to_be_bytes())).collect()
    }

    #[test]
    fn roots_of_every_size_are_those_of_the_definition() {
        let leaves = leaves(300);
        let mut frontier = Frontier::default();
        let mut stored: Vec<NodeHash> = Vec::new();
        for size in 0..=leaves.len() {
            let expected = Root::from_bytes(naive(&leaves[..size]).0);
            assert_eq!(frontier.root(), expected, "size {size}");
            if let Some(leaf) = leaves.get(size) {
                let added = frontier.push(*leaf);
                assert_eq!(added.position, stored.len() as u64);
                stored.extend(added.nodes);
            }
        }
        for size in 0..=leaves.len() {
            let root = root_at(size as u64, |id| {
                Ok::<_, Infallible>(stored[usize::try_from(id.position()).unwrap()])
            });
            let expected = Root::from_bytes(naive(&leaves[..size]).0);
            assert_eq!(root.unwrap(), expected, "size {size} of {}", leaves.len());
        }
    }

    #[test]
    fn every_stored_node_covers_the_leaves_its_name_says() {
        let leaves = leaves(130);
        let mut frontier = Frontier::default();
        let stored: Vec<_> = leaves.iter().flat_map(|leaf| frontier.push(*leaf).nodes).collect();
        let mut seen = 0;
        for level in 0..8u32 {
            for (index, run) in leaves.chunks_exact(1 << level).enumerate() {
                let id = NodeId { level, index: index as u64 };
                assert_eq!(stored[usize::try_from(id.position()).unwrap()], naive(run), "{id:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, stored.len(), "each node is stored once");
        assert_eq!(nodes_stored(130), stored.len() as u64);
    }

    /// The test vectors of Certificate Transparency, which every implementation of RFC 6962 and 9162 shares.
    #[test]
    fn known_vectors() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::default();
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(hex::encode(frontier.root().as_bytes()), *root, "size {size}");
            if let Some(input) = inputs.get(size) {
                frontier.push(leaf_hash(&hex::decode(input).unwrap()));
            }
        }
    }

    proptest! {
        #[test]
        fn positions_fill_the_store_without_gaps_at_any_size(size in 0u64..(1 << 53) - 1) {
            let completed = (0..=size.trailing_ones())
                .map(|level| NodeId { level, index: size >> level }.position());
            let expected = nodes_stored(size)..nodes_stored(size + 1);
            prop_assert!(completed.eq(expected));
        }

        #[test]
        fn peaks_cover_the_leaves_from_left_to_right(size in 0u64..(1 << 53)) {
            let mut covered = 0u64;
            for peak in peaks(size) {
                prop_assert_eq!(peak.index << peak.level, covered);
                covered = peak.last_leaf() + 1;
            }
            prop_assert_eq!(covered, size);
        }
    }
}
