//! The writer's queue, its commits and its answers, in every order that was tried.

use std::collections::BTreeMap;
use std::future::Future as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mandate::UnixSeconds;
use mandate_journal::{
    Died, Entry, Fault, Genesis, Hook, Journal, LogOwner, Options, Projection, StoreError,
    Transaction, WriteError, read,
};
use mandate_schedules::{explore, folder};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicU64, Ordering};
use shuttle::thread;

const NAME: &str = "toy";

/// Entries that mean nothing.
struct Names;

impl Projection for Names {
    const SCHEMA: &'static [&'static str] = &[];
    const TABLES: &'static [&'static str] = &[];

    fn load(_db: &Connection) -> Result<Self, StoreError> {
        Ok(Self)
    }

    fn apply(&mut self, _db: &Connection, _entry: &Entry<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn log_owner(&self) -> Option<LogOwner> {
        None
    }
}

#[derive(Serialize, Deserialize)]
struct Name {
    name: String,
}

fn now() -> UnixSeconds {
    UnixSeconds::new(1_800_000_000).unwrap()
}

fn open(dir: &Path, before_commit: Option<Hook>) -> (Journal<Names>, Died) {
    let genesis = Genesis { time: now(), kind: "init", fields: Name { name: String::new() } };
    Journal::<Names>::create(dir, NAME, &genesis).unwrap();
    let mut options = Options::default();
    options.hooks.before_commit = before_commit;
    Journal::open(dir, NAME, options).unwrap()
}

type Answer = Result<u64, WriteError>;
type Work = Box<dyn FnOnce(&mut Transaction<'_, Names>) -> Result<u64, StoreError> + Send>;

/// Appends an entry of this name; answers its place.
fn append(name: &str) -> Work {
    let name = Name { name: name.to_owned() };
    Box::new(move |tx| Ok(tx.append(now(), "name", &name)?.seq))
}

/// Every name that is on disk, with its place.
fn on_disk(journal: &Journal<Names>) -> BTreeMap<String, u64> {
    let entries = journal.read_blocking(|db| read::entries(db, 1, 64)).unwrap();
    let count = entries.len();
    let named: BTreeMap<_, _> = entries
        .into_iter()
        .map(|(seq, bytes)| (Entry::parse(&bytes).unwrap().fields::<Name>().unwrap().name, seq))
        .collect();
    assert_eq!(named.len(), count, "an entry was written twice");
    named
}

/// Does this with each of the names at once.
fn at_once<const N: usize, T: Send + 'static>(
    journal: &Journal<Names>,
    names: [&'static str; N],
    work: fn(&Journal<Names>, &'static str) -> T,
) -> [thread::JoinHandle<T>; N] {
    names.map(|name| {
        let journal = journal.clone();
        thread::spawn(move || work(&journal, name))
    })
}

/// Writes it; answers its name, and what the journal said.
fn write(journal: &Journal<Names>, name: &'static str) -> (&'static str, Answer) {
    (name, block_on(journal.write(append(name))))
}

/// An answer means that it is on disk, and seen by whoever reads.
fn write_and_look(journal: &Journal<Names>, name: &str) {
    let seq = block_on(journal.write(append(name))).unwrap();
    assert!(journal.head().size > seq, "the head lags behind an answer");
    assert_eq!(on_disk(journal).get(name), Some(&seq), "answered before its commit");
}

#[test]
fn an_answer_follows_its_commit_though_more_ask_than_the_queue_holds() {
    explore(|| {
        let dir = folder();
        let (journal, _died) = open(dir.path(), None);
        let threads = at_once(&journal, ["a", "b", "c", "d"], |journal, name| {
            write_and_look(journal, name);
            write_and_look(journal, &format!("{name}2"));
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(journal.queued(), 0);
        assert_eq!(on_disk(&journal).len(), 8);
        journal.close().unwrap();
    });
}

#[test]
fn what_was_queued_is_written_though_its_caller_went_away() {
    explore(|| {
        let dir = folder();
        let (journal, _died) = open(dir.path(), None);
        let others = at_once(&journal, ["a", "b"], write_and_look);
        let ran = Arc::new(AtomicU64::new(0));
        let gone = {
            let (journal, ran) = (journal.clone(), Arc::clone(&ran));
            thread::spawn(move || {
                let work = append("gone");
                let call = pin!(journal.write(move |tx| {
                    ran.fetch_add(1, Ordering::SeqCst);
                    work(tx)
                }));
                // One poll queues it, or begins to wait for a place, which an abandoned call gives up.
                drop(call.poll(&mut Context::from_waker(Waker::noop())));
            })
        };
        gone.join().unwrap();
        others.into_iter().for_each(|thread| thread.join().unwrap());
        // Whoever asks after it is answered after it.
        write_and_look(&journal, "last");
        let ran = ran.load(Ordering::SeqCst);
        assert_eq!(u64::from(on_disk(&journal).contains_key("gone")), ran, "run and lost");
        journal.close().unwrap();
    });
}

#[test]
fn the_first_in_an_empty_queue_is_written_though_its_caller_went_away() {
    explore(|| {
        let dir = folder();
        let (journal, _died) = open(dir.path(), None);
        {
            let call = pin!(journal.write(append("gone")));
            let mut context = Context::from_waker(Waker::noop());
            assert!(!matches!(call.poll(&mut context), Poll::Ready(Err(_))));
        }
        let other = {
            let journal = journal.clone();
            thread::spawn(move || drop(block_on(journal.write(append("a")))))
        };
        let reader = journal.clone();
        let closer = thread::spawn(move || journal.close().unwrap());
        other.join().unwrap();
        closer.join().unwrap();
        assert!(on_disk(&reader).contains_key("gone"), "a close lost what was queued");
    });
}

#[test]
fn a_close_waits_for_what_is_queued_and_refuses_the_rest() {
    explore(|| {
        let dir = folder();
        let (journal, _died) = open(dir.path(), None);
        let reader = journal.clone();
        let writers = at_once(&journal, ["a", "b", "c"], write);
        let closer = thread::spawn(move || journal.close().unwrap());
        closer.join().unwrap();
        let at_close = on_disk(&reader);
        for writer in writers {
            let (name, answer) = writer.join().unwrap();
            match answer {
                Ok(seq) => assert_eq!(at_close.get(name), Some(&seq), "answered after the end"),
                Err(WriteError::NotApplied(StoreError::Closed | StoreError::Stopped)) => {
                    assert!(!at_close.contains_key(name), "refused and written");
                }
                Err(error) => panic!("{name}: {error}"),
            }
        }
        assert_eq!(on_disk(&reader), at_close, "written after a close");
        let wal = std::fs::metadata(dir.path().join("toy.db-wal")).map_or(0, |wal| wal.len());
        assert_eq!(wal, 0, "a close leaves a WAL behind");
    });
}

#[test]
fn one_callers_error_is_told_as_it_is() {
    explore(|| {
        let dir = folder();
        let (journal, _died) = open(dir.path(), None);
        let call = |name: &'static str, work: Work| {
            let journal = journal.clone();
            thread::spawn(move || (name, block_on(journal.write(work))))
        };
        let harmless: Work = Box::new(|_| Err(StoreError::Injected));
        let after = append("spoils");
        let spoils: Work = Box::new(move |tx| after(tx).and(Err(StoreError::Injected)));
        let calls = [
            call("a", append("a")),
            call("harmless", harmless),
            call("spoils", spoils),
            call("b", append("b")),
        ];
        let answers = calls.map(|call| call.join().unwrap());
        let stored = on_disk(&journal);
        for (name, answer) in answers {
            match answer {
                Ok(seq) => assert_eq!(stored.get(name), Some(&seq), "answered and lost"),
                Err(WriteError::NotApplied(_)) => assert!(!stored.contains_key(name), "{name}"),
                Err(error) => panic!("{name}: {error}"),
            }
        }
        write_and_look(&journal, "after");
        journal.close().unwrap();
    });
}

/// Breaks the commit of this number, counted from 0.
fn break_commit(number: u64, fault: Fault) -> Hook {
    let commits = std::sync::atomic::AtomicU64::new(0);
    Arc::new(move || {
        let commit = commits.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (commit == number).then_some(fault)
    })
}

#[test]
fn a_broken_commit_is_told_to_each_of_its_callers_and_ends_the_writer_if_unknown() {
    for fault in [Fault::DiskFull, Fault::Io] {
        explore(move || {
            let dir = folder();
            let (journal, _died) = open(dir.path(), Some(break_commit(1, fault)));
            let calls = at_once(&journal, ["a", "b", "c", "d"], write);
            let answers = calls.map(|call| call.join().unwrap());
            let stored = on_disk(&journal);
            for (name, answer) in answers {
                match answer {
                    Ok(seq) => assert_eq!(stored.get(name), Some(&seq), "answered and lost"),
                    Err(WriteError::NotApplied(_)) => assert!(!stored.contains_key(name), "{name}"),
                    Err(error) => {
                        assert!(matches!(error, WriteError::Unknown(_)) && fault == Fault::Io);
                    }
                }
            }
        });
    }
}
