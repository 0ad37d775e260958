//! The full check: every entry, every node, the head, and every row that the entries are said to make.

use std::ops::ControlFlow;

use mandate::Head;
use rusqlite::Connection;

use super::error::{Damage, StoreError, VerifyFault};
use super::seal::{CheckpointFault, Seals};
use super::{Projection, check, compare, read, schema};
use crate::chain::Chain;

/// How many entries pass between two reports of progress.
const PROGRESS_ENTRIES: u64 = 1024;

/// How far a check has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries checked so far.
    pub entries: u64,
    /// Entries there are.
    pub total: u64,
}

/// What a check that found nothing wrong can vouch for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The head that the entries add up to.
    pub head: Head,
    /// How many signed checkpoints the entries bear out.
    pub checkpoints: u64,
}

/// Checks the whole journal that `db` sees, in memory that does not grow with it.
///
/// Every entry must continue the chain, every stored node must be the tree's, the root must be the stored one, and so
/// must that of each signed checkpoint. Then the entries are applied again to a private temporary database, and each row of [`Projection::TABLES`] must be the
/// same. Over a served journal, run it inside [`super::Journal::read_blocking`]: it needs one snapshot.
///
/// `on_progress` is called every 1024 entries and may stop the check.
///
/// # Errors
///
/// [`VerifyFault::Damaged`] names the first entry, node or row that is wrong; [`VerifyFault::Rebuild`] where the check
/// itself lacked room, which says nothing of the journal.
pub fn verify<P: Projection>(
    db: &Connection,
    mut on_progress: impl FnMut(Progress) -> ControlFlow<()>,
) -> Result<Verified, VerifyFault> {
    check_structure(db)?;
    let stored = check::ends(db)?;
    let owner = P::load(db)?.log_owner();
    let mut seals = owner.as_ref().map(Seals::new);
    let mut next_seal = Seals::next_after(db, 0)?;
    if let Some(size) = read::newest_checkpoint(db)?.filter(|size| *size > stored.size) {
        let fault = CheckpointFault::Shorter { signed: size, actual: stored.size };
        return Err(Damage::Checkpoint { size, fault }.into());
    }
    let mut rebuilt = Rebuilt::<P>::new().map_err(VerifyFault::Rebuild)?;
    check::entries(db, Chain::default(), stored, |link, chain| {
        rebuilt
            .projection
            .apply(&rebuilt.db, &link.entry)
            .map_err(|source| VerifyFault::replay(link.entry.seq, source))?;
        let progress = Progress { entries: chain.size(), total: stored.size };
        if next_seal == Some(progress.entries) {
            if let Some(seals) = &mut seals {
                seals.check(db, chain.head())?;
            }
            next_seal = Seals::next_after(db, progress.entries)?;
        }
        if progress.entries.is_multiple_of(PROGRESS_ENTRIES) && on_progress(progress).is_break() {
            return Err(VerifyFault::Cancelled);
        }
        Ok(())
    })?;
    for table in P::TABLES {
        compare::table(db, &rebuilt.db, table)?;
    }
    Ok(Verified { head: stored, checkpoints: seals.map_or(0, |seals| seals.count()) })
}

/// Asks SQLite whether its trees and indices are whole: rows must be found by every way that leads to them.
fn check_structure(db: &Connection) -> Result<(), VerifyFault> {
    let report: String = db.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if report != "ok" {
        return Err(Damage::Structure { report }.into());
    }
    Ok(())
}

/// A projection made again from the entries, in a database of its own.
struct Rebuilt<P> {
    db: Connection,
    projection: P,
}

impl<P: Projection> Rebuilt<P> {
    fn new() -> Result<Self, StoreError> {
        // No name: a temporary file that nobody else can open, and that is gone when it is closed.
        let db = Connection::open("")?;
        schema::keep_statements(&db)?;
        db.pragma_update(None, "synchronous", "OFF")?;
        db.pragma_update(None, "journal_mode", "OFF")?;
        db.execute_batch("BEGIN")?;
        schema::initialise(&db, P::SCHEMA)?;
        let projection = P::load(&db)?;
        Ok(Self { db, projection })
    }
}
