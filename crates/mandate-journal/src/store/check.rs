//! Checks of the journal's own tables: that entries, nodes and head say the same.

use mandate::Head;
use rusqlite::{Connection, Rows};

use super::error::{Damage, VerifyFault};
use super::read;
use crate::chain::{Chain, Link};
use crate::tree::{self, Added};

/// How many of the last entries are hashed again on every open, at least.
const TAIL_ENTRIES: u64 = 1024;

/// Checks the last entries, as on every open, and returns the end of the log.
///
/// All that no checkpoint covers are among them: `sealed` is the size of the newest.
pub(super) fn tail(db: &Connection, sealed: u64) -> Result<Chain, VerifyFault> {
    let stored = ends(db)?;
    let from = stored.size.saturating_sub(TAIL_ENTRIES).min(sealed);
    let chain = read::chain_at(db, from)?;
    entries(db, chain, stored, |_, _| Ok(()))
}

/// Checks that the head is there and that entries and nodes begin and end where it says; returns it.
pub(super) fn ends(db: &Connection) -> Result<Head, VerifyFault> {
    let head = read::head(db)?.ok_or(Damage::HeadMissing)?;
    let size = head.size;
    let number = |sql| db.query_row(sql, (), |row| row.get::<_, i64>(0));
    for first in [
        "SELECT coalesce(min(seq), 0) FROM journal_entry",
        "SELECT coalesce(min(position), 0) FROM journal_node",
    ] {
        if number(first)? < 0 {
            return Err(Damage::Surplus { size }.into());
        }
    }
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
        return Err(Damage::Node { seq: size.saturating_sub(1), position: nodes }.into());
    }
    Ok(head)
}

/// Checks every entry from the end of `chain` on, its nodes, and at last the root; returns the end of the log.
///
/// `visit` sees each entry with the log right after it. One entry is in memory at a time.
pub(super) fn entries(
    db: &Connection,
    mut chain: Chain,
    stored: Head,
    mut visit: impl FnMut(&Link<'_>, &Chain) -> Result<(), VerifyFault>,
) -> Result<Chain, VerifyFault> {
    let mut query =
        db.prepare("SELECT seq, bytes FROM journal_entry WHERE seq >= ?1 ORDER BY seq")?;
    let mut rows = query.query((chain.size(),))?;
    // Nodes are numbered in the order in which entries complete them, so both are read once, side by side.
    let mut nodes = db.prepare(
        "SELECT position, hash FROM journal_node WHERE position >= ?1 ORDER BY position",
    )?;
    let mut nodes = nodes.query((tree::nodes_stored(chain.size()),))?;
    while let Some(row) = rows.next()? {
        let seq = chain.size();
        if row.get::<_, u64>(0)? != seq {
            return Err(Damage::Missing { seq }.into());
        }
        let bytes: Vec<u8> = row.get(1)?;
        let link = chain.push(&bytes).map_err(Damage::Chain)?;
        compare(&mut nodes, seq, &link.added)?;
        visit(&link, &chain)?;
    }
    let computed = chain.head();
    if computed != stored {
        return Err(Damage::Head { stored, computed }.into());
    }
    Ok(chain)
}

/// Compares the nodes that entry `seq` completes with those that are stored next.
fn compare(stored: &mut Rows<'_>, seq: u64, added: &Added) -> Result<(), VerifyFault> {
    for (position, hash) in (added.position..).zip(&added.nodes) {
        let stored = match stored.next()? {
            Some(row) => {
                row.get::<_, u64>(0)? == position
                    && row.get_ref(1)?.as_blob().ok() == Some(hash.as_bytes())
            }
            None => false,
        };
        if !stored {
            return Err(Damage::Node { seq, position }.into());
        }
    }
    Ok(())
}
