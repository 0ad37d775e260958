//! Making and opening: what is refused, and what is never touched.

use std::os::unix::fs::PermissionsExt as _;

use super::super::schema::FORMAT;
use super::*;

fn genesis() -> Genesis<serde_json::Value> {
    Genesis { time: now(), kind: "init", fields: json!({}) }
}

#[test]
fn a_fresh_journal_has_one_entry_and_is_the_owners_alone() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("state/mandate");
    Journal::<Sums>::create(&dir, NAME, &genesis()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let (journal, _died) = open(&dir);
    for file in fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
    assert_eq!(journal.head().size, 1);
    journal.close().unwrap();
    assert_eq!(full_check(&dir).unwrap().head.size, 1);
}

#[test]
fn create_overwrites_nothing() {
    let dir = fresh();
    let before = fs::read(db_path(dir.path())).unwrap();
    let error = Journal::<Sums>::create(dir.path(), NAME, &genesis()).unwrap_err();
    assert!(matches!(error, OpenError::Exists { .. }));
    assert_eq!(fs::read(db_path(dir.path())).unwrap(), before);

    fs::remove_file(db_path(dir.path())).unwrap();
    fs::write(dir.path().join("toy.db-wal"), b"left over").unwrap();
    let error = Journal::<Sums>::create(dir.path(), NAME, &genesis()).unwrap_err();
    assert!(matches!(error, OpenError::Exists { path } if path.ends_with("toy.db-wal")));
}

#[test]
fn what_an_interrupted_create_left_is_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(".toy.new")).unwrap();
    fs::write(dir.path().join(".toy.new/new.db"), b"half").unwrap();
    assert!(matches!(open_error(dir.path()), OpenError::Missing { .. }));
    Journal::<Sums>::create(dir.path(), NAME, &genesis()).unwrap();
    assert!(!dir.path().join(".toy.new").exists());
    assert_eq!(full_check(dir.path()).unwrap().head.size, 1);
}

#[test]
fn a_refused_first_entry_leaves_no_journal() {
    let dir = tempfile::tempdir().unwrap();
    let refused = Genesis { kind: "refused", ..genesis() };
    let error = Journal::<Sums>::create(dir.path(), NAME, &refused).unwrap_err();
    assert!(matches!(error, OpenError::Store { source: StoreError::Projection(_), .. }));
    assert!(matches!(open_error(dir.path()), OpenError::Missing { .. }));
}

#[test]
fn a_missing_journal_is_an_error_and_stays_missing() {
    let dir = tempfile::tempdir().unwrap();
    let error = open_error(dir.path());
    assert!(matches!(error, OpenError::Missing { path } if path.ends_with("toy.db")));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_journal_is_held_by_one_at_a_time() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    assert!(matches!(open_error(dir.path()), OpenError::InUse { .. }));
    let error = Stopped::open(dir.path(), NAME).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }));
    journal.close().unwrap();
    let stopped = Stopped::open(dir.path(), NAME).unwrap();
    assert!(matches!(open_error(dir.path()), OpenError::InUse { .. }));
    assert!(stopped.db().execute("DELETE FROM journal_entry", ()).is_err());
    drop(stopped);
    open(dir.path()).0.close().unwrap();
}

#[test]
fn a_foreign_or_newer_file_is_refused_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let path = db_path(dir.path());
    for bytes in [&b""[..], b"a text that is long enough to be looked at as a header of a file"] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(open_error(dir.path()), OpenError::Foreign { .. }));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(open_error(dir.path()), OpenError::Foreign { .. }));

    let dir = fresh();
    let db = Connection::open(db_path(dir.path())).unwrap();
    db.pragma_update(None, "user_version", FORMAT + 1).unwrap();
    drop(db);
    let (newer, ours) = (FORMAT + 1, FORMAT);
    assert!(
        matches!(open_error(dir.path()), OpenError::Newer { found, known, .. } if (found, known) == (newer, ours))
    );
}
