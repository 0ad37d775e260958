//! What nothing can be faster than: the disk's sync, SQLite's commit, and SHA-256, on this machine in this run.

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

use super::figures::{Latencies, rate};

/// Bytes of one append before each sync.
const PAGE_BYTES: usize = 4_096;

/// Appends of 4 KiB, each followed by `fdatasync`.
///
/// # Panics
///
/// If the disk fails.
#[must_use]
pub fn syncs(dir: &Path, count: u64) -> Latencies {
    let mut file = File::create(dir.join("floor.bin")).expect("a file");
    Latencies::of(count, |_| {
        file.write_all(&[7; PAGE_BYTES]).expect("written");
        file.sync_data().expect("synced");
    })
}

/// One row in each commit: WAL, `synchronous=FULL`, and no checkpoint meanwhile, as in the journal.
///
/// # Panics
///
/// If the disk fails.
#[must_use]
pub fn commits(dir: &Path, bytes: &[u8], count: u64) -> Latencies {
    insert(&rows(dir), bytes, count)
}

/// The same over a WAL that has reached its size, as that of a store that has run for a while: nothing grows but the rows.
///
/// # Panics
///
/// If the disk fails.
#[must_use]
pub fn commits_in_place(dir: &Path, bytes: &[u8], count: u64) -> Latencies {
    let db = rows(dir);
    insert(&db, bytes, count);
    db.query_row("PRAGMA wal_checkpoint(RESTART)", (), |_| Ok(())).expect("a checkpoint");
    insert(&db, bytes, count)
}

fn rows(dir: &Path) -> Connection {
    let db = Connection::open(dir.join("floor.db")).expect("a database");
    db.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    db.pragma_update(None, "synchronous", "FULL").expect("FULL");
    db.pragma_update(None, "wal_autocheckpoint", 0).expect("no checkpoint");
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS row (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    )
    .expect("a table");
    db
}

fn insert(db: &Connection, bytes: &[u8], count: u64) -> Latencies {
    let mut insert = db.prepare("INSERT INTO row (bytes) VALUES (?1)").expect("a statement");
    Latencies::of(count, |_| {
        insert.execute((bytes,)).expect("committed");
    })
}

/// Entries a second through one pass of SHA-256.
#[must_use]
pub fn hashes(entries: &[Vec<u8>]) -> f64 {
    let start = Instant::now();
    for entry in entries {
        black_box(Sha256::digest(entry));
    }
    rate(entries.len() as u64, start)
}
