//! The store under test, with a toy projection: sums by account.

mod create;
mod damage;
mod faults;
mod group;
mod place;
mod seal;

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use mandate::{Head, Signer as _, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::testing::TestKey;

/// Sums by account, in memory and in rows, and a table of events without a declared key.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    sums: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    account: String,
    amount: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("refused")]
struct Refused;

impl Projection for Sums {
    const SCHEMA: &'static [&'static str] = &["
        CREATE TABLE sum (account TEXT PRIMARY KEY, amount INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE event (account TEXT NOT NULL, amount INTEGER NOT NULL) STRICT;
    "];
    const TABLES: &'static [&'static str] = &["sum", "event"];

    fn load(db: &Connection) -> Result<Self, StoreError> {
        let mut query = db.prepare("SELECT account, amount FROM sum")?;
        let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(Self { sums: rows.collect::<Result<_, _>>()? })
    }

    fn apply(&mut self, db: &Connection, entry: &Entry<'_>) -> Result<(), StoreError> {
        match entry.kind {
            "init" => return Ok(()),
            "add" => {}
            _ => return Err(StoreError::projection(Refused)),
        }
        let Add { account, amount } = entry.fields()?;
        let sum = self.sums.entry(account.clone()).or_default();
        *sum += amount;
        db.prepare_cached("INSERT OR REPLACE INTO sum VALUES (?1, ?2)")?
            .execute((&account, *sum))?;
        db.prepare_cached("INSERT INTO event VALUES (?1, ?2)")?.execute((&account, amount))?;
        Ok(())
    }

    fn log_owner(&self) -> Option<LogOwner> {
        let origin = "mandate/wallet/toy".parse().unwrap();
        Some(LogOwner { origin, key: TestKey::new(1).public_key() })
    }
}

const NAME: &str = "toy";

fn now() -> UnixSeconds {
    UnixSeconds::new(1_800_000_000).unwrap()
}

/// A folder with a fresh journal in it.
fn fresh() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let genesis = Genesis { time: now(), kind: "init", fields: json!({"who": "toy"}) };
    Journal::<Sums>::create(dir.path(), NAME, &genesis).unwrap();
    dir
}

fn open(dir: &Path) -> (Journal<Sums>, Died) {
    Journal::open(dir, NAME, Options::default()).unwrap()
}

fn open_error(dir: &Path) -> OpenError {
    Journal::<Sums>::open(dir, NAME, Options::default()).unwrap_err()
}

fn add(journal: &Journal<Sums>, account: &str, amount: u64) -> Result<Appended, WriteError> {
    let fields = Add { account: account.into(), amount };
    journal.write_blocking(move |tx| tx.append(now(), "add", &fields))
}

fn full_check(dir: &Path) -> Result<Verified, VerifyFault> {
    verify_stopped::<Sums>(dir, NAME, |_| ControlFlow::Continue(()))
}

/// Every account that any entry names, with how often; the journal must verify and memory must equal rows.
fn invariants(dir: &Path) -> BTreeMap<String, u64> {
    let verified = full_check(dir).unwrap();
    let (journal, _died) = open(dir);
    assert_eq!(journal.head(), verified.head);
    let mut counts = BTreeMap::new();
    let mut sums = BTreeMap::new();
    for bytes in all_entries(&journal) {
        let entry = Entry::parse(&bytes).unwrap();
        if entry.kind == "add" {
            let Add { account, amount } = entry.fields().unwrap();
            *counts.entry(account.clone()).or_default() += 1;
            *sums.entry(account).or_default() += amount;
        }
    }
    let in_memory = journal.write_blocking(|tx| Ok(tx.projection().sums.clone())).unwrap();
    assert_eq!(in_memory, sums);
    journal.close().unwrap();
    counts
}

fn all_entries(journal: &Journal<Sums>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let page = journal.read_blocking(|db| read::entries(db, all.len() as u64, u32::MAX));
        let page = page.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page.into_iter().map(|(_, bytes)| bytes));
    }
}

/// Runs async tasks on two threads until `main` is done.
fn run<T>(main: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(main)
}

/// What a crash at this moment would leave behind: the database and its WAL as they are.
fn crash_copy(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["toy.db", "toy.db-wal"] {
        fs::copy(dir.join(file), copy.path().join(file)).unwrap();
    }
    copy
}

/// A hook that breaks the next commit after it is armed.
fn armed(fault: Fault) -> (Hook, Arc<AtomicBool>) {
    let armed = Arc::new(AtomicBool::new(false));
    let trigger = Arc::clone(&armed);
    let hook: Hook = Arc::new(move || trigger.swap(false, Ordering::SeqCst).then_some(fault));
    (hook, armed)
}

fn db_path(dir: &Path) -> PathBuf {
    dir.join("toy.db")
}
