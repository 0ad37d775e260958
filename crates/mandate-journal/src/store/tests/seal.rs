//! Checkpoints come at their pace, and a journal that is not the one they sign does not open.

use super::*;
use crate::checkpoint::{Checkpoint, Origin};
use crate::store::seal::CHECKPOINT_ENTRIES;

fn key() -> Arc<TestKey> {
    Arc::new(TestKey::new(1))
}

fn origin() -> Origin {
    "mandate/wallet/toy".parse().unwrap()
}

fn add_many(journal: &Journal<Sums>, entries: u64) {
    for number in 0..entries {
        add(journal, "a", number).unwrap();
    }
}

fn signed(dir: &Path) -> Vec<u64> {
    let db = Connection::open(db_path(dir)).unwrap();
    let mut query = db.prepare("SELECT size FROM journal_checkpoint ORDER BY size").unwrap();
    query.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn one_is_signed_every_64_entries_and_on_demand() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    add_many(&journal, 10);
    run(journal.seal()).unwrap();
    assert_eq!(journal.checkpoint(), None, "nothing is signed without a key");

    journal.sign_with(Arc::new(TestKey::new(2)));
    run(journal.seal()).unwrap();
    assert_eq!(journal.checkpoint(), None, "another's key signs nothing");

    journal.sign_with(key());
    let mut news = journal.checkpoints();
    run(journal.seal()).unwrap();
    assert!(news.has_changed().unwrap());
    news.mark_unchanged();
    run(journal.seal()).unwrap();
    assert!(!news.has_changed().unwrap(), "there was nothing new to sign");
    add_many(&journal, 2 * CHECKPOINT_ENTRIES + 5);
    let newest = journal.checkpoint().unwrap();
    let owner = [key().public_key()];
    assert_eq!(Checkpoint::verify(newest.as_str(), &origin(), &owner).unwrap(), newest);
    run(journal.seal()).unwrap();
    let head = journal.head();
    assert_eq!(journal.checkpoint().unwrap().head(), head);
    journal.close().unwrap();
    assert_eq!(signed(dir.path()), [11, 75, 139, 144]);
    let verified = full_check(dir.path()).unwrap();
    assert_eq!((verified.head, verified.checkpoints), (head, 4));
    let (journal, _died) = open(dir.path());
    assert_eq!(journal.checkpoint().unwrap().head(), head);
}

#[test]
fn a_journal_that_is_not_believed_signs_nothing_more() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    journal.sign_with(key());
    add_many(&journal, 3);
    run(journal.seal()).unwrap();
    let newest = journal.checkpoint();
    journal.sign_no_more();
    journal.sign_with(key());
    add_many(&journal, CHECKPOINT_ENTRIES);
    run(journal.seal()).unwrap();
    assert_eq!(journal.checkpoint(), newest);
    journal.close().unwrap();
    assert_eq!(signed(dir.path()), [4]);
}

#[test]
fn a_key_that_was_taken_away_is_held_by_nobody_and_signs_again_when_it_is_given_anew() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    let signer = key();
    let held = Arc::downgrade(&signer);
    journal.sign_with(signer);
    run(journal.seal()).unwrap();
    journal.forget_key();
    assert!(held.upgrade().is_none());
    add_many(&journal, CHECKPOINT_ENTRIES);
    run(journal.seal()).unwrap();
    assert_eq!(journal.checkpoint().unwrap().head().size, 1, "nothing is signed without a key");
    journal.sign_with(key());
    run(journal.seal()).unwrap();
    assert_eq!(journal.checkpoint().unwrap().head(), journal.head());
    journal.close().unwrap();
    assert_eq!(signed(dir.path()), [1, 1 + CHECKPOINT_ENTRIES]);
}

#[test]
fn a_batch_of_any_size_is_sealed_within_it() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    journal.sign_with(key());
    let write = journal.write_blocking(|tx| {
        for number in 0..200 {
            tx.append(now(), "add", &Add { account: "a".into(), amount: number })?;
        }
        Ok(())
    });
    write.unwrap();
    journal.close().unwrap();
    assert_eq!(signed(dir.path()), [64, 128, 192]);
}

#[test]
fn a_commit_that_failed_leaves_no_checkpoint_behind() {
    let dir = fresh();
    let (hook, armed) = armed(Fault::DiskFull);
    let hooks = Hooks { before_commit: Some(hook), after_commit: None };
    let options = Options { hooks, ..Options::default() };
    let (journal, _died) = Journal::<Sums>::open(dir.path(), NAME, options).unwrap();
    journal.sign_with(key());
    add_many(&journal, CHECKPOINT_ENTRIES - 2);
    armed.store(true, Ordering::SeqCst);
    add(&journal, "lost", 1).unwrap_err();
    assert_eq!(journal.checkpoint(), None);
    add(&journal, "kept", 1).unwrap();
    let head = journal.checkpoint().unwrap().head();
    assert_eq!(head, journal.head());
    journal.close().unwrap();
    assert_eq!(full_check(dir.path()).unwrap().checkpoints, 1);
}

/// A closed journal with a checkpoint, and more entries after it.
fn sealed(account: &str) -> TempDir {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    journal.sign_with(key());
    for number in 0..100 {
        add(&journal, account, number).unwrap();
    }
    journal.close().unwrap();
    dir
}

fn damage_at_start(dir: &Path) -> Damage {
    match open_error(dir) {
        OpenError::Damaged { damage, .. } => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_history_that_was_made_anew_contradicts_its_checkpoint() {
    // Every entry, node and head of another story, so that only the signature tells the two apart.
    let (dir, other) = (sealed("a"), sealed("b"));
    let db = Connection::open(db_path(dir.path())).unwrap();
    let attach = format!("ATTACH '{}' AS other", db_path(other.path()).display());
    db.execute_batch(&attach).unwrap();
    for table in ["journal_entry", "journal_node", "journal_head", "sum", "event"] {
        let copy = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM other.{table}");
        db.execute_batch(&copy).unwrap();
    }
    drop(db);
    let expected = CheckpointFault::Other { signed: CHECKPOINT_ENTRIES };
    for found in [damage_at_start(dir.path()), full_damage(dir.path())] {
        let Damage::Checkpoint { size: CHECKPOINT_ENTRIES, fault } = found else {
            panic!("{found:?}")
        };
        assert_eq!(format!("{fault:?}"), format!("{expected:?}"));
    }
}

fn full_damage(dir: &Path) -> Damage {
    match full_check(dir) {
        Err(VerifyFault::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_checkpoint_that_was_changed_or_moved_is_found() {
    let changes = [
        "UPDATE journal_checkpoint SET note = replace(note, 'wallet', 'wallex')",
        "UPDATE journal_checkpoint SET size = 63",
        "UPDATE journal_checkpoint SET size = 1000",
        "UPDATE journal_checkpoint SET note = 'x'",
    ];
    for change in changes {
        let dir = sealed("a");
        let db = Connection::open(db_path(dir.path())).unwrap();
        assert_eq!(db.execute(change, ()).unwrap(), 1);
        drop(db);
        let by_open = damage_at_start(dir.path());
        assert!(matches!(by_open, Damage::Checkpoint { .. }), "{change}: {by_open:?}");
        let by_check = full_damage(dir.path());
        assert!(matches!(by_check, Damage::Checkpoint { .. }), "{change}: {by_check:?}");
    }
}

#[test]
fn an_older_copy_lacks_what_is_remembered_of_the_journal() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    journal.sign_with(key());
    add_many(&journal, 3);
    run(journal.seal()).unwrap();
    let backup = crash_copy(dir.path());
    let early = journal.checkpoint().unwrap();
    add_many(&journal, 3);
    run(journal.seal()).unwrap();
    let late = journal.checkpoint().unwrap();
    journal.recall(early.as_str()).unwrap();
    journal.recall(late.as_str()).unwrap();

    let (copy, _died) = open(backup.path());
    copy.recall(early.as_str()).unwrap();
    let shorter = copy.recall(late.as_str()).unwrap_err();
    let expected = CheckpointFault::Shorter { signed: 7, actual: 4 };
    assert_eq!(format!("{shorter:?}"), format!("{:?}", RecallError::Fault(expected)));
    for number in 0..5 {
        add(&copy, "b", number).unwrap();
    }
    let other = copy.recall(late.as_str()).unwrap_err();
    let expected = CheckpointFault::Other { signed: 7 };
    assert_eq!(format!("{other:?}"), format!("{:?}", RecallError::Fault(expected)));

    let head = Head { size: 1, ..late.head() };
    let stranger = Checkpoint::sign(&origin(), head, &TestKey::new(2)).unwrap();
    for note in [stranger.as_str(), "x"] {
        let error = journal.recall(note).unwrap_err();
        assert!(matches!(error, RecallError::Fault(CheckpointFault::Unsigned(_))), "{error:?}");
    }
}
