//! One process at a time: an operating system's lock on a file beside the journal.
//!
//! SQLite's own exclusive mode would also keep out the readers of this process; this lock keeps out other processes
//! alone. It ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::create::FILE_MODE;
use super::error::OpenError;

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, making its file if there is none.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] if another process holds it, [`OpenError::Io`].
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.into(), source };
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.into() }),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }
}
