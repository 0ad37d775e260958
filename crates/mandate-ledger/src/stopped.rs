//! The ledger of a wallet that is not running: held by this process, to be read and checked.

use std::ops::ControlFlow;
use std::path::Path;

use mandate::{Head, PrincipalId, PublicKey};
use mandate_journal::tree::NodeHash;
use mandate_journal::{
    Checkpoint, OpenError, Stopped, StoreError, Verified, VerifyFault, read, verify,
};

use crate::accounts::{self, Accounts, Hold};
use crate::damage::damaged;
use crate::ledger::LEDGER_NAME;
use crate::request::Stop;

/// A ledger that this process holds and cannot write. Every method blocks.
#[derive(Debug)]
pub struct StoppedLedger {
    journal: Stopped,
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
