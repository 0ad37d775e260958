//! A file that was changed behind the journal's back is found, and the fault names the place.

use super::*;
use crate::testing::TestKey;

const ENTRIES: u64 = 40;

/// A closed journal with some entries, changed by `sql`.
fn tampered(sql: &str) -> TempDir {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    journal
        .write_blocking(|tx| {
            for number in 1..ENTRIES {
                let fields = Add { account: format!("account {}", number % 5), amount: number };
                tx.append(now(), "add", &fields)?;
            }
            Ok(())
        })
        .unwrap();
    journal.close().unwrap();
    let db = Connection::open(db_path(dir.path())).unwrap();
    assert!(db.execute(sql, ()).unwrap() > 0, "{sql}");
    dir
}

/// What opening finds, and what the full check finds.
fn found(sql: &str) -> (Damage, Damage) {
    let dir = tampered(sql);
    let OpenError::Damaged { damage, .. } = open_error(dir.path()) else { panic!("{sql}") };
    (damage, full_damage(dir.path()))
}

fn full_damage(dir: &Path) -> Damage {
    match full_check(dir) {
        Err(VerifyFault::Damaged(damage)) => damage,
        other => panic!("{other:?}"),
    }
}

macro_rules! finds {
    ($sql:expr, $damage:pat) => {
        let (by_open, by_check) = found($sql);
        assert!(matches!(by_open, $damage), "open: {by_open:?}");
        assert!(matches!(by_check, $damage), "check: {by_check:?}");
    };
}

/// What the check's own copy of the tables fails with.
struct Cramped<const CODE: i32>(Sums);

impl<const CODE: i32> Projection for Cramped<CODE> {
    const SCHEMA: &'static [&'static str] = Sums::SCHEMA;
    const TABLES: &'static [&'static str] = Sums::TABLES;

    fn load(db: &Connection) -> Result<Self, StoreError> {
        Sums::load(db).map(Self)
    }

    fn apply(&mut self, db: &Connection, entry: &Entry<'_>) -> Result<(), StoreError> {
        if entry.seq == ENTRIES / 2 {
            let failed = rusqlite::ffi::Error::new(CODE);
            return Err(rusqlite::Error::SqliteFailure(failed, None).into());
        }
        self.0.apply(db, entry)
    }

    fn log_owner(&self) -> Option<LogOwner> {
        self.0.log_owner()
    }
}

#[test]
fn a_check_that_lacks_room_says_nothing_of_the_journal() {
    use rusqlite::ffi;

    fn checked<const CODE: i32>(dir: &Path) -> VerifyFault {
        let on_progress = |_| ControlFlow::Continue(());
        verify_stopped::<Cramped<CODE>>(dir, NAME, on_progress).unwrap_err()
    }
    let dir = tampered("UPDATE event SET amount = amount");
    full_check(dir.path()).unwrap();
    for fault in [
        checked::<{ ffi::SQLITE_FULL }>(dir.path()),
        checked::<{ ffi::SQLITE_IOERR_WRITE }>(dir.path()),
        checked::<{ ffi::SQLITE_CANTOPEN }>(dir.path()),
        checked::<{ ffi::SQLITE_NOMEM }>(dir.path()),
    ] {
        assert!(!fault.is_damage() && fault.is_inconclusive(), "{fault:?}");
        assert!(fault.to_string().contains("SQLITE_TMPDIR"), "{fault}");
    }
    let fault = checked::<{ ffi::SQLITE_CONSTRAINT_UNIQUE }>(dir.path());
    assert!(matches!(fault, VerifyFault::Replay { seq: 20, .. }) && fault.is_damage(), "{fault:?}");
    // What the journal's own file is asked for and does not give.
    let asked = |code| {
        let failed = rusqlite::ffi::Error::new(code);
        VerifyFault::from(StoreError::from(rusqlite::Error::SqliteFailure(failed, None)))
    };
    for code in [ffi::SQLITE_CANTOPEN, ffi::SQLITE_NOMEM, ffi::SQLITE_BUSY] {
        assert!(asked(code).is_inconclusive(), "{code}");
    }
    for code in [ffi::SQLITE_IOERR_READ, ffi::SQLITE_CORRUPT, ffi::SQLITE_ERROR] {
        assert!(!asked(code).is_inconclusive(), "{code}");
    }
    let stored = VerifyFault::from(StoreError::projection(Refused));
    assert!(!stored.is_inconclusive(), "a row that no projection takes");
}

#[test]
fn changed_entries_are_found() {
    let edit = "UPDATE journal_entry SET bytes = CAST(replace(CAST(bytes AS TEXT), \
                '\"amount\":7', '\"amount\":8') AS BLOB) WHERE seq = 7";
    finds!(edit, Damage::Node { seq: 7, .. });
    finds!(
        "UPDATE journal_entry SET bytes = x'7b7d' WHERE seq = 9",
        Damage::Chain(crate::chain::ChainError::Entry { seq: 9, .. })
    );
    finds!("DELETE FROM journal_entry WHERE seq = 12", Damage::Missing { seq: 12 });
    finds!("DELETE FROM journal_entry WHERE seq = 39", Damage::Missing { seq: 39 });
    finds!("INSERT INTO journal_entry VALUES (40, x'7b7d')", Damage::Surplus { size: ENTRIES });
}

#[test]
fn a_rewritten_end_is_found() {
    let dir = tampered("DELETE FROM journal_entry WHERE seq = 39");
    let db = Connection::open(db_path(dir.path())).unwrap();
    db.execute("DELETE FROM journal_node WHERE position >= ?1", (crate::tree::nodes_stored(39),))
        .unwrap();
    drop(db);
    assert!(matches!(full_damage(dir.path()), Damage::Missing { seq: 39 }));
    assert!(matches!(open_error(dir.path()), OpenError::Damaged { .. }));
}

#[test]
fn changed_nodes_are_found() {
    finds!(
        "UPDATE journal_node SET hash = zeroblob(32) WHERE position = 10",
        Damage::Node { position: 10, .. }
    );
    finds!(
        "UPDATE journal_node SET hash = x'00' WHERE position = 11",
        Damage::Node { position: 11, .. }
    );
    finds!("DELETE FROM journal_node WHERE position = 0", Damage::Node { seq: 0, position: 0 });
    finds!("INSERT INTO journal_node VALUES (1000, zeroblob(32))", Damage::Surplus { .. });
}

#[test]
fn a_changed_head_is_found() {
    finds!("UPDATE journal_head SET root = zeroblob(32)", Damage::Head { .. });
    finds!("UPDATE journal_head SET size = 39", Damage::Surplus { size: 39 });
    finds!("UPDATE journal_head SET size = 41", Damage::Missing { seq: 40 });
    finds!("DELETE FROM journal_head", Damage::HeadMissing);
}

#[test]
fn changed_rows_are_found_by_the_full_check() {
    let row = |sql| match full_damage(tampered(sql).path()) {
        Damage::Row { table, row } => (table, row),
        other => panic!("{other}"),
    };
    let sum = |account: &str| ("sum", account.to_owned());
    assert_eq!(row("UPDATE sum SET amount = 0 WHERE account = 'account 3'"), sum("account 3"));
    assert_eq!(row("DELETE FROM sum WHERE account = 'account 2'"), sum("account 2"));
    assert_eq!(row("DELETE FROM sum WHERE account = 'account 4'"), sum("account 4"));
    assert_eq!(row("INSERT INTO sum VALUES ('account 1b', 1)"), sum("account 1b"));
    assert_eq!(row("INSERT INTO sum VALUES ('b', 1)"), sum("b"));
    assert_eq!(row("DELETE FROM event WHERE rowid = 6"), ("event", "6".to_owned()));
}

/// An entry before the tail is not read on open; the full check reads it.
#[test]
fn damage_far_back_is_found_by_the_full_check() {
    let dir = fresh();
    let (journal, _died) = open(dir.path());
    journal.sign_with(Arc::new(TestKey::new(1)));
    journal
        .write_blocking(|tx| {
            let fields = Add { account: "a".into(), amount: 1 };
            (0..1500).try_for_each(|_| tx.append(now(), "add", &fields).map(|_| ()))
        })
        .unwrap();
    journal.close().unwrap();
    let db = Connection::open(db_path(dir.path())).unwrap();
    db.execute("UPDATE journal_entry SET bytes = x'7b7d' WHERE seq = 3", ()).unwrap();
    drop(db);
    open(dir.path()).0.close().unwrap();
    assert!(matches!(full_damage(dir.path()), Damage::Chain(_)));
}

#[test]
fn a_damaged_page_is_found() {
    let dir = tampered("UPDATE sum SET amount = amount");
    let path = db_path(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let from = bytes.len() - 4096;
    bytes[from..from + 64].fill(0xff);
    fs::write(&path, bytes).unwrap();
    assert!(full_check(dir.path()).is_err());
}
