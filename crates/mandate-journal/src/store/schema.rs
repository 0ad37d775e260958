//! The journal's own tables, what marks a file as a journal, and how connections are set up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mandate::clock::ClockReading;
use mandate::{Head, Root};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use super::error::{OpenError, StoreError};

/// Marks a SQLite file as a journal: `MNDJ`.
const APPLICATION_ID: u32 = 0x4D4E_444A;
/// The layout of the file; raised when an older program could no longer read it.
pub(super) const FORMAT: u32 = 6;
/// 3.51.3: older ones can corrupt a WAL.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a statement waits for a lock that someone else's tool holds.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Prepared statements kept ready on each connection.
const STATEMENTS_CACHED: usize = 128;
/// A WAL that grew beyond this is cut back when it is next begun anew, in bytes.
const WAL_BYTES_KEPT: u64 = 64 * 1024 * 1024;

/// Entries by number; nodes by the order in which they become complete, so both only grow at the end. The last
/// clock reading that was believed stands beside the head, as both change in nearly every commit; it is the machine's
/// affair and not the story's, so no entry tells it. A checkpoint vouches for the entries and is none.
const SCHEMA: &str = "
    CREATE TABLE journal_entry (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE journal_node (position INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
    CREATE TABLE journal_head (
        id INTEGER PRIMARY KEY CHECK (id = 0), size INTEGER NOT NULL, root BLOB NOT NULL,
        wall INTEGER, boot_id TEXT, elapsed_ms INTEGER
    ) STRICT;
    CREATE TABLE journal_checkpoint (size INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;
";

/// Where a journal's files are.
#[derive(Debug, Clone)]
pub(super) struct Paths {
    /// The database.
    pub(super) db: PathBuf,
    /// SQLite's write-ahead log.
    pub(super) wal: PathBuf,
    /// The lock.
    pub(super) lock: PathBuf,
    /// SQLite's index of the write-ahead log.
    pub(super) shm: PathBuf,
    /// Where a new one is built.
    pub(super) building: PathBuf,
    /// A copy while it is filled.
    pub(super) copying: PathBuf,
    /// SQLite's journal of that.
    pub(super) copying_journal: PathBuf,
    /// Where a copy that is to take the place is checked.
    pub(super) staging: PathBuf,
}

impl Paths {
    pub(super) fn new(dir: &Path, name: &str) -> Self {
        Self {
            db: dir.join(format!("{name}.db")),
            wal: dir.join(format!("{name}.db-wal")),
            lock: dir.join(format!("{name}.lock")),
            shm: dir.join(format!("{name}.db-shm")),
            building: dir.join(format!(".{name}.new")),
            copying: dir.join(format!(".{name}.copy")),
            copying_journal: dir.join(format!(".{name}.copy-journal")),
            staging: dir.join(format!(".{name}.restore")),
        }
    }
}

/// Refuses a SQLite that is known to corrupt a WAL.
pub(super) fn check_sqlite_version() -> Result<(), OpenError> {
    let found = rusqlite::version_number();
    if found < SQLITE_VERSION_MIN {
        return Err(OpenError::SqliteTooOld { found, needed: SQLITE_VERSION_MIN });
    }
    Ok(())
}

/// Opens an existing file and sets the connection up; the file itself does not change.
///
/// Closing never checkpoints: after an I/O error that would hide from the next start what is not on disk.
pub(super) fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    keep_statements(&db)?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    db.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    Ok(db)
}

/// Has each statement parsed and planned once.
pub(super) fn keep_statements(db: &Connection) -> Result<(), StoreError> {
    // Else one with a range in it is planned anew each time it is bound.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(())
}

/// Opens a connection that can only read.
pub(super) fn connect_reader(path: &Path) -> Result<Connection, StoreError> {
    let db = connect(path)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

/// Has the file keep a WAL from now on.
///
/// SQLite names the new mode before it writes it down, so the statement is run to its end: a fault shows only there.
pub(super) fn begin_wal(db: &Connection) -> Result<(), StoreError> {
    let mut begin = db.prepare("PRAGMA journal_mode = WAL")?;
    let modes: Vec<String> =
        begin.query_map((), |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?;
    match modes.into_iter().next() {
        Some(mode) if mode == "wal" => Ok(()),
        other => Err(StoreError::JournalMode { found: other.unwrap_or_default() }),
    }
}

/// Makes the tables of an empty file and marks it as a journal.
pub(super) fn initialise(db: &Connection, projection: &[&str]) -> Result<(), StoreError> {
    db.pragma_update(None, "application_id", APPLICATION_ID)?;
    db.pragma_update(None, "user_version", FORMAT)?;
    db.execute_batch(SCHEMA)?;
    projection.iter().try_for_each(|sql| db.execute_batch(sql))?;
    Ok(())
}

/// A file that SQLite cannot open or read: one that is no database at all is foreign.
pub(super) fn unreadable(path: &Path, source: StoreError) -> OpenError {
    match source.code() {
        Some(ErrorCode::NotADatabase) => OpenError::Foreign { path: path.into() },
        _ => OpenError::Store { path: path.into(), source },
    }
}

/// Whether the file is a journal this program can read and write.
pub(super) fn recognise(db: &Connection, path: &Path) -> Result<(), OpenError> {
    recognise_copy(db, path)?;
    let mode: Result<String, _> = db.pragma_query_value(None, "journal_mode", |row| row.get(0));
    if mode.map_err(|source| unreadable(path, source.into()))? == "wal" {
        Ok(())
    } else {
        Err(OpenError::Foreign { path: path.into() })
    }
}

/// Whether the file is a journal this program can read, served or a copy.
pub(super) fn recognise_copy(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let store = |source: rusqlite::Error| unreadable(path, source.into());
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    if pragma("application_id").map_err(store)? != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.into() });
    }
    let found = pragma("user_version").map_err(store)?;
    if found > FORMAT {
        return Err(OpenError::Newer { path: path.into(), found, known: FORMAT });
    }
    if found < FORMAT {
        return Err(OpenError::Foreign { path: path.into() });
    }
    Ok(())
}

/// The head that was stored with the last commit; `None` before the first.
pub(super) fn load_head(db: &Connection) -> Result<Option<Head>, StoreError> {
    let mut query = db.prepare_cached("SELECT size, root FROM journal_head")?;
    let head = query
        .query_row((), |row| Ok(Head { size: row.get(0)?, root: Root::from_bytes(row.get(1)?) }));
    Ok(head.optional()?)
}

/// Stores the head, and the clock reading that was believed last, in the transaction under way.
pub(super) fn store_head(
    db: &Connection,
    head: Head,
    mark: Option<&ClockReading>,
) -> Result<(), StoreError> {
    let wall = mark.map(|mark| mark.wall.seconds());
    let boot = mark.map(|mark| (mark.boot.id.as_str(), mark.boot.elapsed_ms));
    let (boot_id, elapsed_ms) = boot.unzip();
    db.prepare_cached("INSERT OR REPLACE INTO journal_head VALUES (0, ?1, ?2, ?3, ?4, ?5)")?
        .execute((head.size, head.root.as_bytes(), wall, boot_id, elapsed_ms))?;
    Ok(())
}

/// Copies the whole WAL into the database, syncs it and empties the WAL; whether nobody stood in the way.
pub(super) fn checkpoint_truncate(db: &Connection) -> Result<bool, StoreError> {
    let busy: bool = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    Ok(!busy)
}

/// Copies the whole WAL into the database of which it has to be all; SQLite's busy if somebody else holds the file.
pub(super) fn empty_wal(db: &Connection) -> Result<(), StoreError> {
    if checkpoint_truncate(db)? {
        return Ok(());
    }
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Err(rusqlite::Error::SqliteFailure(busy, None).into())
}
