//! What can go wrong in the store, by who is to act on it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use mandate::Head;
use rusqlite::ErrorCode;
use thiserror::Error;

use crate::chain::ChainError;
use crate::entry::EntryError;

use super::seal::CheckpointFault;

/// A read or a write did not work. Cheap to clone: one failed commit answers many callers.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum StoreError {
    /// The entry does not continue the chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A stored checkpoint is not one of this log.
    #[error("the checkpoint of {size} entries does not belong to the journal")]
    Checkpoint {
        /// The size it is filed under.
        size: u64,
        /// Why.
        #[source]
        fault: CheckpointFault,
    },
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// The entry cannot be written, or its fields are not what its kind has.
    #[error("the entry is refused")]
    Entry(#[from] EntryError),
    /// There is no entry of this number.
    #[error("there is no entry {seq}")]
    EntryMissing {
        /// The number.
        seq: u64,
    },
    /// A hook of a test refused the commit.
    #[error("a hook injected a fault")]
    Injected,
    /// SQLite keeps no WAL here: its disk failed, or cannot be mapped into memory.
    #[error("the database stays in journal mode {found} and cannot keep a WAL; check its disk")]
    JournalMode {
        /// The mode it stays in.
        found: String,
    },
    /// There is no node at this place: the log is shorter than was assumed, or damaged.
    #[error("there is no node {position}")]
    NodeMissing {
        /// The entry that completes the node.
        seq: u64,
        /// Where the node would be stored.
        position: u64,
    },
    /// The work of a caller panicked.
    #[error("the work panicked")]
    Panicked,
    /// A projection refuses an entry, for a reason of its own.
    #[error("the projection refuses the entry")]
    Projection(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The database is not the file that this process left.
    #[error(
        "something else wrote to the journal's file, or put another in its place; put the newest copy back"
    )]
    Replaced,
    /// SQLite failed.
    #[error("the database failed")]
    Sqlite(#[source] Arc<rusqlite::Error>),
    /// The writer stopped after an I/O error or a panic; only a restart helps.
    #[error("the writer stopped after an error")]
    Stopped,
}

impl StoreError {
    /// Wraps a projection's own reason to refuse an entry.
    pub fn projection(reason: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Projection(Arc::new(reason))
    }

    /// SQLite's code, if SQLite failed.
    pub(super) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        }
    }

    /// Whether SQLite lacked what it works with, be it room, memory or its disk: it says nothing of the values.
    pub(super) fn is_want(&self) -> bool {
        matches!(
            self.code(),
            Some(
                ErrorCode::CannotOpen
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::NotADatabase
                    | ErrorCode::OperationInterrupted
                    | ErrorCode::OutOfMemory
                    | ErrorCode::PermissionDenied
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
            )
        )
    }

    /// Whether the file can no longer be trusted to say what is on disk.
    ///
    /// After a failed write or sync the page cache may show what the disk does not have.
    pub(super) fn ends_the_writer(&self) -> bool {
        if matches!(self, Self::Replaced) {
            return true;
        }
        matches!(
            self.code(),
            Some(
                ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::CannotOpen
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::ReadOnly
            )
        )
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// A write was not acknowledged.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum WriteError {
    /// Nothing of this call is on disk, and nothing of it ever will be.
    #[error("nothing was written")]
    NotApplied(#[source] StoreError),
    /// It may be on disk or not. The writer has stopped; the process should end and read back after a restart.
    #[error("whether it was written is unknown")]
    Unknown(#[source] StoreError),
}

/// Why a journal does not open, or is not created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file disagrees with itself.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong.
        #[source]
        damage: Damage,
    },
    /// There is a file already; nothing is ever overwritten.
    #[error("{path} exists")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no journal.
    #[error("{path} is not a journal")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the lock.
    #[error("{path} is held by another process")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There is no such file. A fresh one is never put in its place.
    #[error("{path} is missing")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program wrote the file.
    #[error("{path} has format {found}; this program knows format {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format this program reads.
        known: u32,
    },
    /// The SQLite this program was built with can corrupt a WAL.
    #[error("SQLite {found} is too old; {needed} is needed")]
    SqliteTooOld {
        /// Its version number.
        found: i32,
        /// The oldest that is safe.
        needed: i32,
    },
    /// The database failed.
    #[error("{path} does not open")]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl OpenError {
    /// Whether what lies there can never be read again as it is; an error that may pass is none.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::Foreign { .. } => true,
            Self::Store { source, .. } => VerifyFault::from(source.clone()).is_damage(),
            _ => false,
        }
    }

    /// Whether the disk has no room: what lies there is as good as it was.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            Self::Store { source, .. } => source.code() == Some(ErrorCode::DiskFull),
            _ => false,
        }
    }
}

/// What a check found wrong in a file: the first thing, by its place.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum Damage {
    /// An entry does not continue the chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The entries are not those that a checkpoint signs.
    #[error("the checkpoint of {size} entries and the entries disagree")]
    Checkpoint {
        /// The size it is filed under.
        size: u64,
        /// Why.
        #[source]
        fault: CheckpointFault,
    },
    /// The rebuilt root is not the one that was stored with the last commit.
    #[error("the stored head of {} entries does not belong to the entries", .stored.size)]
    Head {
        /// What is stored.
        stored: Head,
        /// What the entries add up to.
        computed: Head,
    },
    /// There is no head.
    #[error("the head is missing")]
    HeadMissing,
    /// An entry that the head counts is not there.
    #[error("entry {seq} is missing")]
    Missing {
        /// Its number.
        seq: u64,
    },
    /// A node of the tree is missing or has another hash.
    #[error("entry {seq} and node {position} of the tree disagree")]
    Node {
        /// The entry that completed the node.
        seq: u64,
        /// Where the node is stored.
        position: u64,
    },
    /// A table's row is not what the entries make of it.
    #[error("table {table}, row {row} is not what the entries make of it")]
    Row {
        /// The table.
        table: &'static str,
        /// The row's key, as text.
        row: String,
    },
    /// SQLite's own check of the file's structure failed.
    #[error("the file's structure is damaged: {report}")]
    Structure {
        /// What SQLite says.
        report: String,
    },
    /// There are entries or nodes that the head does not count.
    #[error("there is more in the file than the {size} entries that the head counts")]
    Surplus {
        /// How many entries the head counts.
        size: u64,
    },
}

/// Why a check did not end well.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyFault {
    /// The caller asked it to stop.
    #[error("the check was stopped")]
    Cancelled,
    /// The file disagrees with itself.
    #[error("the journal is damaged")]
    Damaged(#[source] Damage),
    /// It does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The check's own copy of the tables could not be made: nothing is known of the journal.
    #[error(
        "the check lacks room for its own copy of the tables; make some in /var/tmp, or name a folder in SQLITE_TMPDIR"
    )]
    Rebuild(#[source] StoreError),
    /// An entry cannot be applied again.
    #[error("entry {seq} cannot be applied again")]
    Replay {
        /// The entry.
        seq: u64,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The database failed.
    #[error("the journal cannot be read")]
    Store(#[source] StoreError),
}

impl VerifyFault {
    /// Whether the file is found to be damaged, and not merely left unread.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::Replay { .. } => true,
            Self::Open(error) => error.is_damage(),
            Self::Cancelled | Self::Rebuild(_) | Self::Store(_) => false,
        }
    }

    /// Whether it says nothing of the journal: the check was stopped, or lacked room, memory or a descriptor.
    ///
    /// A disk that does not give what lies there is none of these: whatever it would say, it cannot be believed.
    #[must_use]
    pub fn is_inconclusive(&self) -> bool {
        match self {
            Self::Cancelled | Self::Rebuild(_) => true,
            Self::Open(error) => !error.is_damage(),
            Self::Store(error) => {
                error.is_want() && error.code() != Some(ErrorCode::SystemIoFailure)
            }
            Self::Damaged(_) | Self::Replay { .. } => false,
        }
    }

    /// What an entry that the rebuilt tables did not take says: of itself, or only of the disk that they are on.
    pub(super) fn replay(seq: u64, source: StoreError) -> Self {
        if source.is_want() { Self::Rebuild(source) } else { Self::Replay { seq, source } }
    }

    /// What a question to the rebuilt tables that has no answer says.
    pub(super) fn rebuild(error: rusqlite::Error) -> Self {
        let error = StoreError::from(error);
        if error.is_want() { Self::Rebuild(error) } else { error.into() }
    }
}

impl From<Damage> for VerifyFault {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

impl From<StoreError> for VerifyFault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Chain(error) => Damage::Chain(error).into(),
            StoreError::Checkpoint { size, fault } => Damage::Checkpoint { size, fault }.into(),
            StoreError::EntryMissing { seq } => Damage::Missing { seq }.into(),
            StoreError::NodeMissing { seq, position } => Damage::Node { seq, position }.into(),
            StoreError::Sqlite(error) if is_damage(&error) => {
                Damage::Structure { report: error.to_string() }.into()
            }
            error => Self::Store(error),
        }
    }
}

/// Whether SQLite says that the file, or a value in it, cannot have been written by this program.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    matches!(
        error,
        FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)
    ) || matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

impl From<rusqlite::Error> for VerifyFault {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_full_disk_is_no_damage() {
        let failed = |code| OpenError::Store {
            path: PathBuf::from("wallet.db"),
            source: rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into(),
        };
        let full = failed(ffi::SQLITE_FULL);
        assert!(full.is_full() && !full.is_damage());
        let corrupt = failed(ffi::SQLITE_CORRUPT);
        assert!(!corrupt.is_full() && corrupt.is_damage());
        let io = |kind: io::ErrorKind| OpenError::Io { path: PathBuf::new(), source: kind.into() };
        assert!(io(io::ErrorKind::StorageFull).is_full());
        assert!(!io(io::ErrorKind::NotFound).is_full());
    }
}
