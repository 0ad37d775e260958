//! What lies in a journal's place is moved out of the way whole, or not at all.

use super::*;

/// A folder as a process that was killed leaves it: the newest entry is in the WAL alone.
fn killed() -> TempDir {
    let (served, dir) = (fresh(), tempfile::tempdir().unwrap());
    let (journal, _died) = open(served.path());
    add(&journal, "newest", 1).unwrap();
    for name in ["toy.db", "toy.db-wal"] {
        fs::copy(served.path().join(name), dir.path().join(name)).unwrap();
    }
    journal.close().unwrap();
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name != "toy.lock");
    names.sort();
    names
}

#[test]
fn what_is_set_aside_keeps_its_newest_entries() {
    let dir = killed();
    let moved = Place::hold(dir.path(), NAME).unwrap().set_aside("old").unwrap();
    assert_eq!(moved, Some(dir.path().join("toy.db.old")));
    assert_eq!(names(dir.path()), ["toy.db.old", "toy.db.old-wal"]);
    for suffix in ["", "-wal"] {
        let name = |name: &str| dir.path().join(format!("{name}{suffix}"));
        fs::rename(name("toy.db.old"), name("toy.db")).unwrap();
    }
    assert_eq!(invariants(dir.path()), [("newest".to_owned(), 1)].into());
}

#[test]
fn a_name_that_is_taken_leaves_everything_where_it_was() {
    for taken in ["toy.db.old", "toy.db.old-wal"] {
        let dir = killed();
        fs::write(dir.path().join(taken), "taken").unwrap();
        let before = names(dir.path());
        let error = Place::hold(dir.path(), NAME).unwrap().set_aside("old").unwrap_err();
        assert!(matches!(error, OpenError::Exists { path } if path.ends_with(taken)), "{taken}");
        assert_eq!(names(dir.path()), before, "{taken}");
        assert_eq!(fs::read(dir.path().join(taken)).unwrap(), b"taken");
        assert_eq!(invariants(dir.path()), [("newest".to_owned(), 1)].into());
    }
}

#[test]
fn an_empty_place_has_nothing_to_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Place::hold(dir.path(), NAME).unwrap().set_aside("old").unwrap(), None);
    assert_eq!(names(dir.path()), [""; 0]);
}
