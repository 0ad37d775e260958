//! The checkpoints of a journal: when they are signed, where they are kept, and what they are held against.
//!
//! A checkpoint is signed in the transaction of the entry that makes it due, so it is on disk with the entries it
//! speaks of or not at all, and two of one journal never contradict each other. Without a key nothing is sealed; the
//! next one that is signed covers what came meanwhile.

use std::fmt;
use std::sync::{Arc, PoisonError};

use mandate::{Head, PublicKey, Root, Signer};
use rusqlite::{Connection, OptionalExtension as _};
use thiserror::Error;
use tokio::sync::watch;

use super::error::{Damage, StoreError, VerifyFault};
use super::read;
use crate::checkpoint::{Checkpoint, CheckpointError, Origin};
use crate::sync::RwLock;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Entries after which the next checkpoint is due.
pub const CHECKPOINT_ENTRIES: u64 = 64;

/// Whose log it is: what its checkpoints are signed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOwner {
    /// The log's name.
    pub origin: Origin,
    /// The key that signs.
    pub key: PublicKey,
}

/// Why a journal is not the one of a checkpoint.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum CheckpointFault {
    /// The log is shorter than what was signed.
    #[error("the journal has {actual} entries, and {signed} were signed: it is an older copy")]
    Shorter {
        /// Entries that were signed.
        signed: u64,
        /// Entries there are.
        actual: u64,
    },
    /// The log's first entries are other ones than those that were signed.
    #[error("the first {signed} entries are not those that were signed: it is another copy")]
    Other {
        /// Entries that were signed.
        signed: u64,
    },
    /// The checkpoint is none of this log, or nobody vouches for it.
    #[error("the checkpoint of the journal {0}")]
    Unsigned(#[source] CheckpointError),
}

impl CheckpointFault {
    /// Whether the checkpoint itself is at fault, so that nothing is known of the journal.
    #[must_use]
    pub fn is_unsigned(&self) -> bool {
        matches!(self, Self::Unsigned(_))
    }
}

/// Why a journal was not held against a remembered checkpoint, or does not stand it.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum RecallError {
    /// It is not the log that was signed.
    #[error(transparent)]
    Fault(#[from] CheckpointFault),
    /// The journal cannot be read.
    #[error("the journal cannot be read")]
    Store(#[from] StoreError),
}

/// What signs the checkpoints of an open journal, and the newest of them that is on disk.
pub(super) struct Sealing {
    signer: RwLock<Option<Arc<dyn Signer>>>,
    /// Set for good: whoever supplies a key later supplies it in vain.
    is_over: AtomicBool,
    newest: watch::Sender<Option<Checkpoint>>,
}

impl Sealing {
    pub(super) fn new(newest: Option<Checkpoint>) -> Self {
        let (signer, is_over) = (RwLock::default(), AtomicBool::new(false));
        Self { signer, is_over, newest: watch::Sender::new(newest) }
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    pub(super) fn supply(&self, signer: Arc<dyn Signer>) {
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = Some(signer);
    }

    /// Lets the key go; returns once no signature with it is under way.
    pub(super) fn forget(&self) {
        *self.signer.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Lends what signs for this owner, if it is here; another's key never signs.
    ///
    /// Lent and not handed out: whoever takes the key away must know that nobody holds it any more.
    pub(super) fn lend<R>(
        &self,
        owner: &LogOwner,
        sign: impl FnOnce(&dyn Signer) -> R,
    ) -> Option<R> {
        if self.is_over.load(Ordering::SeqCst) {
            return None;
        }
        let signer = self.signer.read().unwrap_or_else(PoisonError::into_inner);
        let signer = signer.as_deref().filter(|signer| signer.public_key() == owner.key)?;
        Some(sign(signer))
    }

    /// Tells who watches that a checkpoint is on disk.
    pub(super) fn publish(&self, checkpoint: Option<&Checkpoint>) {
        self.newest.send_if_modified(|newest| {
            let is_new = newest.as_ref() != checkpoint;
            if is_new {
                *newest = checkpoint.cloned();
            }
            is_new
        });
    }

    pub(super) fn newest(&self) -> watch::Receiver<Option<Checkpoint>> {
        self.newest.subscribe()
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let newest = self.newest.borrow().as_ref().map(|checkpoint| checkpoint.head().size);
        f.debug_struct("Sealing").field("newest", &newest).finish_non_exhaustive()
    }
}

/// Stores a checkpoint in the transaction under way.
pub(super) fn store(db: &Connection, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO journal_checkpoint (size, note) VALUES (?1, ?2)")?
        .execute((checkpoint.head().size, checkpoint.as_str()))?;
    Ok(())
}

/// The newest checkpoint, if its signature is the owner's.
pub(super) fn newest(
    db: &Connection,
    owner: Option<&LogOwner>,
) -> Result<Option<Checkpoint>, StoreError> {
    let row: Option<(u64, String)> = db
        .prepare_cached("SELECT size, note FROM journal_checkpoint ORDER BY size DESC LIMIT 1")?
        .query_row((), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (Some((size, note)), Some(owner)) = (row, owner) else { return Ok(None) };
    believe(size, &note, owner).map(Some)
}

/// A stored checkpoint, if it is signed by the owner and stands in its place.
pub(super) fn believe(size: u64, note: &str, owner: &LogOwner) -> Result<Checkpoint, StoreError> {
    let fault = |fault| StoreError::Checkpoint { size, fault };
    let checkpoint = Checkpoint::verify(note, &owner.origin, &[owner.key])
        .map_err(|error| fault(CheckpointFault::Unsigned(error)))?;
    let signed = checkpoint.head().size;
    if signed == size { Ok(checkpoint) } else { Err(fault(CheckpointFault::Other { signed })) }
}

/// Holds the log that `db` sees against a head that was signed.
///
/// Costs one root: O(log n) nodes.
pub(super) fn hold_against(db: &Connection, signed: Head) -> Result<(), RecallError> {
    let actual = read::head(db)?.map_or(0, |head| head.size);
    if actual < signed.size {
        return Err(CheckpointFault::Shorter { signed: signed.size, actual }.into());
    }
    let root: Root = read::root_at(db, signed.size)?;
    if root == signed.root {
        Ok(())
    } else {
        Err(CheckpointFault::Other { signed: signed.size }.into())
    }
}

/// Every checkpoint of a log, held against the log while it is read from its first entry on.
pub(super) struct Seals<'o> {
    owner: &'o LogOwner,
    count: u64,
}

impl<'o> Seals<'o> {
    /// Begins before the first entry.
    pub(super) fn new(owner: &'o LogOwner) -> Self {
        Self { owner, count: 0 }
    }
}

impl Seals<'_> {
    /// The size of the next checkpoint after the first `size` entries.
    pub(super) fn next_after(db: &Connection, size: u64) -> Result<Option<u64>, StoreError> {
        let mut query =
            db.prepare_cached("SELECT min(size) FROM journal_checkpoint WHERE size > ?1")?;
        Ok(query.query_row((size,), |row| row.get(0))?)
    }

    /// How many were held against the log.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Checks the checkpoint of a size, whose root the entries add up to.
    pub(super) fn check(&mut self, db: &Connection, computed: Head) -> Result<(), VerifyFault> {
        let size = computed.size;
        let mut query = db.prepare_cached("SELECT note FROM journal_checkpoint WHERE size = ?1")?;
        let note: String = query.query_row((size,), |row| row.get(0))?;
        let checkpoint = believe(size, &note, self.owner)?;
        if checkpoint.head() != computed {
            let fault = CheckpointFault::Other { signed: size };
            return Err(Damage::Checkpoint { size, fault }.into());
        }
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}
