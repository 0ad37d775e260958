//! Opening a journal: recognised, checkpointed and checked at its end before anyone is served.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::error::{Damage, OpenError, StoreError, VerifyFault};
use super::footprint::Footprint;
use super::lock::Lock;
use super::schema::{self, Paths};
use super::seal::{self, RecallError, Sealing};
use super::transaction::State;
use super::{Options, Projection, check, copy, create, mark};

/// How much of a WAL is written again at a time, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A journal that is held, recognised and set up for writing.
pub(super) struct Opened<P> {
    pub(super) lock: Lock,
    pub(super) db: Connection,
    pub(super) footprint: Footprint,
    pub(super) state: State<P>,
}

/// Opens `<dir>/<name>.db` for the one writer.
pub(super) fn open<P: Projection>(
    paths: &Paths,
    options: &Options,
) -> Result<Opened<P>, OpenError> {
    let (lock, db) = hold(paths)?;
    copy::clear(paths)?;
    let store = |source| OpenError::Store { path: paths.db.clone(), source };
    // What an earlier process wrote may be in the page cache only, if its disk failed. The WAL must be on disk before a
    // page of it is copied: a power cut in the middle of that would leave a database that nothing can mend. Copying it
    // writes and syncs the database's own pages again, before anything is built on them.
    write_again(&paths.wal).map_err(|source| OpenError::Io { path: paths.wal.clone(), source })?;
    if !schema::checkpoint_truncate(&db).map_err(store)? {
        return Err(OpenError::InUse { path: paths.db.clone() });
    }
    // Before a row is read: what is put in its place from now on is noticed.
    let footprint = Footprint::of(&paths.db)
        .map_err(|source| OpenError::Io { path: paths.db.clone(), source })?;
    // By now the WAL is there. SQLite syncs its name with the first commit, and does not say so if that fails.
    sync_names(paths)?;
    if let Some(pages) = options.pages_max {
        db.pragma_update(None, "max_page_count", pages).map_err(|error| store(error.into()))?;
    }
    let fault = |fault| match fault {
        VerifyFault::Damaged(damage) => OpenError::Damaged { path: paths.db.clone(), damage },
        VerifyFault::Store(source) => store(source),
        VerifyFault::Open(error) => error,
        VerifyFault::Cancelled | VerifyFault::Rebuild(_) | VerifyFault::Replay { .. } => {
            store(StoreError::Stopped)
        }
    };
    let projection = P::load(&db).map_err(store)?;
    let checkpoint = seal::newest(&db, projection.log_owner().as_ref());
    let checkpoint = checkpoint.map_err(|error| fault(error.into()))?;
    let sealed = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.head().size);
    let chain = check::tail(&db, sealed).map_err(fault)?;
    if let Some(checkpoint) = &checkpoint {
        seal::hold_against(&db, checkpoint.head()).map_err(|error| match error {
            RecallError::Store(source) => fault(source.into()),
            RecallError::Fault(why) => {
                fault(Damage::Checkpoint { size: sealed, fault: why }.into())
            }
        })?;
    }
    let mark = mark::load(&db).map_err(store)?;
    let sealing = Arc::new(Sealing::new(checkpoint.clone()));
    Ok(Opened {
        lock,
        db,
        footprint,
        state: State { projection, chain, mark, marks: 0, checkpoint, sealing },
    })
}

/// Waits until the names of the journal's files are on disk.
fn sync_names(paths: &Paths) -> Result<(), OpenError> {
    match paths.db.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => create::sync(dir),
        _ => create::sync(Path::new(".")),
    }
}

/// Writes a file's own bytes over it and syncs it: what a failed sync left in memory alone is then on disk.
fn write_again(path: &Path) -> io::Result<()> {
    let file = match File::options().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let (mut chunk, mut at) = (vec![0; CHUNK_BYTES], 0_u64);
    loop {
        let read = file.read_at(&mut chunk, at)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_all_at(bytes, at)?;
        at = at.saturating_add(u64::try_from(read).map_err(io::Error::other)?);
    }
    file.sync_all()
}

/// Takes the lock and opens the file, if it is there and a journal.
pub(super) fn hold(paths: &Paths) -> Result<(Lock, Connection), OpenError> {
    schema::check_sqlite_version()?;
    match fs::metadata(&paths.db) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::Missing { path: paths.db.clone() });
        }
        Err(source) => return Err(OpenError::Io { path: paths.db.clone(), source }),
    }
    let lock = Lock::take(&paths.lock)?;
    // Whoever made it may have ended before that was done. A WAL whose database has no name would bar a new one.
    sync_names(paths)?;
    let db = schema::connect(&paths.db).map_err(|source| schema::unreadable(&paths.db, source))?;
    schema::recognise(&db, &paths.db)?;
    Ok((lock, db))
}
