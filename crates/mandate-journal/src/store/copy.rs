//! A whole copy of a journal in one file, made while the journal goes on.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::create::{FILE_MODE, at};
use super::error::{OpenError, StoreError};
use super::schema::{self, Paths};

/// Copies the journal as of one commit into a file without a name, which ends with its handle.
///
/// It has a name in the journal's folder only while it is filled; whoever comes next removes one that a crash left.
pub(super) fn take(paths: &Paths) -> Result<File, OpenError> {
    clear(paths)?;
    let copied = fill(paths);
    let cleared = clear(paths);
    let file = copied?;
    cleared?;
    Ok(file)
}

fn fill(paths: &Paths) -> Result<File, OpenError> {
    let path = &paths.copying;
    // SQLite fills an empty file, and would make one that others may read.
    let file = OpenOptions::new()
        .create_new(true)
        .read(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|source| at(path, source))?;
    vacuum(&paths.db, path)
        .map_err(|source| OpenError::Store { path: path.clone(), source: source.into() })?;
    Ok(file)
}

fn vacuum(from: &Path, to: &Path) -> Result<(), rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(from, flags)?;
    db.busy_timeout(schema::BUSY_TIMEOUT)?;
    let to = to.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(to.to_owned()))?;
    db.execute("VACUUM INTO ?1", (to,))?;
    Ok(())
}

/// Removes what a copy that was cut off left behind.
pub(super) fn clear(paths: &Paths) -> Result<(), OpenError> {
    for path in [&paths.copying, &paths.copying_journal] {
        remove(path)?;
    }
    Ok(())
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), OpenError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(at(path, source)),
        _ => Ok(()),
    }
}

/// Opens a copy to be read; it may be in SQLite's rollback mode, in which copies are made.
pub(super) fn read(path: &Path) -> Result<Connection, OpenError> {
    schema::check_sqlite_version()?;
    let store = |source| schema::unreadable(path, source);
    let db = schema::connect(path).map_err(store)?;
    schema::recognise_copy(&db, path)?;
    db.pragma_update(None, "query_only", true).map_err(|error| store(error.into()))?;
    Ok(db)
}

/// Makes a copy one that a writer takes.
pub(super) fn make_writable(path: &Path) -> Result<(), StoreError> {
    let db = schema::connect(path)?;
    schema::begin_wal(&db)?;
    schema::empty_wal(&db)?;
    db.close().map_err(|(_, error)| error.into())
}
