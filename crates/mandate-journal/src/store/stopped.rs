//! A journal that nobody serves: held by this process, to be read and checked.

use std::fmt;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use mandate::Head;
use rusqlite::Connection;

use super::error::{OpenError, StoreError, VerifyFault};
use super::lock::Lock;
use super::schema::Paths;
use super::seal::{CheckpointFault, RecallError};
use super::verify::{Progress, Verified, verify};
use super::{Projection, copy, open, seal};
use crate::checkpoint::Checkpoint;

/// A journal that this process holds but cannot write.
pub struct Stopped {
    db: Connection,
    // After the connection, which must be closed before another process may write.
    _lock: Option<Arc<Lock>>,
    paths: Option<Box<Paths>>,
}

impl Stopped {
    /// Holds `<dir>/<name>.db` as long as this value lives.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; [`OpenError::InUse`] while the journal is served.
    pub fn open(dir: &Path, name: &str) -> Result<Self, OpenError> {
        let paths = Paths::new(dir, name);
        let (lock, db) = open::hold(&paths)?;
        db.pragma_update(None, "query_only", true).map_err(|source| OpenError::Store {
            path: paths.db.clone(),
            source: StoreError::from(source),
        })?;
        Ok(Self { db, _lock: Some(Arc::new(lock)), paths: Some(Box::new(paths)) })
    }

    /// A journal whose lock is held for it.
    pub(super) fn held(db: Connection, lock: Arc<Lock>) -> Self {
        Self { db, _lock: Some(lock), paths: None }
    }

    /// A copy, which nobody serves and nothing locks.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if it cannot be read, or is no journal.
    pub fn copy(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { db: copy::read(path)?, _lock: None, paths: None })
    }

    /// A whole copy as a file without a name.
    ///
    /// # Errors
    ///
    /// [`OpenError::Io`] or [`OpenError::Store`], as when the disk is full; nothing is left behind.
    pub fn take_copy(&self) -> Result<File, OpenError> {
        match &self.paths {
            Some(paths) => copy::take(paths),
            None => Err(OpenError::Missing { path: self.db.path().unwrap_or_default().into() }),
        }
    }

    /// Holds the journal against a checkpoint that was remembered elsewhere.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the journal it was signed for, or an older copy of it.
    pub fn recall<P: Projection>(&self, note: &str) -> Result<(), RecallError> {
        let Some(owner) = P::load(&self.db)?.log_owner() else { return Ok(()) };
        let signed = Checkpoint::verify(note, &owner.origin, &[owner.key])
            .map_err(CheckpointFault::Unsigned)?;
        self.hold_against(signed.head())
    }

    /// Holds the journal against a head that its owner signed.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the journal that had it, or an older copy of it.
    pub fn hold_against(&self, signed: Head) -> Result<(), RecallError> {
        seal::hold_against(&self.db, signed)
    }

    /// The connection, to read rows with.
    #[must_use]
    pub fn db(&self) -> &Connection {
        &self.db
    }

    /// The newest checkpoint, if one was ever signed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Checkpoint`] if it is not one of this log, [`StoreError::Sqlite`].
    pub fn checkpoint<P: Projection>(&self) -> Result<Option<Checkpoint>, StoreError> {
        seal::newest(&self.db, P::load(&self.db)?.log_owner().as_ref())
    }
}

impl fmt::Debug for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stopped").field("path", &self.db.path()).finish_non_exhaustive()
    }
}

/// Checks a journal that nobody serves, as [`verify`] does.
///
/// # Errors
///
/// [`VerifyFault`]; [`VerifyFault::Open`] while the journal is served.
pub fn verify_stopped<P: Projection>(
    dir: &Path,
    name: &str,
    on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Verified, VerifyFault> {
    verify::<P>(Stopped::open(dir, name)?.db(), on_progress)
}
