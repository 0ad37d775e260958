//! Whether the database is still the file that this process left: an older copy that is put over it under the writer's
//! feet would be read in part, since SQLite reads no page again that it has.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The database as it was left. In WAL mode its own process writes to it only when it copies the WAL.
#[derive(Debug)]
pub(super) struct Footprint {
    path: PathBuf,
    left: Look,
}

/// Which file it is, and when it was written last. Its names and modes may change.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    dev: u64,
    ino: u64,
    len: u64,
    modified_s: i64,
    modified_ns: i64,
}

impl Footprint {
    /// Takes the file as it is now.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), left: look(path)? })
    }

    /// This process wrote to it: as it is now, it is left.
    pub(super) fn renew(&mut self) -> Result<(), StoreError> {
        self.left = look(&self.path).or(Err(StoreError::Replaced))?;
        Ok(())
    }

    /// Whether it is as it was left.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match look(&self.path) {
            Ok(found) if found == self.left => Ok(()),
            _ => Err(StoreError::Replaced),
        }
    }
}

fn look(path: &Path) -> io::Result<Look> {
    let found = fs::metadata(path)?;
    Ok(Look {
        dev: found.dev(),
        ino: found.ino(),
        len: found.len(),
        modified_s: found.mtime(),
        modified_ns: found.mtime_nsec(),
    })
}
