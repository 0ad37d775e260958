//! A copy of a ledger takes the place of one: frozen, and nothing that lay there is lost.

use std::path::{Path, PathBuf};

use mandate::UnixSeconds;
use mandate::text::Purpose;
use mandate_journal::{
    Journal, OpenError, Options, Place, Staged as StagedJournal, StoreError, Transaction,
    WriteError,
};

use thiserror::Error;

use crate::accounts::Accounts;
use crate::event::{Freeze, kind};
use crate::ledger::LEDGER_NAME;
use crate::request::Scope;
use crate::stopped::StoppedLedger;

/// The place of a wallet's ledger, held by this process. Every method blocks.
#[derive(Debug)]
pub struct Restoring {
    place: Place,
}

impl Restoring {
    /// Holds the place of the ledger in `dir` as long as this value lives.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] while the daemon runs; [`OpenError::Io`].
    pub fn hold(dir: &Path) -> Result<Self, OpenError> {
        Ok(Self { place: Place::hold(dir, LEDGER_NAME)? })
    }

    /// The ledger that lies there, if one does.
    ///
    /// # Errors
    ///
    /// [`OpenError`] with what is wrong with it.
    pub fn current(&self) -> Result<Option<StoppedLedger>, OpenError> {
        Ok(self.place.current()?.map(|journal| StoppedLedger { journal }))
    }

    /// Copies a file to where it can be checked before it takes the place.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`].
    pub fn stage(&self, from: &Path) -> Result<Staged<'_>, OpenError> {
        Ok(Staged { place: &self.place, journal: self.place.stage(from)? })
    }
}

/// A copy that is not in its place yet; removed when dropped.
#[derive(Debug)]
pub struct Staged<'p> {
    place: &'p Place,
    journal: StagedJournal<'p>,
}

impl Staged<'_> {
    /// The copy, to be read and checked.
    ///
    /// # Errors
    ///
    /// [`OpenError`] with what is wrong with it.
    pub fn read(&self) -> Result<StoppedLedger, OpenError> {
        Ok(StoppedLedger { journal: self.journal.read()? })
    }

    /// Freezes the copy, moves what lies in its place to `<name>.<suffix>`, and puts it there; the new name of what was
    /// moved, if there was a ledger.
    ///
    /// # Errors
    ///
    /// [`PutError`]. An error after the move leaves no ledger in the place, which is never replaced by a fresh one.
    pub fn put(
        self,
        time: UnixSeconds,
        uid: u32,
        reason: Purpose,
        suffix: &str,
    ) -> Result<Option<PathBuf>, PutError> {
        let before = |source| PutError { moved: None, source: Box::new(source) };
        let dir = self.journal.make_writable().map_err(before)?.to_owned();
        freeze(&dir, time, uid, reason).map_err(before)?;
        let moved = self.place.set_aside(suffix).map_err(before)?;
        match self.journal.put() {
            Ok(()) => Ok(moved),
            Err(source) => Err(PutError { moved, source: Box::new(source) }),
        }
    }
}

/// Why a copy did not take its place.
#[derive(Debug, Error)]
#[error("{source}")]
pub struct PutError {
    /// The new name of what lay there, if that was moved before the failure.
    pub moved: Option<PathBuf>,
    /// What failed.
    #[source]
    pub source: Box<OpenError>,
}

/// Writes down that the whole wallet is frozen, in a ledger that nobody serves.
fn freeze(dir: &Path, time: UnixSeconds, uid: u32, reason: Purpose) -> Result<(), OpenError> {
    let (journal, _died) = Journal::<Accounts>::open(dir, LEDGER_NAME, Options::default())?;
    let entry = Freeze { scope: Scope::Wallet, uid, reason: Some(reason) };
    let written = journal.write_blocking(move |tx: &mut Transaction<'_, Accounts>| {
        // A clock that runs behind is no reason to leave the wallet open.
        let time = time.max(tx.last_time());
        tx.append(time, kind::FREEZE, &entry).map(drop)
    });
    let closed = journal.close();
    let written = written.map_err(|error| match error {
        WriteError::NotApplied(source) | WriteError::Unknown(source) => source,
        _ => StoreError::Stopped,
    });
    let store = |source: StoreError| OpenError::Store { path: dir.join(LEDGER_NAME), source };
    written.and(closed).map_err(store)
}
