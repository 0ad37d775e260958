//! Reads of the journal's own tables, for whoever holds a connection: the writer, a reader, a check.

use mandate::{Head, Root};
use rusqlite::{Connection, OptionalExtension as _};

use super::error::StoreError;
use super::schema;
use crate::chain::{Chain, ChainError};
use crate::entry::Entry;
use crate::tree::{self, Frontier, NodeHash, NodeId};

/// Most entries that one call of [`entries`] returns: 16 MiB if each is as large as it may be.
pub const ENTRIES_MAX: u32 = 256;

/// The head as of the last commit that this connection sees; `None` only in a file without entries.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn head(db: &Connection) -> Result<Option<Head>, StoreError> {
    schema::load_head(db)
}

/// The bytes of one entry; `None` if there is none of this number.
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn entry(db: &Connection, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut query = db.prepare_cached("SELECT bytes FROM journal_entry WHERE seq = ?1")?;
    Ok(query.query_row((seq,), |row| row.get(0)).optional()?)
}

/// The numbers and bytes of entries from `from` on, in order: at most `limit` and at most [`ENTRIES_MAX`].
///
/// # Errors
///
/// [`StoreError::Sqlite`].
pub fn entries(db: &Connection, from: u64, limit: u32) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT seq, bytes FROM journal_entry WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows =
        query.query_map((from, limit.min(ENTRIES_MAX)), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The hash of a stored node.
///
/// # Errors
///
/// [`StoreError::NodeMissing`] if the log is not long enough to have it, [`StoreError::Sqlite`].
pub fn node(db: &Connection, id: NodeId) -> Result<NodeHash, StoreError> {
    let mut query = db.prepare_cached("SELECT hash FROM journal_node WHERE position = ?1")?;
    let position = id.position();
    let hash: Option<Vec<u8>> = query.query_row((position,), |row| row.get(0)).optional()?;
    let hash = hash.and_then(|hash| hash.try_into().ok());
    hash.map(NodeHash::from_bytes).ok_or(StoreError::NodeMissing { seq: id.last_leaf(), position })
}

/// The root of the first `size` entries.
///
/// # Errors
///
/// [`StoreError::NodeMissing`] if the log has fewer entries, [`StoreError::Sqlite`].
pub fn root_at(db: &Connection, size: u64) -> Result<Root, StoreError> {
    tree::root_at(size, |id| node(db, id))
}

/// The hashes that lead from entry `seq` to the root of the first `size` entries (RFC 9162, section 2.1.3.1).
///
/// # Errors
///
/// [`StoreError::NodeMissing`] if the log has fewer entries, [`StoreError::Sqlite`].
pub fn inclusion_path(db: &Connection, seq: u64, size: u64) -> Result<Vec<NodeHash>, StoreError> {
    tree::inclusion_path(seq, size, |id| node(db, id))
}

/// The size of the newest checkpoint, as it is filed.
pub(super) fn newest_checkpoint(db: &Connection) -> Result<Option<u64>, StoreError> {
    let mut query = db.prepare_cached("SELECT max(size) FROM journal_checkpoint")?;
    Ok(query.query_row((), |row| row.get(0))?)
}

/// The end of the log after its first `size` entries.
pub(super) fn chain_at(db: &Connection, size: u64) -> Result<Chain, StoreError> {
    let frontier = Frontier::load(size, |id| node(db, id))?;
    let Some(seq) = size.checked_sub(1) else { return Ok(Chain::default()) };
    let bytes = entry(db, seq)?.ok_or(StoreError::EntryMissing { seq })?;
    let last = Entry::parse(&bytes).map_err(|source| ChainError::Entry { seq, source })?;
    Ok(Chain::resume(frontier, Some(&last)))
}

/// The end of the log as of the last commit.
pub(super) fn chain(db: &Connection) -> Result<Chain, StoreError> {
    chain_at(db, head(db)?.map_or(0, |head| head.size))
}
