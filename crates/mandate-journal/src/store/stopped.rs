//! A journal that nobody serves: held by this process, to be read and checked.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::Connection;

use super::error::{OpenError, StoreError, VerifyFault};
use super::lock::Lock;
use super::schema::Paths;
use super::verify::{Progress, Verified, verify};
use super::{Projection, open, seal};
use crate::checkpoint::Checkpoint;

/// A journal that this process holds but cannot write.
pub struct Stopped {
    db: Connection,
    // After the connection, which must be closed before another process may write.
    _lock: Lock,
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
        Ok(Self { db, _lock: lock })
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
