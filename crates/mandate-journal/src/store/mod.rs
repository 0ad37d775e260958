//! The durable store: one SQLite file, one writer thread, commits shared by whoever is waiting.
//!
//! An answer to a write means that it is on disk. An error says whether the change happened: not applied, or unknown;
//! after "unknown" nothing more is written until the process has started again. The journal is held by one process at
//! a time; readers in it see a snapshot and never stall the writer. No entry is ever changed or removed.

mod check;
mod compare;
mod copy;
mod create;
mod error;
mod footprint;
mod hooks;
mod job;
mod journal;
mod lock;
mod mark;
mod observer;
mod open;
pub mod peers;
mod place;
pub mod read;
mod schema;
mod seal;
mod stopped;
mod transaction;
mod verify;
mod writer;

use rusqlite::Connection;

pub use self::create::Genesis;
pub use self::error::{Damage, OpenError, StoreError, VerifyFault, WriteError};
pub use self::hooks::{Fault, Hook, Hooks};
pub use self::journal::{Died, Files, Journal};
pub use self::observer::{Moment, Observer};
pub use self::place::{Place, Staged};
pub use self::seal::{CHECKPOINT_ENTRIES, CheckpointFault, LogOwner, RecallError};
pub use self::stopped::{Stopped, verify_stopped};
pub use self::transaction::{Appended, Transaction};
pub use self::verify::{Progress, Verified, verify};

use crate::entry::Entry;

/// What a side makes of the entries: its own tables, and memory over them.
///
/// Rows and memory are a function of the entries alone, so both can be thrown away and made again. That is what a check
/// does, in a private database: [`Projection::apply`] must not read the journal's own tables, a clock or anything else.
pub trait Projection: Sized + Send + 'static {
    /// SQL that makes the side's own tables, one batch after the other. No name begins with `journal_`.
    const SCHEMA: &'static [&'static str];
    /// The tables that a check compares, row by row, with what the entries make of them.
    const TABLES: &'static [&'static str];

    /// Reads the memory from rows: on open, and after a commit that failed. The tables are empty at first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the rows cannot be read; the journal then does not open, or stops.
    fn load(db: &Connection) -> Result<Self, StoreError>;

    /// Applies one entry to rows and memory: the only way that rows of [`Projection::TABLES`] change.
    ///
    /// # Errors
    ///
    /// [`StoreError`] aborts the whole transaction, with everyone's work in it.
    fn apply(&mut self, db: &Connection, entry: &Entry<'_>) -> Result<(), StoreError>;

    /// Whose log it is, as its entries say; `None` before the first, and for a log that nobody vouches for.
    fn log_owner(&self) -> Option<LogOwner>;
}

/// How a journal is opened; the default is for production.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Points where a test can wait or break a commit.
    pub hooks: Hooks,
    /// Told of each commit; nobody by default.
    pub observer: Observer,
    /// Most pages (4 KiB) the file may have; more is as if the disk were full. SQLite's own limit if `None`.
    pub pages_max: Option<u32>,
    /// Pages (4 KiB) that the WAL grows by before it is copied into the database. `None`: 4,000 when nobody waits, and
    /// 16,000 while others do.
    pub wal_pages: Option<i32>,
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "small numbers, and a panic is a failed test"
)]
mod tests;
