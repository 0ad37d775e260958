//! Making a journal: built aside, synced, and put in its place in one step.
//!
//! A power cut at any moment leaves either no journal or a whole one. Nothing is ever overwritten.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use mandate::UnixSeconds;
use serde::Serialize;

use super::Projection;
use super::error::{OpenError, StoreError};
use super::lock::Lock;
use super::schema::{self, Paths};
use super::seal::Sealing;
use super::transaction::{State, Transaction};

/// Mode of every file: the owner's alone.
pub(super) const FILE_MODE: u32 = 0o600;
/// Mode of every folder made: the owner's alone.
const DIR_MODE: u32 = 0o700;

/// The first entry of a journal.
#[derive(Debug, Clone)]
pub struct Genesis<F> {
    /// When the journal is made.
    pub time: UnixSeconds,
    /// The entry's kind, `init` by custom.
    pub kind: &'static str,
    /// The kind's own fields: serialised as a JSON object.
    pub fields: F,
}

/// Makes `<dir>/<name>.db` with its first entry, and `dir` (and its parents) if there is none.
pub(super) fn create<P: Projection, F: Serialize>(
    dir: &Path,
    name: &str,
    genesis: &Genesis<F>,
) -> Result<(), OpenError> {
    schema::check_sqlite_version()?;
    let paths = Paths::new(dir, name);
    create_dir(dir)?;
    let _lock = Lock::take(&paths.lock)?;
    // A WAL without its database is what is left of a ledger; SQLite would apply it to the new one.
    for path in [&paths.db, &paths.wal] {
        if path.try_exists().map_err(|source| at(path, source))? {
            return Err(OpenError::Exists { path: path.clone() });
        }
    }
    if paths.building.try_exists().map_err(|source| at(&paths.building, source))? {
        fs::remove_dir_all(&paths.building).map_err(|source| at(&paths.building, source))?;
    }
    make_dir(&paths.building)?;
    let built = paths.building.join("new.db");
    build::<P, F>(&built, genesis)?;
    sync(&built)?;
    sync(&paths.building)?;
    // Unlike a rename, a link never replaces what is already there.
    fs::hard_link(&built, &paths.db).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => OpenError::Exists { path: paths.db.clone() },
        _ => at(&paths.db, source),
    })?;
    fs::remove_dir_all(&paths.building).map_err(|source| at(&paths.building, source))?;
    sync(dir)
}

fn build<P: Projection, F: Serialize>(path: &Path, genesis: &Genesis<F>) -> Result<(), OpenError> {
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path)
        .map_err(|source| at(path, source))?;
    fill::<P, F>(path, genesis).map_err(|source| OpenError::Store { path: path.into(), source })
}

fn fill<P: Projection, F: Serialize>(path: &Path, genesis: &Genesis<F>) -> Result<(), StoreError> {
    let db = schema::connect(path)?;
    schema::begin_wal(&db)?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    schema::initialise(&db, P::SCHEMA)?;
    let mut state = State::<P>::load(&db, Arc::new(Sealing::new(None)))?;
    let mut transaction = Transaction { db: &db, state: &mut state };
    let appended = transaction.append(genesis.time, genesis.kind, &genesis.fields)?;
    schema::store_head(&db, appended.head, None)?;
    db.execute_batch("COMMIT")?;
    schema::empty_wal(&db)?;
    db.close().map_err(|(_, error)| error.into())
}

/// Makes a folder and its missing parents, and syncs each folder that names one of them.
///
/// Also those that were there: an earlier attempt may have ended between making a folder and syncing its name.
pub(super) fn create_dir(dir: &Path) -> Result<(), OpenError> {
    let mut path_down: Vec<_> =
        dir.ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
    path_down.reverse();
    for path in path_down {
        let is_there = path.try_exists().map_err(|source| at(path, source))?;
        if !is_there {
            make_dir(path)?;
        }
        let names = match path.parent() {
            None => continue,
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
        };
        match sync(names) {
            Err(OpenError::Io { source, .. }) if is_there && is_not_ours(&source) => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Whether a folder cannot be synced for a reason that also keeps anyone like us from making one in it.
fn is_not_ours(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
    )
}

pub(super) fn make_dir(path: &Path) -> Result<(), OpenError> {
    DirBuilder::new().mode(DIR_MODE).create(path).map_err(|source| at(path, source))
}

/// Waits until a file, or the names in a folder, are on disk.
pub(super) fn sync(path: &Path) -> Result<(), OpenError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|source| at(path, source))
}

pub(super) fn at(path: &Path, source: io::Error) -> OpenError {
    OpenError::Io { path: path.into(), source }
}
