//! The chain of entries: each carries the hash of the one before it, and each is a leaf of the tree.
//!
//! [`Chain`] is all the state it takes to append or to check one more entry. It holds no entry, so a log of any length
//! is checked in the same memory. The `prev` hashes are for reading; what convinces someone else is the root.

use mandate::money::EXACT_INTEGER_MAX;
use mandate::{Head, UnixSeconds};
use serde::Serialize;
use thiserror::Error;

use crate::entry::{self, Entry, EntryError, EntryHash};
use crate::tree::{Added, Frontier};

/// Why an entry does not continue the chain.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum ChainError {
    /// The bytes are not an entry.
    #[error("entry {seq} is malformed")]
    Entry {
        /// The place in the log.
        seq: u64,
        /// What is wrong.
        #[source]
        source: EntryError,
    },
    /// The log holds 2^53 − 1 entries already.
    #[error("the log is full")]
    Full,
    /// Its `prev` is not the hash of the entry before it.
    #[error("entry {seq} does not carry the hash of the entry before it")]
    Prev {
        /// The place in the log.
        seq: u64,
    },
    /// It carries another number than its place.
    #[error("entry {seq} says that it is entry {found}")]
    Seq {
        /// The place in the log.
        seq: u64,
        /// The number it carries.
        found: u64,
    },
}

/// The end of a log: where the next entry goes.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    frontier: Frontier,
    last: Option<Last>,
}

/// What the next entry needs to know of the one before it.
#[derive(Debug, Clone, Copy)]
struct Last {
    hash: EntryHash,
    time: UnixSeconds,
}

/// An entry that continues the chain, and the nodes it completed.
#[derive(Debug, Clone)]
pub struct Link<'a> {
    /// The entry.
    pub entry: Entry<'a>,
    /// The nodes to store with it.
    pub added: Added,
}

impl Chain {
    /// The end of a log whose tree and last entry are known.
    ///
    /// `last` is the entry before the next one; `None` only for an empty log.
    #[must_use]
    pub fn resume(frontier: Frontier, last: Option<&Entry<'_>>) -> Self {
        Self { frontier, last: last.map(|entry| Last { hash: entry.hash(), time: entry.time }) }
    }

    /// How many entries there are and the root over them.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { size: self.frontier.size(), root: self.frontier.root() }
    }

    /// How many entries there are: the number of the next one.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// When the last entry was written; the epoch if there is none.
    #[must_use]
    pub fn last_time(&self) -> UnixSeconds {
        self.last.map_or(UnixSeconds::MAX.minus(u64::MAX), |last| last.time)
    }

    /// Makes the bytes of the entry that comes next, for [`Chain::push`]; the chain does not change.
    ///
    /// # Errors
    ///
    /// [`EntryError`] if `kind` is not one or `fields` is not written as a JSON object.
    pub fn encode(
        &self,
        time: UnixSeconds,
        kind: &str,
        fields: &impl Serialize,
    ) -> Result<Vec<u8>, EntryError> {
        entry::encode(self.size(), time, kind, self.last.map(|last| last.hash), fields)
    }

    /// Checks an entry's bytes and appends it.
    ///
    /// # Errors
    ///
    /// [`ChainError`]; the chain is then unchanged.
    pub fn push<'a>(&mut self, bytes: &'a [u8]) -> Result<Link<'a>, ChainError> {
        let seq = self.size();
        if seq >= EXACT_INTEGER_MAX {
            return Err(ChainError::Full);
        }
        let entry = Entry::parse(bytes).map_err(|source| ChainError::Entry { seq, source })?;
        if entry.seq != seq {
            return Err(ChainError::Seq { seq, found: entry.seq });
        }
        if entry.prev != self.last.map(|last| last.hash) {
            return Err(ChainError::Prev { seq });
        }
        let added = self.frontier.push(entry.leaf());
        self.last = Some(Last { hash: entry.hash(), time: entry.time });
        Ok(Link { entry, added })
    }
}

/// Checks a whole log, one entry at a time, and returns its head.
///
/// # Errors
///
/// [`ChainError`] at the first entry that is wrong.
pub fn verify_entries<B: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = B>,
) -> Result<Head, ChainError> {
    let mut chain = Chain::default();
    for bytes in entries {
        chain.push(bytes.as_ref())?;
    }
    Ok(chain.head())
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn log(entries: u64) -> Vec<Vec<u8>> {
        let mut chain = Chain::default();
        let append = |number: u64| {
            let time = UnixSeconds::new(100 + number).unwrap();
            let bytes = chain.encode(time, "note", &json!({"n": number})).unwrap();
            chain.push(&bytes).unwrap();
            bytes
        };
        (0..entries).map(append).collect()
    }

    #[test]
    fn a_log_verifies_from_its_bytes_alone() {
        let log = log(20);
        let head = verify_entries(&log).unwrap();
        assert_eq!(head.size, 20);
        assert_ne!(head, verify_entries(&log[..19]).unwrap());
        assert_eq!(verify_entries::<Vec<u8>>([]).unwrap(), Chain::default().head());
    }

    #[test]
    fn an_entry_out_of_place_is_named() {
        let mut swapped = log(5);
        swapped.swap(2, 3);
        let error = verify_entries(&swapped).unwrap_err();
        assert!(matches!(error, ChainError::Seq { seq: 2, found: 3 }));
        let mut foreign = log(5);
        foreign[1] = br#"{"seq":1,"time":101,"kind":"note","prev":"","n":1}"#.to_vec();
        let error = verify_entries(&foreign).unwrap_err();
        assert!(matches!(error, ChainError::Prev { seq: 1 }));
    }

    #[test]
    fn a_refused_entry_leaves_the_chain_as_it_was() {
        let mut chain = Chain::default();
        let before = chain.head();
        assert!(chain.push(b"{}").is_err());
        assert_eq!(chain.head(), before);
        assert_eq!(chain.last_time(), UnixSeconds::new(0).unwrap());
    }

    proptest! {
        #[test]
        fn no_byte_can_change_unseen(entry in 0usize..8, byte: usize, flip in 1u8..) {
            let mut log = log(8);
            let head = verify_entries(&log).unwrap();
            let byte = byte % log[entry].len();
            log[entry][byte] ^= flip;
            prop_assert!(verify_entries(&log).map_or(true, |changed| changed != head));
        }
    }
}
