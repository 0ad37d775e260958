//! Commits that fail, twice each, and what is found after a new start.

use super::*;

/// A journal whose commits break once its trigger is set.
fn breakable(
    dir: &Path,
    point: fn(&mut Hooks) -> &mut Option<Hook>,
    fault: Fault,
) -> (Journal<Sums>, Died, Arc<AtomicBool>) {
    let (hook, trigger) = armed(fault);
    let mut options = Options::default();
    *point(&mut options.hooks) = Some(hook);
    let (journal, died) = Journal::open(dir, NAME, options).unwrap();
    (journal, died, trigger)
}

fn before(hooks: &mut Hooks) -> &mut Option<Hook> {
    &mut hooks.before_commit
}

fn after(hooks: &mut Hooks) -> &mut Option<Hook> {
    &mut hooks.after_commit
}

/// Breaks one commit with an I/O error in a run of writes, twice over, and returns what is then on disk.
fn io_error_twice(point: fn(&mut Hooks) -> &mut Option<Hook>) -> BTreeMap<String, u64> {
    let dir = fresh();
    for round in 0..2 {
        let (journal, mut died, trigger) = breakable(dir.path(), point, Fault::Io);
        add(&journal, "acknowledged", 1).unwrap();
        assert!(poll_once(&mut died).is_pending());
        let head = journal.head();
        trigger.store(true, Ordering::SeqCst);
        let broken = add(&journal, &format!("unknown {round}"), 1);
        assert!(matches!(broken, Err(WriteError::Unknown(StoreError::Injected))));
        let error = died_with(died);
        assert!(matches!(error, StoreError::Injected));
        let refused = add(&journal, "refused", 1);
        assert!(matches!(refused, Err(WriteError::NotApplied(StoreError::Stopped))));
        assert_eq!(journal.head(), head, "what is unknown is never shown as committed");
        let copy = crash_copy(dir.path());
        let (from_copy, closed) = (invariants(copy.path()), journal.close());
        assert!(matches!(closed, Err(StoreError::Injected)));
        assert_eq!(invariants(dir.path()), from_copy);
    }
    invariants(dir.path())
}

fn poll_once(died: &mut Died) -> Poll<StoreError> {
    Pin::new(died).poll(&mut Context::from_waker(std::task::Waker::noop()))
}

fn died_with(died: Died) -> StoreError {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(died)
}

#[test]
fn an_io_error_that_was_not_applied() {
    let counts = io_error_twice(before);
    assert_eq!(counts, BTreeMap::from([("acknowledged".into(), 2)]));
}

#[test]
fn an_io_error_that_was_yet_applied() {
    let counts = io_error_twice(after);
    let expected = [("acknowledged", 2), ("unknown 0", 1), ("unknown 1", 1)];
    assert_eq!(counts, expected.map(|(account, count)| (account.to_owned(), count)).into());
}

#[test]
fn a_full_disk_at_the_commit_is_not_applied_and_the_service_goes_on() {
    let dir = fresh();
    let (journal, mut died, trigger) = breakable(dir.path(), before, Fault::DiskFull);
    for _ in 0..2 {
        add(&journal, "acknowledged", 1).unwrap();
        let head = journal.head();
        trigger.store(true, Ordering::SeqCst);
        let full = add(&journal, "lost", 1);
        assert!(matches!(full, Err(WriteError::NotApplied(StoreError::Injected))));
        assert_eq!(journal.head(), head);
    }
    add(&journal, "acknowledged", 1).unwrap();
    assert!(poll_once(&mut died).is_pending());
    journal.close().unwrap();
    assert!(poll_once(&mut died).is_pending());
    assert_eq!(invariants(dir.path()), BTreeMap::from([("acknowledged".into(), 3)]));
}

#[test]
fn a_full_file_refuses_what_does_not_fit_and_takes_what_does() {
    let dir = fresh();
    let options = Options { pages_max: Some(40), ..Options::default() };
    let (journal, mut died) = Journal::<Sums>::open(dir.path(), NAME, options).unwrap();
    let mut acknowledged = 0;
    let error = loop {
        match add(&journal, &"x".repeat(2000), 1) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    let WriteError::NotApplied(error) = error else { panic!("{error:?}") };
    assert_eq!(error.code(), Some(rusqlite::ErrorCode::DiskFull));
    assert!(acknowledged > 10);
    let head = journal.head();
    assert!(matches!(add(&journal, &"x".repeat(60_000), 1), Err(WriteError::NotApplied(_))));
    assert_eq!(journal.head(), head);
    assert!(poll_once(&mut died).is_pending());
    assert_eq!(journal.write_blocking(|tx| Ok(tx.head())).unwrap(), head);
    journal.close().unwrap();
    assert_eq!(invariants(dir.path()).into_values().sum::<u64>(), acknowledged);
    let (journal, _died) = open(dir.path());
    add(&journal, "room again", 1).unwrap();
    journal.close().unwrap();
}

#[test]
fn a_panic_in_the_writer_leaves_nobody_waiting() {
    let dir = fresh();
    let mut options = Options::default();
    options.hooks.before_commit = Some(Arc::new(|| panic!("on purpose")));
    let (journal, died) = Journal::<Sums>::open(dir.path(), NAME, options).unwrap();
    assert!(matches!(add(&journal, "a", 1), Err(WriteError::Unknown(StoreError::Stopped))));
    assert!(matches!(died_with(died), StoreError::Panicked));
    assert!(add(&journal, "b", 1).is_err());
    assert!(matches!(journal.close(), Err(StoreError::Panicked)));
    assert_eq!(invariants(dir.path()), BTreeMap::new());
}

/// A crash is a copy of the files as they are: just before a commit, just after it, and while serving.
#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let dir = fresh();
    let copies = Arc::new(Mutex::new(Vec::new()));
    let copying = |applied: u64| -> Hook {
        let (copies, from) = (Arc::clone(&copies), dir.path().to_owned());
        let commits = std::sync::atomic::AtomicU64::new(0);
        Arc::new(move || {
            let commit = commits.fetch_add(1, Ordering::SeqCst);
            copies.lock().unwrap().push((commit + applied, crash_copy(&from)));
            None
        })
    };
    let hooks = Hooks { before_commit: Some(copying(0)), after_commit: Some(copying(1)) };
    let options = Options { hooks, ..Options::default() };
    let (journal, _died) = Journal::<Sums>::open(dir.path(), NAME, options).unwrap();
    for _ in 0..12 {
        add(&journal, "a", 1).unwrap();
    }
    let serving = crash_copy(dir.path());
    assert_eq!(invariants(serving.path())["a"], 12);
    journal.close().unwrap();
    let copies = copies.lock().unwrap();
    assert_eq!(copies.len(), 24);
    for (applied, copy) in &*copies {
        assert_eq!(invariants(copy.path()).get("a").copied().unwrap_or(0), *applied);
    }
}

/// Puts an older copy in the place of a file that is in use.
type Put = fn(old: &Path, db: &Path);

#[test]
fn an_older_copy_put_under_a_running_writer_ends_it_before_anything_is_decided_by_it() {
    let puts: [Put; 3] = [
        |old, db| assert!(fs::copy(old, db).unwrap() > 0),
        |old, db| fs::rename(old, db).unwrap(),
        |_, db| fs::remove_file(db).unwrap(),
    ];
    for put in puts {
        let dir = fresh();
        let db = schema::Paths::new(dir.path(), NAME).db;
        let old = dir.path().join("old");
        fs::copy(&db, &old).unwrap();
        let (journal, _died) = open(dir.path());
        add(&journal, "spent", 1).unwrap();
        journal.close().unwrap();
        // Written at another time than the copy will be.
        fs::File::open(&db).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        let newest = crash_copy(dir.path());
        let (journal, died) = open(dir.path());
        put(&old, &db);
        let asked = journal.write_blocking(|tx| Ok(tx.head()));
        assert!(matches!(asked, Err(WriteError::NotApplied(StoreError::Replaced))), "{asked:?}");
        assert!(matches!(died_with(died), StoreError::Replaced));
        assert!(matches!(add(&journal, "spent", 1), Err(WriteError::NotApplied(_))));
        assert!(matches!(journal.close(), Err(StoreError::Replaced)));
        assert_eq!(invariants(newest.path()), BTreeMap::from([("spent".into(), 1)]));
    }
}

#[test]
fn who_closes_without_a_word_empties_no_wal_into_an_older_copy() {
    let dir = fresh();
    let db = schema::Paths::new(dir.path(), NAME).db;
    let old = fs::read(&db).unwrap();
    fs::File::open(&db).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let (journal, _died) = open(dir.path());
    fs::write(&db, &old).unwrap();
    assert!(matches!(journal.close(), Err(StoreError::Replaced)));
}

#[test]
fn no_wal_is_copied_into_an_older_copy() {
    let dir = fresh();
    let db = schema::Paths::new(dir.path(), NAME).db;
    let old = fs::read(&db).unwrap();
    fs::File::open(&db).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    let (put, copy) = (db.clone(), old.clone());
    let after: Hook = Arc::new(move || {
        fs::write(&put, &copy).unwrap();
        None
    });
    let hooks = Hooks { after_commit: Some(after), ..Hooks::default() };
    let options = Options { hooks, wal_pages: Some(1), ..Options::default() };
    let (journal, _died) = Journal::<Sums>::open(dir.path(), NAME, options).unwrap();
    add(&journal, "spent", 1).unwrap();
    assert!(matches!(journal.close(), Err(StoreError::Replaced)));
    assert_eq!(fs::read(&db).unwrap(), old);
}

#[test]
fn another_name_or_mode_of_the_file_is_no_other_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = fresh();
    let db = schema::Paths::new(dir.path(), NAME).db;
    let (journal, _died) = open(dir.path());
    fs::hard_link(&db, dir.path().join("link")).unwrap();
    fs::set_permissions(&db, fs::Permissions::from_mode(0o640)).unwrap();
    // Enough that the WAL is copied meanwhile.
    for number in 0..300 {
        add(&journal, &format!("{number}{}", "x".repeat(50_000)), 1).unwrap();
    }
    journal.close().unwrap();
    assert_eq!(invariants(dir.path()).len(), 300);
}
