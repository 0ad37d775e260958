//! Writing together: what is acknowledged is on disk, in order, and one caller's failure is its own.

use std::sync::atomic::AtomicU64;
use std::sync::mpsc as std_mpsc;

use mandate::clock::{BootTime, ClockFault, ClockReading};

use super::*;

const WRITERS: u64 = 32;
const EACH: u64 = 20;

#[test]
fn concurrent_writers_are_all_durable() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    let mut seqs = run(write_concurrently(&journal));
    seqs.sort_unstable();
    assert!(seqs.into_iter().eq(1..=WRITERS * EACH));
    journal.close().unwrap();
    let counts = invariants(dir.path());
    assert_eq!(counts.len() as u64, WRITERS * EACH);
    assert!(counts.values().all(|count| *count == 1));
}

async fn write_concurrently(journal: &Journal<Sums>) -> Vec<u64> {
    let write = |writer: u64| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            for call in 0..EACH {
                let fields = Add { account: format!("{writer}/{call}"), amount: 1 };
                let work = move |tx: &mut Transaction<'_, Sums>| tx.append(now(), "add", &fields);
                seqs.push(journal.write(work).await.unwrap().seq);
            }
            seqs
        })
    };
    let mut seqs = Vec::new();
    for task in (0..WRITERS).map(write).collect::<Vec<_>>() {
        let own = task.await.unwrap();
        assert!(own.is_sorted());
        seqs.extend(own);
    }
    seqs
}

/// Holds the writer inside one commit until told to go on.
fn gate() -> (Hook, std_mpsc::Receiver<()>, std_mpsc::Sender<()>) {
    let (entered, has_entered) = std_mpsc::channel();
    let (go, may_go) = std_mpsc::channel();
    let state = Mutex::new((entered, may_go));
    let hook: Hook = Arc::new(move || {
        let (entered, may_go) = &*state.lock().unwrap();
        // Once the test has let go of both ends, the gate stands open.
        if entered.send(()).is_ok() {
            may_go.recv().ok();
        }
        None
    });
    (hook, has_entered, go)
}

fn gated(dir: &Path) -> (Journal<Sums>, Died, std_mpsc::Receiver<()>, std_mpsc::Sender<()>) {
    let (hook, entered, go) = gate();
    let mut options = Options::default();
    options.hooks.before_commit = Some(hook);
    let (journal, died) = Journal::open(dir, NAME, options).unwrap();
    (journal, died, entered, go)
}

#[test]
fn what_waits_goes_into_one_commit_and_a_harmless_error_fails_alone() {
    let dir = fresh();
    run(write_behind_a_gate(dir.path()));
    assert!(invariants(dir.path()).into_keys().eq(["a", "b", "c", "first"].map(String::from)));
}

async fn write_behind_a_gate(dir: &Path) {
    let (journal, _died, entered, go) = gated(dir);
    let spawn = |account: &'static str, kind: &'static str, decide: bool| {
        let journal = journal.clone();
        tokio::spawn(async move {
            let fields = Add { account: account.into(), amount: 1 };
            journal
                .write(move |tx| {
                    if decide {
                        Ok(tx.append(now(), kind, &fields)?)
                    } else {
                        Err(StoreError::Injected)
                    }
                })
                .await
        })
    };
    let first = spawn("first", "add", true);
    entered.recv().unwrap();
    let before = journal.head();
    let others = ["a", "b", "c"].map(|account| spawn(account, "add", true));
    let denied = spawn("d", "add", false);
    let malformed = spawn("e", "Not A Kind", true);
    while journal.queued() < 5 {
        tokio::task::yield_now().await;
    }
    assert_eq!(journal.head(), before, "nothing is seen before its commit");
    go.send(()).unwrap();
    entered.recv().unwrap();
    assert_eq!(journal.queued(), 0, "all that waited is in the second commit");
    assert_eq!(first.await.unwrap().unwrap().head, journal.head());
    go.send(()).unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    let error = denied.await.unwrap().unwrap_err();
    assert!(matches!(error, WriteError::NotApplied(StoreError::Injected)));
    let error = malformed.await.unwrap().unwrap_err();
    assert!(matches!(error, WriteError::NotApplied(StoreError::Entry(_))));
    drop((entered, go));
    journal.close().unwrap();
}

#[test]
fn an_error_after_a_change_rolls_back_and_the_service_goes_on() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    add(&journal, "kept", 1).unwrap();
    let before = journal.head();
    let late: Result<(), _> = journal.write_blocking(|tx| {
        tx.append(now(), "add", &Add { account: "lost".into(), amount: 1 })?;
        Err(StoreError::Injected)
    });
    assert!(matches!(late, Err(WriteError::NotApplied(StoreError::Injected))));
    let refused = journal.write_blocking(|tx| tx.append(now(), "unknown_kind", &json!({})));
    assert!(matches!(refused, Err(WriteError::NotApplied(StoreError::Projection(_)))));
    let panicked: Result<(), _> = journal.write_blocking(|tx| {
        tx.projection_mut().sums.insert("lost".into(), 5);
        panic!("on purpose")
    });
    assert!(matches!(panicked, Err(WriteError::NotApplied(StoreError::Panicked))));
    assert_eq!(journal.head(), before);
    let again = add(&journal, "kept", 1).unwrap();
    assert_eq!(again.seq, before.size);
    journal.close().unwrap();
    assert_eq!(invariants(dir.path()), BTreeMap::from([("kept".into(), 2)]));
}

#[test]
fn a_reader_sees_one_snapshot_and_cannot_write() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    let sizes = journal.read_blocking(|db| {
        let before = read::head(db)?.unwrap().size;
        add(&journal, "a", 1).unwrap();
        assert!(db.execute("DELETE FROM sum", ()).is_err());
        Ok((before, read::head(db)?.unwrap().size))
    });
    assert_eq!(sizes.unwrap(), (1, 1));
    assert_eq!(journal.read_blocking(read::head).unwrap().unwrap(), journal.head());
    journal.close().unwrap();
}

#[test]
fn a_served_journal_is_verified_from_a_snapshot() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    for number in 0..=200u64 {
        let fields = Add { account: (number % 7).to_string(), amount: number };
        journal
            .write_blocking(move |tx| {
                (0..10).try_for_each(|_| tx.append(now(), "add", &fields).map(|_| ()))
            })
            .unwrap();
    }
    let mut reports = Vec::new();
    let verified = journal.read_blocking(|db| {
        Ok(verify::<Sums>(db, |progress| {
            reports.push(progress.entries);
            ControlFlow::Continue(())
        }))
    });
    assert_eq!(verified.unwrap().unwrap().head, journal.head());
    assert_eq!(reports, [1024]);
    let cancelled = journal.read_blocking(|db| Ok(verify::<Sums>(db, |_| ControlFlow::Break(()))));
    assert!(matches!(cancelled, Ok(Err(VerifyFault::Cancelled))));
    journal.close().unwrap();
    invariants(dir.path());
}

#[test]
fn a_check_may_be_stopped_at_any_moment_and_finds_nothing_wrong_then() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    // Too few for progress to be told: whatever stops the check does so inside a question to SQLite.
    journal
        .write_blocking(|tx| {
            let fields = Add { account: "a".into(), amount: 1 };
            (0..1_000).try_for_each(|_| tx.append(now(), "add", &fields).map(|_| ()))
        })
        .unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let stopped_at = |moment| {
        asked.store(0, Ordering::Relaxed);
        let asked = Arc::clone(&asked);
        journal.verify(move || asked.fetch_add(1, Ordering::Relaxed) >= moment)
    };
    assert_eq!(stopped_at(u64::MAX).unwrap().head, journal.head());
    let moments = asked.load(Ordering::Relaxed);
    assert!(moments > 20, "SQLite asks {moments} times");
    for moment in 0..moments {
        let stopped = stopped_at(moment);
        assert!(matches!(stopped, Err(VerifyFault::Cancelled)), "at {moment}: {stopped:?}");
    }
    journal.close().unwrap();
    invariants(dir.path());
}

#[test]
fn a_transaction_sees_what_it_appended() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    let genesis = journal.head();
    journal
        .write_blocking(move |tx| {
            assert_eq!(tx.head(), genesis);
            let later = now().plus(5);
            let appended = tx.append(later, "add", &Add { account: "a".into(), amount: 3 })?;
            assert_eq!((appended.seq, appended.head), (1, tx.head()));
            assert_eq!(tx.last_time(), later);
            assert_eq!(tx.root_at(1)?, genesis.root);
            assert_eq!(tx.root_at(2)?, tx.head().root);
            assert!(matches!(tx.root_at(3), Err(StoreError::NodeMissing { .. })));
            assert_eq!(Entry::parse(&tx.entry(1)?.unwrap()).unwrap().kind, "add");
            assert_eq!(tx.entry(2)?, None);
            assert_eq!(tx.projection().sums["a"], 3);
            Ok(())
        })
        .unwrap();
    journal.close().unwrap();
}

#[test]
fn a_closed_journal_refuses_writes_and_still_reads() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    let other = journal.clone();
    add(&journal, "a", 1).unwrap();
    journal.close().unwrap();
    let refused = add(&other, "b", 1);
    assert!(matches!(refused, Err(WriteError::NotApplied(StoreError::Closed))));
    assert_eq!(other.read_blocking(read::head).unwrap().unwrap(), other.head());
    assert_eq!(fs::metadata(dir.path().join("toy.db-wal")).map_or(0, |file| file.len()), 0);
    drop(other);
    assert_eq!(invariants(dir.path()), BTreeMap::from([("a".into(), 1)]));
}

#[test]
fn a_question_is_answered_from_what_is_committed_whatever_becomes_of_the_commit_beside_it() {
    let dir = fresh();
    let (hook, entered, go) = gate();
    let (full, trigger) = armed(Fault::DiskFull);
    let mut options = Options::default();
    options.hooks.before_commit = Some(Arc::new(move || hook().or_else(|| full())));
    let (journal, _died) = Journal::<Sums>::open(dir.path(), NAME, options).unwrap();
    run(async {
        let spawn = |account: &'static str| {
            let journal = journal.clone();
            tokio::spawn(async move {
                let fields = Add { account: account.into(), amount: 1 };
                journal.write(move |tx| tx.append(now(), "add", &fields)).await
            })
        };
        let first = spawn("first");
        entered.recv().unwrap();
        let lost = spawn("lost");
        let asked = journal.clone();
        let asked = tokio::spawn(async move {
            asked.ask(|tx| Ok((tx.head(), tx.projection().sums.clone()))).await
        });
        let failed = journal.clone();
        let failed =
            tokio::spawn(async move { failed.ask(|_| Err::<(), _>(StoreError::Injected)).await });
        let meddled = journal.clone();
        let meddled = tokio::spawn(async move {
            let fields = Add { account: "meddled".into(), amount: 1 };
            meddled.ask(move |tx| tx.append(now(), "add", &fields)).await
        });
        let panicked = journal.clone();
        let panicked = tokio::spawn(async move {
            panicked.ask(|_| -> Result<(), _> { panic!("on purpose") }).await
        });
        while journal.queued() < 5 {
            tokio::task::yield_now().await;
        }
        go.send(()).unwrap();
        let head = first.await.unwrap().unwrap().head;
        let sums = BTreeMap::from([("first".to_owned(), 1)]);
        assert_eq!(asked.await.unwrap().unwrap(), (head, sums));
        assert!(matches!(failed.await.unwrap(), Err(WriteError::NotApplied(StoreError::Injected))));
        assert!(matches!(
            panicked.await.unwrap(),
            Err(WriteError::NotApplied(StoreError::Panicked))
        ));
        meddled.await.unwrap().unwrap();
        entered.recv().unwrap();
        trigger.store(true, Ordering::SeqCst);
        go.send(()).unwrap();
        assert!(matches!(lost.await.unwrap(), Err(WriteError::NotApplied(StoreError::Injected))));
        assert_eq!(journal.head(), head);
        drop((entered, go));
        spawn("last").await.unwrap().unwrap();
    });
    journal.close().unwrap();
    let kept = [("first".into(), 1), ("last".into(), 1)];
    assert_eq!(invariants(dir.path()), BTreeMap::from(kept), "a question changes nothing");
}

fn reading(wall: u64) -> ClockReading {
    let boot = BootTime { id: "a".parse().unwrap(), elapsed_ms: 0 };
    ClockReading { wall: UnixSeconds::new(wall).unwrap(), boot }
}

#[test]
fn the_clock_that_was_believed_is_the_measure_also_after_a_restart() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    let marked = journal.write_blocking(move |tx| {
        assert_eq!(tx.believe(&reading(1)), Ok(()), "nothing to hold the first one against");
        tx.set_mark(&reading(1_000));
        Ok(())
    });
    marked.unwrap();
    journal.close().unwrap();
    let (journal, _died) = open(dir.path());
    let faults = journal
        .write_blocking(move |tx| Ok([994, 1_000, 1_006].map(|wall| tx.believe(&reading(wall)))));
    assert_eq!(
        faults.unwrap(),
        [Err(ClockFault::Behind { by_s: 6 }), Ok(()), Err(ClockFault::Ahead { by_s: 6 })]
    );
}

#[test]
fn a_clock_that_a_failed_job_believed_is_no_measure() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    let mark = |wall, failed: bool| {
        move |tx: &mut Transaction<'_, Sums>| {
            tx.set_mark(&reading(wall));
            if failed { Err(StoreError::Injected) } else { Ok(()) }
        }
    };
    journal.write_blocking(mark(1_000, false)).unwrap();
    assert!(journal.write_blocking(mark(9_000, true)).is_err());
    let believed = journal.write_blocking(move |tx| Ok(tx.believe(&reading(1_000))));
    assert_eq!(believed.unwrap(), Ok(()));
    journal.close().unwrap();
    invariants(dir.path());
}

#[test]
fn each_commit_that_adds_entries_is_told_and_no_other() {
    let dir = fresh();
    let moments = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&moments);
    let observer = Observer::new(move |moment| told.lock().unwrap().push(moment));
    let options = Options { observer, ..Options::default() };
    let (journal, _died) = Journal::<Sums>::open(dir.path(), NAME, options).unwrap();
    let taken = || std::mem::take(&mut *moments.lock().unwrap());
    assert_eq!(taken(), []);
    add(&journal, "a", 1).unwrap();
    assert_eq!(taken(), [Moment::Committing, Moment::Committed { entries: 1 }]);
    journal.write_blocking(|_| Ok(())).unwrap();
    assert_eq!(taken(), [], "a question adds nothing");
    let both = |transaction: &mut Transaction<'_, Sums>| {
        for _ in 0..2 {
            let fields = json!({ "account": "a", "amount": 1 });
            transaction.append(transaction.last_time(), "add", &fields)?;
        }
        Ok(())
    };
    journal.write_blocking(both).unwrap();
    assert_eq!(taken(), [Moment::Committing, Moment::Committed { entries: 2 }]);
    let files = journal.files().unwrap();
    assert!(files.db_bytes > 0 && files.wal_bytes > 0, "{files:?}");
    journal.close().unwrap();
}
