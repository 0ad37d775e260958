//! A ledger that was tampered with is refused by its file's name, stays as it is, and no other takes its place.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use mandate::token::Status;
use mandate_ledger::{
    Damage, LedgerError, OpenError, Scope, StoppedLedger, VerifyFault, ledger_path,
};
use mandate_policy::Reason;
use mandate_tests::parties::{Parties, WARES, caller};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, fresh_jti, one_of, reading};
use rusqlite::Connection;
use tempfile::TempDir;

/// A folder with a ledger in which something of everything was written, and who trades with it.
struct Written {
    folder: TempDir,
    parties: Arc<Parties>,
}

fn caps() -> Vec<Cap> {
    vec![Cap::spend("day", ("EUR", 10_000))]
}

async fn written() -> Written {
    let (folder, wallet) = Wallet::fresh([3; 32], 16, caps());
    let now = reading(MORNING);
    for status in [Status::Executed, Status::Void] {
        let paid = wallet.buy(now.clone(), "travel", WARES[0], ("EUR", 1_000)).await.unwrap();
        let receipt = wallet.parties.receipt(&paid, status, now.wall);
        wallet.hand_in(now.clone(), "travel", &receipt).await.unwrap();
    }
    wallet.buy(now.clone(), "errands", WARES[2], ("EUR", 2_000)).await.unwrap();
    let errands = Scope::Agent("errands".parse().unwrap());
    wallet.ledger.freeze(now.clone(), 0, errands, None).await.unwrap();
    let refused = wallet.buy(now, "errands", WARES[2], ("EUR", 1)).await;
    assert_eq!(refused.err(), Some(Reason::Frozen));
    let parties = Arc::clone(&wallet.parties);
    wallet.ledger.close().unwrap();
    Written { folder, parties }
}

impl Written {
    fn path(&self) -> std::path::PathBuf {
        ledger_path(self.folder.path())
    }

    fn open(&self) -> Result<Wallet, OpenError> {
        Wallet::open(self.folder.path(), &self.parties, PARIS, 16, caps())
    }

    /// Changes the file behind the wallet's back.
    fn tamper(&self, sql: &str) {
        let db = Connection::open(self.path()).unwrap();
        assert!(db.execute(sql, ()).unwrap() > 0, "{sql}");
    }

    /// Neither the daemon nor a check opens it; both name the file, and nothing in the folder changes.
    #[track_caller]
    fn refused(&self, expected: fn(&OpenError) -> bool) -> OpenError {
        let before = files(self.folder.path());
        let error = self.open().map(drop).unwrap_err();
        assert!(expected(&error), "{error:?}");
        let stopped = StoppedLedger::open(self.folder.path());
        if let Err(error) = &stopped {
            assert!(expected(error), "{error:?}");
        }
        let shown = error.to_string();
        assert!(shown.contains(&self.path().display().to_string()), "{shown}");
        assert_eq!(files(self.folder.path()), before);
        error
    }
}

/// Names and bytes of what is in a folder, locks and SQLite's own files beside the ledger apart.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let of_ledger = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "db");
    let mut files: Vec<_> = entries
        .filter(of_ledger)
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_missing_ledger_stays_missing() {
    let written = written().await;
    fs::remove_file(written.path()).unwrap();
    written.refused(|error| matches!(error, OpenError::Missing { .. }));
    let nowhere = written.folder.path().join("nowhere");
    let error = StoppedLedger::open(&nowhere).unwrap_err();
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn a_foreign_file_is_left_alone() {
    let written = written().await;
    fs::write(written.path(), "my diary, not a database\n".repeat(400)).unwrap();
    written.refused(|error| matches!(error, OpenError::Foreign { .. }));
    fs::remove_file(written.path()).unwrap();
    let other = Connection::open(written.path()).unwrap();
    other.execute_batch("CREATE TABLE recipe (name TEXT)").unwrap();
    drop(other);
    written.refused(|error| matches!(error, OpenError::Foreign { .. }));
    fs::write(written.path(), "").unwrap();
    written.refused(|error| matches!(error, OpenError::Foreign { .. }));
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused() {
    let written = written().await;
    let whole = fs::read(written.path()).unwrap();
    for kept in [100, 4_096, whole.len() / 2, whole.len() - 4_096] {
        fs::write(written.path(), &whole[..kept]).unwrap();
        let before = files(written.folder.path());
        // Where the cut is past what opening reads, the check finds it.
        match written.open() {
            Err(error) => {
                let path = written.path().display().to_string();
                assert!(error.to_string().contains(&path), "{kept} bytes kept: {error}");
                assert_eq!(files(written.folder.path()), before, "{kept} bytes kept");
            }
            Ok(wallet) => {
                let verified = wallet.ledger.verify(|| false);
                assert!(verified.is_err(), "{kept} bytes kept");
            }
        }
    }
}

/// One bit of an amount: what was signed, what a merchant signed, and what was refused.
#[tokio::test]
async fn a_flipped_bit_in_an_entry_is_found() {
    for kind in ["intent", "payment", "receipt", "freeze", "denial"] {
        let written = written().await;
        let db = Connection::open(written.path()).unwrap();
        let of_kind = format!("%\"kind\":\"{kind}\"%");
        let (seq, mut bytes): (u64, Vec<u8>) = db
            .query_row(
                "SELECT seq, bytes FROM journal_entry WHERE CAST(bytes AS TEXT) LIKE ? LIMIT 1",
                [of_kind],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        // The last letter before the closing brace: the entry reads as well as before.
        let last = bytes.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
        bytes[last] ^= 1;
        db.execute("UPDATE journal_entry SET bytes = ? WHERE seq = ?", (bytes, seq)).unwrap();
        drop(db);
        let error = written.refused(|error| matches!(error, OpenError::Damaged { .. }));
        let OpenError::Damaged { damage, .. } = error else { unreachable!() };
        let found = match damage {
            Damage::Node { seq, .. } => seq,
            Damage::Chain(_) => seq,
            other => panic!("{kind}: {other:?}"),
        };
        assert_eq!(found, seq, "{kind}");
    }
}

#[tokio::test]
async fn an_entry_that_was_taken_out_is_missed() {
    let written = written().await;
    written.tamper("DELETE FROM journal_entry WHERE seq = 5");
    let error = written.refused(|error| matches!(error, OpenError::Damaged { .. }));
    let missing = Damage::Missing { seq: 5 };
    let OpenError::Damaged { damage, .. } = error else { unreachable!() };
    assert_eq!(damage.to_string(), missing.to_string());
}

/// Rows are not read on open; the check makes each of them again from the entries, and names the one that differs.
#[tokio::test]
async fn a_changed_row_is_found_in_every_table() {
    let changes = [
        ("total", "UPDATE total SET amount = amount - 1000 WHERE level = 2 AND agent = 'travel'"),
        ("total", "UPDATE total SET count = 0 WHERE level = 0 AND agent = 'errands'"),
        ("total", "DELETE FROM total WHERE level = 1 AND agent = 'travel'"),
        ("hold", "UPDATE hold SET state = 2 WHERE state = 0"),
        ("hold", "UPDATE hold SET expires_at = expires_at + 86400"),
        ("hold", "DELETE FROM hold WHERE state = 0"),
        ("answer", "DELETE FROM answer WHERE status = 2"),
        ("stop", "DELETE FROM stop"),
        ("stop", "UPDATE stop SET what = 'agent travel'"),
        ("owner", "UPDATE owner SET principal = 'ada'"),
    ];
    for (expected, sql) in changes {
        let written = written().await;
        written.tamper(sql);
        let stopped = StoppedLedger::open(written.folder.path()).unwrap();
        let by_stopped = stopped.verify();
        drop(stopped);
        let by_open = match written.open() {
            Ok(wallet) => wallet.ledger.verify(|| false),
            Err(error) => panic!("{sql}: {error:?}"),
        };
        for found in [by_stopped, by_open] {
            match found {
                Err(VerifyFault::Damaged(Damage::Row { table, .. })) => {
                    assert_eq!(table, expected, "{sql}");
                }
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}

/// A total below zero cannot be: no answer is better than a wrong one.
#[tokio::test]
async fn a_total_below_zero_answers_nothing() {
    let written = written().await;
    written.tamper("UPDATE total SET amount = -5000 WHERE agent = 'travel'");
    let wallet = written.open().unwrap();
    let (now, travel) = (reading(MORNING), caller("travel"));
    let answer = wallet.ledger.mint_intent(now, &travel, one_of(WARES[0]), fresh_jti()).await;
    assert!(matches!(answer, Err(LedgerError::NotApplied(_))), "{answer:?}");
}
