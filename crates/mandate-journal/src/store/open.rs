//! Opening a journal: recognised, checkpointed and checked at its end before anyone is served.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::error::{Damage, OpenError, StoreError, VerifyFault};
use super::lock::Lock;
use super::schema::{self, Paths};
use super::transaction::State;
use super::{Options, Projection, read};
use crate::chain::Chain;
use crate::tree;

/// How many of the last entries are hashed again on every open.
const TAIL_ENTRIES: u32 = read::ENTRIES_MAX;

/// A journal that is held, recognised and set up for writing.
pub(super) struct Opened<P> {
    pub(super) lock: Lock,
    pub(super) db: Connection,
    pub(super) state: State<P>,
}

/// Opens `<dir>/<name>.db` for the one writer.
pub(super) fn open<P: Projection>(
    paths: &Paths,
    options: &Options,
) -> Result<Opened<P>, OpenError> {
    let (lock, db) = hold(paths)?;
    let store = |source| OpenError::Store { path: paths.db.clone(), source };
    // What an earlier process saw acknowledged may be in the page cache only, if its disk failed. Copying the WAL into
    // the database writes and syncs it again, before anything is built on it.
    if !schema::checkpoint_truncate(&db).map_err(store)? {
        return Err(OpenError::InUse { path: paths.db.clone() });
    }
    if let Some(pages) = options.pages_max {
        db.pragma_update(None, "max_page_count", pages).map_err(|error| store(error.into()))?;
    }
    let chain = check_tail(&db).map_err(|fault| match fault {
        VerifyFault::Damaged(damage) => OpenError::Damaged { path: paths.db.clone(), damage },
        VerifyFault::Store(source) => store(source),
        VerifyFault::Open(error) => error,
        VerifyFault::Cancelled | VerifyFault::Replay { .. } => store(StoreError::Stopped),
    })?;
    let projection = P::load(&db).map_err(store)?;
    Ok(Opened { lock, db, state: State { projection, chain } })
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
    let db = connect(&paths.db)?;
    Ok((lock, db))
}

fn connect(path: &Path) -> Result<Connection, OpenError> {
    let db = schema::connect(path).map_err(|source| OpenError::Store { path: path.into(), source });
    let db = db?;
    schema::recognise(&db, path)?;
    Ok(db)
}

/// Hashes the last entries again and compares chain, nodes and root with what is stored.
pub(super) fn check_tail(db: &Connection) -> Result<Chain, VerifyFault> {
    let head = read::head(db)?.ok_or(Damage::HeadMissing)?;
    check_counts(db, head.size)?;
    let mut chain = read::chain_at(db, head.size.saturating_sub(u64::from(TAIL_ENTRIES)))?;
    for (seq, bytes) in read::entries(db, chain.size(), TAIL_ENTRIES)? {
        if seq != chain.size() {
            return Err(Damage::Missing { seq: chain.size() }.into());
        }
        let added = chain.push(&bytes).map_err(Damage::Chain)?.added;
        compare_nodes(db, seq, &added)?;
    }
    let computed = chain.head();
    if computed != head {
        return Err(Damage::Head { stored: head, computed }.into());
    }
    Ok(chain)
}

/// Nothing may lie beyond what the head counts, nor may the ends be missing.
pub(super) fn check_counts(db: &Connection, size: u64) -> Result<(), VerifyFault> {
    let next = |sql| db.query_row(sql, (), |row| row.get::<_, u64>(0));
    let entries = next("SELECT coalesce(max(seq) + 1, 0) FROM journal_entry")?;
    let nodes = next("SELECT coalesce(max(position) + 1, 0) FROM journal_node")?;
    let expected = tree::nodes_stored(size);
    if entries > size || nodes > expected {
        return Err(Damage::Surplus { size }.into());
    }
    if entries < size {
        return Err(Damage::Missing { seq: entries }.into());
    }
    if nodes < expected {
        let seq = size.saturating_sub(1);
        return Err(Damage::Node { seq, position: nodes }.into());
    }
    Ok(())
}

/// Compares the nodes that entry `seq` completes with those that are stored.
pub(super) fn compare_nodes(
    db: &Connection,
    seq: u64,
    added: &tree::Added,
) -> Result<(), VerifyFault> {
    let mut query = db.prepare_cached("SELECT hash FROM journal_node WHERE position = ?1")?;
    for (position, hash) in (added.position..).zip(&added.nodes) {
        let mut rows = query.query((position,))?;
        let stored = match rows.next()? {
            Some(row) => row.get_ref(0)?.as_blob_or_null().ok().flatten() == Some(hash.as_bytes()),
            None => false,
        };
        if !stored {
            return Err(Damage::Node { seq, position }.into());
        }
    }
    Ok(())
}
