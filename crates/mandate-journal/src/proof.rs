//! A proof in one file: that an entry is in a log whose owner signed its head.
//!
//! It is made of the entry's number, the hashes from its leaf to the root, and the checkpoint; beside them stands extra
//! data, which is worth only what is checked of it: whoever reads a proof takes the entry from there, and believes it
//! because its leaf leads to the signed root.
//!
//! Source: C2SP tlog-proof.

use std::fmt::Write as _;

use data_encoding::BASE64;
use mandate::PublicKey;
use mandate::money::EXACT_INTEGER_MAX;
use thiserror::Error;

use crate::checkpoint::{Checkpoint, CheckpointError, Origin, UnverifiedCheckpoint};
use crate::note::NOTE_BYTES_MAX;
use crate::tree::{
    NODE_BYTES, NodeHash, PROOF_HASHES_MAX, ProofError, leaf_hash, verify_inclusion,
};

/// Most bytes of extra data in a proof.
pub const EXTRA_BYTES_MAX: usize = 512 * 1024;
/// Most bytes in a proof.
pub const PROOF_BYTES_MAX: usize = 1024 * 1024;

/// The first line.
const VERSION_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Why a text is no proof, or one that proves nothing. Lines are counted from 1.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlogProofError {
    /// The checkpoint is at fault.
    #[error("the checkpoint that begins on line {line}: {source}")]
    Checkpoint {
        /// The line it begins on.
        line: usize,
        /// Why.
        source: CheckpointError,
    },
    /// The extra data is not base64, or too long.
    #[error("line 2 is no `extra`: base64 of at most {EXTRA_BYTES_MAX} bytes")]
    Extra,
    /// A line among the hashes is none.
    #[error("line {line} is no hash: base64 of {NODE_BYTES} bytes")]
    Hash {
        /// The line.
        line: usize,
    },
    /// The index is not a number in its one spelling.
    #[error("line {line} is no `index` of an entry")]
    Index {
        /// The line.
        line: usize,
    },
    /// The hashes do not lead from the entry to the signed root.
    #[error("the entry is not in the log that the checkpoint signs: {0}")]
    Inclusion(#[source] ProofError),
    /// It is larger than any proof may be.
    #[error("has {actual} bytes; at most {PROOF_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
    },
    /// It has more hashes than any proof needs.
    #[error("line {line} is one hash more than the {PROOF_HASHES_MAX} that a proof can have")]
    TooManyHashes {
        /// The line.
        line: usize,
    },
    /// It ends too early.
    #[error("ends before its checkpoint")]
    Truncated,
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    Utf8,
    /// It begins with another line.
    #[error("line 1 is not `{VERSION_LINE}`")]
    Version,
}

/// A proof as it was read or is to be written; nothing in it is believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// The entry's number.
    pub index: u64,
    /// The hashes from the leaf's sibling to the root's child.
    pub path: Vec<NodeHash>,
    /// The checkpoint, a signed note.
    pub checkpoint: String,
    /// What is said beside the proof.
    pub extra: Option<Vec<u8>>,
}

impl TlogProof {
    /// The proof as text.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = format!("{VERSION_LINE}\n");
        if let Some(extra) = &self.extra {
            text.push_str("extra ");
            text.push_str(&BASE64.encode(extra));
            text.push('\n');
        }
        // A String takes whatever is written into it.
        writeln!(text, "index {}", self.index).unwrap_or_default();
        for hash in &self.path {
            text.push_str(&BASE64.encode(hash.as_bytes()));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads a proof's shape; its checkpoint's too.
    ///
    /// # Errors
    ///
    /// [`TlogProofError`], with the line that is at fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(TlogProofError::TooLarge { actual: bytes.len() });
        }
        let text = str::from_utf8(bytes).or(Err(TlogProofError::Utf8))?;
        let mut reader = Lines { rest: text, line: 0 };
        if reader.next() != Some(VERSION_LINE) {
            let is_cut = VERSION_LINE.starts_with(text);
            return Err(if is_cut { TlogProofError::Truncated } else { TlogProofError::Version });
        }
        let mut line = reader.next().ok_or(TlogProofError::Truncated)?;
        let mut extra = None;
        if let Some(data) = line.strip_prefix("extra ") {
            let data = BASE64.decode(data.as_bytes()).or(Err(TlogProofError::Extra))?;
            extra = Some(data).filter(|data| data.len() <= EXTRA_BYTES_MAX);
            if extra.is_none() {
                return Err(TlogProofError::Extra);
            }
            line = reader.next().ok_or(TlogProofError::Truncated)?;
        }
        let index = index(line).ok_or(TlogProofError::Index { line: reader.line })?;
        let mut path = Vec::new();
        loop {
            let line = reader.next().ok_or(TlogProofError::Truncated)?;
            if line.is_empty() {
                break;
            }
            if path.len() == PROOF_HASHES_MAX {
                return Err(TlogProofError::TooManyHashes { line: reader.line });
            }
            path.push(hash(line).ok_or(TlogProofError::Hash { line: reader.line })?);
        }
        let begins = reader.line.saturating_add(1);
        let checkpoint = reader.rest.to_owned();
        UnverifiedCheckpoint::parse(&checkpoint)
            .map_err(|source| TlogProofError::Checkpoint { line: begins, source })?;
        Ok(Self { index, path, checkpoint, extra })
    }

    /// Which log it says it is of: to find out whose keys to look for.
    ///
    /// # Errors
    ///
    /// [`TlogProofError::Checkpoint`].
    pub fn origin(&self) -> Result<Origin, TlogProofError> {
        Ok(self.unverified()?.origin().clone())
    }

    /// Checks that `entry` stands at [`TlogProof::index`] in the log of `origin`, whose head one of `keys` signed.
    ///
    /// # Errors
    ///
    /// [`TlogProofError::Checkpoint`] or [`TlogProofError::Inclusion`].
    pub fn verify(
        &self,
        entry: &[u8],
        origin: &Origin,
        keys: &[PublicKey],
    ) -> Result<Checkpoint, TlogProofError> {
        let checkpoint = Checkpoint::verify(&self.checkpoint, origin, keys)
            .map_err(|source| self.at_the_checkpoint(source))?;
        let head = checkpoint.head();
        verify_inclusion(leaf_hash(entry), self.index, head.size, &head.root, &self.path)
            .map_err(TlogProofError::Inclusion)?;
        Ok(checkpoint)
    }

    fn unverified(&self) -> Result<UnverifiedCheckpoint<'_>, TlogProofError> {
        UnverifiedCheckpoint::parse(&self.checkpoint)
            .map_err(|source| self.at_the_checkpoint(source))
    }

    fn at_the_checkpoint(&self, source: CheckpointError) -> TlogProofError {
        // Version, index and the empty line, and what stands between them.
        let line = self.path.len().saturating_add(4).saturating_add(self.extra.is_some().into());
        TlogProofError::Checkpoint { line, source }
    }
}

/// Lines that end in a newline, counted.
struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (line, rest) = self.rest.split_once('\n')?;
        self.rest = rest;
        self.line = self.line.saturating_add(1);
        Some(line)
    }
}

fn index(line: &str) -> Option<u64> {
    let text = line.strip_prefix("index ")?;
    let index: u64 = text.parse().ok()?;
    (index <= EXACT_INTEGER_MAX && index.to_string() == text).then_some(index)
}

fn hash(line: &str) -> Option<NodeHash> {
    let bytes = BASE64.decode(line.as_bytes()).ok()?;
    bytes.try_into().ok().map(NodeHash::from_bytes)
}

// Larger notes than a proof can hold would make proofs that do not read back.
const _: () = assert!(NOTE_BYTES_MAX + EXTRA_BYTES_MAX / 3 * 4 < PROOF_BYTES_MAX);

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests {
    use std::convert::Infallible;

    use mandate::{Head, Signer as _};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::TestKey;
    use crate::tree::{Frontier, inclusion_path};

    fn origin() -> Origin {
        "mandate/wallet/ada".parse().unwrap()
    }

    fn entry(seq: u64) -> Vec<u8> {
        format!("entry {seq}").into_bytes()
    }

    fn proof(index: u64, size: u64, extra: Option<Vec<u8>>) -> TlogProof {
        let mut frontier = Frontier::default();
        let push = |seq: u64| frontier.push(leaf_hash(&entry(seq))).nodes;
        let stored: Vec<NodeHash> = (0..size).flat_map(push).collect();
        let node = |id: crate::tree::NodeId| {
            Ok::<_, Infallible>(stored[usize::try_from(id.position()).unwrap()])
        };
        let path = inclusion_path(index, size, node).unwrap();
        let head = Head { size, root: frontier.root() };
        let checkpoint = Checkpoint::sign(&origin(), head, &TestKey::new(1)).unwrap();
        TlogProof { index, path, checkpoint: checkpoint.as_str().to_owned(), extra }
    }

    #[test]
    fn a_proof_reads_back_and_proves_its_entry() {
        let keys = [TestKey::new(1).public_key()];
        for (index, size) in [(0, 1), (3, 7), (6, 7), (299, 300)] {
            for extra in [None, Some(b"said beside it".to_vec())] {
                let proof = proof(index, size, extra);
                let read = TlogProof::parse(proof.print().as_bytes()).unwrap();
                assert_eq!(read, proof);
                assert_eq!(read.origin().unwrap(), origin());
                let checkpoint = read.verify(&entry(index), &origin(), &keys).unwrap();
                assert_eq!(checkpoint.head().size, size);
                let error = read.verify(b"another", &origin(), &keys).unwrap_err();
                assert_eq!(error, TlogProofError::Inclusion(ProofError::Root));
            }
        }
    }

    #[test]
    fn the_line_at_fault_is_named() {
        let text = proof(3, 7, Some(b"x".to_vec())).print();
        let lines: Vec<&str> = text.lines().collect();
        let with = |line: usize, other: &str| {
            let mut lines = lines.clone();
            lines[line - 1] = other;
            lines.join("\n") + "\n"
        };
        let read = |text: String| TlogProof::parse(text.as_bytes()).unwrap_err();
        assert_eq!(read(with(1, "c2sp.org/tlog-proof@v2")), TlogProofError::Version);
        assert_eq!(read(with(2, "extra ?")), TlogProofError::Extra);
        assert_eq!(read(with(2, "index 3")), TlogProofError::Hash { line: 3 });
        assert_eq!(read(with(3, "index 03")), TlogProofError::Index { line: 3 });
        assert_eq!(read(with(4, "AAAA")), TlogProofError::Hash { line: 4 });
        let size = TlogProofError::Checkpoint { line: 8, source: CheckpointError::Size };
        assert_eq!(read(with(9, "07")), size);
        for cut in
            ["", "c2sp.org/tlog", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v1\nindex 0\n"]
        {
            assert_eq!(read(cut.to_owned()), TlogProofError::Truncated, "{cut:?}");
        }
        let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(PROOF_HASHES_MAX + 1);
        let long = format!("c2sp.org/tlog-proof@v1\nindex 0\n{hash}\n");
        assert_eq!(read(long), TlogProofError::TooManyHashes { line: 3 + PROOF_HASHES_MAX });
        let large = " ".repeat(PROOF_BYTES_MAX + 1);
        assert_eq!(read(large), TlogProofError::TooLarge { actual: PROOF_BYTES_MAX + 1 });
        let stranger = [TestKey::new(2).public_key()];
        let error = proof(3, 7, None).verify(&entry(3), &origin(), &stranger).unwrap_err();
        assert!(matches!(error, TlogProofError::Checkpoint { line: 7, .. }), "{error:?}");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_what_was_read(index in 0u64..60, more in 1u64..60, cut: usize, flip in 1u8..) {
            let proof = proof(index, index + more, None);
            let keys = [TestKey::new(1).public_key()];
            let mut bytes = proof.print().into_bytes();
            let at = cut % bytes.len();
            bytes[at] ^= flip;
            if let Ok(read) = TlogProof::parse(&bytes) {
                prop_assert_eq!(read.print().into_bytes(), bytes);
                prop_assert!(read.verify(&entry(index), &origin(), &keys).is_err());
            }
        }

        #[test]
        fn any_bytes_are_a_proof_or_refused(bytes in any::<Vec<u8>>()) {
            drop(TlogProof::parse(&bytes));
        }
    }
}
