//! The ledger of a wallet that is not running: held by this process, to be read and checked.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use mandate::{Head, PrincipalId, PublicKey};
use mandate_journal::tree::NodeHash;
use mandate_journal::{
    Checkpoint, OpenError, RecallError, Stopped, StoreError, Verified, VerifyFault, read, verify,
};

use crate::accounts::{self, Accounts, Hold};
use crate::damage::damaged;
use crate::ledger::LEDGER_NAME;
use crate::request::Stop;

/// A ledger that this process holds and cannot write. Every method blocks.
#[derive(Debug)]
pub struct StoppedLedger {
    pub(crate) journal: Stopped,
}

impl StoppedLedger {
    /// Holds the ledger in `dir` as long as this value lives.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] while the daemon runs; [`OpenError`] with what is wrong with which file.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Ok(Self { journal: Stopped::open(dir, LEDGER_NAME)? })
    }

    /// A copy of a ledger in one file, as [`StoppedLedger::take_copy`] and [`Ledger::take_copy`](crate::Ledger::take_copy)
    /// make it.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it cannot be read, or is no journal.
    pub fn copy(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { journal: Stopped::copy(path)? })
    }

    /// A whole copy, as a file without a name.
    ///
    /// # Errors
    ///
    /// [`OpenError`], as when the disk is full; nothing is left behind.
    pub fn take_copy(&self) -> Result<File, OpenError> {
        self.journal.take_copy()
    }

    /// Holds the ledger against a checkpoint that was remembered beside its key.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the ledger it was signed for, or an older copy of it.
    pub fn recall(&self, note: &str) -> Result<(), RecallError> {
        self.journal.recall::<Accounts>(note)
    }

    /// Holds the ledger against a head that it had once.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the ledger that had it, or an older copy of it.
    pub fn hold_against(&self, head: Head) -> Result<(), RecallError> {
        self.journal.hold_against(head)
    }

    /// Whose ledger it is, and the key that must sign.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub fn owner(&self) -> Result<(PrincipalId, PublicKey), StoreError> {
        let owner = accounts::owner(self.journal.db())?;
        let owner = owner.ok_or_else(|| damaged("the first entry is missing"))?;
        Ok((owner.principal, owner.key))
    }

    /// Whether the principal locked the key away.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub fn is_locked(&self) -> Result<bool, StoreError> {
        Ok(accounts::stops(self.journal.db())?.contains(&Stop::Lock))
    }

    /// The journal's head.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        read::head(self.journal.db())?.ok_or_else(|| damaged("the head is missing"))
    }

    /// The newest signed checkpoint, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read, or is not one of this ledger.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.journal.checkpoint::<Accounts>()
    }

    /// The hashes that lead from entry `seq` to the root of the first `size` entries.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be read, or the ledger is shorter.
    pub fn inclusion_path(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, StoreError> {
        read::inclusion_path(self.journal.db(), seq, size)
    }

    /// Entries from `from` on, as stored: at most `limit`, and at most [`read::ENTRIES_MAX`].
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be read.
    pub fn entries(&self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        accounts::entries(self.journal.db(), from, limit)
    }

    /// Open holds after `after_seq`, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be read.
    pub fn holds(&self, after_seq: u64, limit: usize) -> Result<Vec<Hold>, StoreError> {
        accounts::open_holds(self.journal.db(), after_seq, limit)
    }

    /// Recomputes chain, tree and every projection from the entries.
    ///
    /// # Errors
    ///
    /// [`VerifyFault`] with the first thing that does not fit.
    pub fn verify(&self) -> Result<Verified, VerifyFault> {
        verify::<Accounts>(self.journal.db(), |_| ControlFlow::Continue(()))
    }
}
