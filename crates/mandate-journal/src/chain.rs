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
