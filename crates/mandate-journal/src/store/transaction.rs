//! What a caller's work sees of the transaction it runs in.

use std::fmt;
use std::sync::Arc;

use mandate::clock::{ClockFault, ClockReading};
use mandate::{Head, Root, Signer, UnixSeconds};
use rusqlite::Connection;
use serde::Serialize;

use super::error::StoreError;
use super::seal::{self, CHECKPOINT_ENTRIES, Sealing};
use super::{Projection, mark, read};
use crate::chain::Chain;
use crate::checkpoint::Checkpoint;

/// What the writer holds in memory: always equal to the rows that the transaction under way sees.
#[derive(Debug)]
pub(super) struct State<P> {
    pub(super) projection: P,
    pub(super) chain: Chain,
    pub(super) mark: Option<ClockReading>,
    /// How often the mark was set since the last commit.
    pub(super) marks: u64,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) sealing: Arc<Sealing>,
}

impl<P: Projection> State<P> {
    /// Reads all of it from rows.
    pub(super) fn load(db: &Connection, sealing: Arc<Sealing>) -> Result<Self, StoreError> {
        let projection = P::load(db)?;
        let checkpoint = seal::newest(db, projection.log_owner().as_ref())?;
        let (chain, mark) = (read::chain(db)?, mark::load(db)?);
        Ok(Self { projection, chain, mark, marks: 0, checkpoint, sealing })
    }

    /// How many entries came after the newest checkpoint.
    fn unsealed(&self) -> u64 {
        let sealed = self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.head().size);
        self.chain.size().saturating_sub(sealed)
    }
}

/// An entry that was appended; on disk only when the transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The entry's number.
    pub seq: u64,
    /// The journal right after it.
    pub head: Head,
}

/// The transaction that a caller's work runs in, after the work of others in the same commit.
pub struct Transaction<'a, P> {
    pub(super) db: &'a Connection,
    pub(super) state: &'a mut State<P>,
}

impl<P: Projection> Transaction<'_, P> {
    /// The projection's memory, with everything this transaction has appended so far.
    #[must_use]
    pub fn projection(&self) -> &P {
        &self.state.projection
    }

    /// The projection, for memory that is no projection of entries (caches, notes).
    ///
    /// What entries make of it must change in [`Projection::apply`] alone. Everything else may be forgotten at any
    /// time: a commit that fails reloads the projection from rows.
    pub fn projection_mut(&mut self) -> &mut P {
        &mut self.state.projection
    }

    /// The connection and the projection, for memory that is made from rows.
    ///
    /// As [`Transaction::db`] and [`Transaction::projection_mut`].
    pub fn db_and_projection_mut(&mut self) -> (&Connection, &mut P) {
        (self.db, &mut self.state.projection)
    }

    /// The connection, to read rows with.
    ///
    /// Rows of [`Projection::TABLES`] change in [`Projection::apply`] alone, and nobody but the writer begins, commits
    /// or rolls back.
    #[must_use]
    pub fn db(&self) -> &Connection {
        self.db
    }

    /// The head, with everything this transaction has appended so far.
    #[must_use]
    pub fn head(&self) -> Head {
        self.state.chain.head()
    }

    /// When the last entry was written, with everything this transaction has appended so far.
    #[must_use]
    pub fn last_time(&self) -> UnixSeconds {
        self.state.chain.last_time()
    }

    /// Holds a reading against the last one that was believed.
    ///
    /// # Errors
    ///
    /// [`ClockFault`] when it cannot be right. The first reading of a journal is believed.
    pub fn believe(&self, now: &ClockReading) -> Result<(), ClockFault> {
        self.state.mark.as_ref().map_or(Ok(()), |last| now.believe_after(last))
    }

    /// Makes a reading the measure of later ones, as of this transaction.
    pub fn set_mark(&mut self, now: &ClockReading) {
        self.state.mark = Some(now.clone());
        self.state.marks = self.state.marks.saturating_add(1);
    }

    /// The bytes of one entry; `None` if there is none of this number.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn entry(&self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        read::entry(self.db, seq)
    }

    /// The root of the first `size` entries.
    ///
    /// # Errors
    ///
    /// [`StoreError::NodeMissing`] if there are fewer entries, [`StoreError::Sqlite`].
    pub fn root_at(&self, size: u64) -> Result<Root, StoreError> {
        read::root_at(self.db, size)
    }

    /// Appends one entry: its bytes, its place in chain and tree, and what the projection makes of it.
    ///
    /// `kind` is `[a-z][a-z0-9_]*`; `fields` is written as a JSON object without `seq`, `time`, `kind` and `prev`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Entry`] or [`StoreError::Chain`] if `kind` and `fields` make no entry: nothing was changed then.
    /// Any other error, be it SQLite's or that of [`Projection::apply`], must be handed back to the writer, which rolls
    /// back.
    pub fn append(
        &mut self,
        time: UnixSeconds,
        kind: &str,
        fields: &impl Serialize,
    ) -> Result<Appended, StoreError> {
        let State { projection, chain, .. } = &mut *self.state;
        let bytes = chain.encode(time, kind, fields)?;
        let link = chain.push(&bytes)?;
        let seq = link.entry.seq;
        self.db
            .prepare_cached("INSERT INTO journal_entry (seq, bytes) VALUES (?1, ?2)")?
            .execute((seq, &bytes))?;
        let mut insert =
            self.db.prepare_cached("INSERT INTO journal_node (position, hash) VALUES (?1, ?2)")?;
        for (position, hash) in (link.added.position..).zip(&link.added.nodes) {
            insert.execute((position, hash.as_bytes()))?;
        }
        projection.apply(self.db, &link.entry)?;
        let head = chain.head();
        if self.state.unsealed() >= CHECKPOINT_ENTRIES {
            self.seal()?;
        }
        Ok(Appended { seq, head })
    }

    /// Signs a checkpoint of the log as it is now, if there is a key and anything new to vouch for.
    ///
    /// It is on disk when the transaction is. A key that does not sign is told to the log: the entries stand without.
    ///
    /// # Errors
    ///
    /// [`StoreError::Sqlite`].
    pub fn seal(&mut self) -> Result<(), StoreError> {
        if self.state.unsealed() == 0 {
            return Ok(());
        }
        let Some(owner) = self.state.projection.log_owner() else { return Ok(()) };
        let head = self.state.chain.head();
        let sign = |signer: &dyn Signer| Checkpoint::sign(&owner.origin, head, signer);
        let Some(signed) = self.state.sealing.lend(&owner, sign) else { return Ok(()) };
        match signed {
            Ok(checkpoint) => {
                seal::store(self.db, &checkpoint)?;
                self.state.checkpoint = Some(checkpoint);
            }
            Err(error) => tracing::error!(%error, "the journal's checkpoint was not signed"),
        }
        Ok(())
    }
}

impl<P> fmt::Debug for Transaction<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("size", &self.state.chain.size())
            .finish_non_exhaustive()
    }
}
