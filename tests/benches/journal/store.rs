//! The durable store, at several lengths.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mandate_journal::{
    Entry, Genesis, Journal, LogOwner, Options, Projection, StoreError, read, verify_stopped,
};
use mandate_keys::{Seed, SigningKey};
use mandate_tests::bench::figures::{Figures, Latencies, rate};
use mandate_tests::bench::floors;
use rusqlite::Connection;
use serde_json::json;

use crate::entries::{KIND, fields, now};

/// Appends in each round.
const APPENDS: u64 = 400;
/// Entries in each transaction while a log is filled.
const BATCH: u64 = 10_000;
/// Logs longer than this are not checked in full: that takes minutes.
const VERIFIED_MAX: u64 = 1_000_000;
const NAME: &str = "bench";

/// No rows: what is measured is the journal's own.
struct Nothing;

impl Projection for Nothing {
    const SCHEMA: &'static [&'static str] = &[];
    const TABLES: &'static [&'static str] = &[];

    fn load(_: &Connection) -> Result<Self, StoreError> {
        Ok(Self)
    }

    fn apply(&mut self, _: &Connection, _: &Entry<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn log_owner(&self) -> Option<LogOwner> {
        let origin = "mandate/wallet/bench".parse().expect("an origin");
        Some(LogOwner { origin, key: key().public_key() })
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(Seed::copy_from(&[7; 32]))
}

/// Opens it as a daemon does: with the key that signs a checkpoint every 64 entries.
fn open(dir: &Path) -> Journal<Nothing> {
    let journal: Journal<Nothing> =
        Journal::open(dir, NAME, Options::default()).expect("a journal").0;
    journal.sign_with(Arc::new(key()));
    journal
}

/// Appends entries up to `size`, by the writer, in large transactions.
fn fill(dir: &Path, size: u64) {
    let genesis = Genesis { time: now(), kind: "init", fields: json!({}) };
    Journal::<Nothing>::create(dir, NAME, &genesis).expect("a new journal");
    let journal = open(dir);
    while journal.head().size < size {
        let first = journal.head().size;
        let batch = (size - first).min(BATCH);
        let append = move |tx: &mut mandate_journal::Transaction<'_, Nothing>| {
            for seq in first..first + batch {
                tx.append(now(), KIND, &fields(seq))?;
            }
            Ok(())
        };
        journal.write_blocking(append).expect("written");
    }
    journal.close().expect("closed");
}

/// Measures a log of this length.
pub fn measure(figures: &mut Figures, size: u64, rounds: usize) {
    let dir = tempfile::tempdir().expect("a folder");
    let start = Instant::now();
    fill(dir.path(), size);
    figures.add(format!("{size}: filled"), "entries/s", rate(size, start));
    for _ in 0..rounds {
        let start = Instant::now();
        let journal = open(dir.path());
        figures.add(format!("{size}: open"), "ms", start.elapsed().as_secs_f64() * 1e3);
        appends(figures, size, dir.path(), &journal);
        journal.close().expect("closed");
        if size <= VERIFIED_MAX {
            let start = Instant::now();
            let verified =
                verify_stopped::<Nothing>(dir.path(), NAME, |_| ControlFlow::Continue(()));
            let verified = verified.expect("a whole journal").head.size;
            figures.add(format!("{size}: verify the store"), "entries/s", rate(verified, start));
        }
    }
}

/// Appends one entry at a time, each on disk before the next, beside the floors.
fn appends(figures: &mut Figures, size: u64, dir: &Path, journal: &Journal<Nothing>) {
    let bytes = journal.read_blocking(|db| read::entry(db, size - 1)).expect("read");
    let bytes = bytes.expect("the last entry");
    let syncs = floors::syncs(dir, APPENDS);
    let commits = floors::commits(dir, &bytes, APPENDS);
    let appends = Latencies::of(APPENDS, |_| {
        let append = |tx: &mut mandate_journal::Transaction<'_, Nothing>| {
            let seq = tx.head().size;
            tx.append(now(), KIND, &fields(seq))
        };
        let appended = journal.write_blocking(append).expect("appended");
        std::hint::black_box(appended.head);
    });
    let mut each = |what: &str, latencies: &Latencies| {
        for percent in [50.0, 99.0] {
            let name = format!("{size}: {what}, p{percent}");
            figures.add(name, "\u{b5}s", latencies.percentile_us(percent));
        }
    };
    each("4 KiB and fdatasync", &syncs);
    each("one raw SQLite commit", &commits);
    each("append and head", &appends);
    let ratio = appends.percentile_us(50.0) / commits.percentile_us(50.0);
    figures.add(format!("{size}: append and head / raw commit, p50"), "times", ratio);
}
