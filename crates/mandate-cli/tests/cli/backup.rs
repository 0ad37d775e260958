//! A copy of the ledger and its way back: nothing that was signed is ever forgotten without a word.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::process::geteuid;

use crate::desk::{CAPS, Desk};

const INTENT: &str = "intent --merchant lux-hotels --action book_room";

/// Nobody's uid here.
const OTHER_UID: u32 = 61_234;

fn path(desk: &Desk, name: &str) -> String {
    desk.home.folder().join(name).display().to_string()
}

fn back_up(desk: &Desk, name: &str) -> String {
    let file = path(desk, name);
    desk.mandate(&format!("backup {file}")).yes();
    file
}

/// Takes the ledger away, as a broken disk does.
fn lose_the_ledger(desk: &Desk) {
    for name in ["wallet.db", "wallet.db-wal", "wallet.db-shm"] {
        drop(fs::remove_file(desk.home.paths.state_dir().join(name)));
    }
}

/// Changes the ledger behind the wallet's back.
fn write_into(desk: &Desk, sql: &str) {
    let db = Connection::open(desk.home.paths.ledger()).expect("a ledger");
    db.execute_batch(sql).expect("SQL");
}

/// The names in the state folder, but for the ledger's own.
fn left(desk: &Desk) -> Vec<String> {
    let own = ["wallet.db", "wallet.db-wal", "wallet.db-shm", "wallet.lock"];
    let names = fs::read_dir(desk.home.paths.state_dir()).expect("a folder");
    let names = names.map(|name| name.expect("a name").file_name().display().to_string());
    names.filter(|name| !own.contains(&name.as_str())).collect()
}

#[test]
fn a_backup_is_whole_running_or_stopped_and_overwrites_nothing() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("100.00 EUR");
    for name in ["running.db", "stopped.db"] {
        let file = path(&desk, name);
        let said = desk.mandate(&format!("backup {file} --json")).json(0);
        let log = desk.mandate("audit verify --json").json(0);
        assert_eq!((&said["entries"], &said["root"]), (&log["size"], &log["root"]), "{name}");
        assert_eq!(said["signed"], said["entries"], "under a newest checkpoint");
        let mode = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = fs::read(&file).expect("a file");
        let err = desk.mandate(&format!("backup {file}")).refused(2);
        assert!(err.contains("is there already; name another file"), "{err}");
        assert_eq!(fs::read(&file).expect("a file"), before);
        assert_eq!(left(&desk), [""; 0], "nothing is left behind");
        if desk.is_running() {
            desk.stop();
        }
    }
    let hidden = |name: &PathBuf| name.display().to_string().contains("partial");
    let names = fs::read_dir(desk.home.folder()).expect("a folder");
    assert!(!names.map(|name| name.expect("a name").path()).any(|name| hidden(&name)));
    let err = desk.mandate("backup /nowhere/wallet.db").refused(1);
    assert!(err.contains("cannot write /nowhere/wallet.db"), "{err}");
}

#[test]
fn a_restored_wallet_is_frozen_until_a_thaw_and_then_counts_what_was_spent() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("200.00 EUR");
    let file = back_up(&desk, "backup.db");
    let err = desk.mandate(&format!("restore {file}")).refused(2);
    assert!(err.contains("the wallet runs"), "{err}");
    desk.stop();
    let err = desk.mandate(&format!("restore {file}")).refused(1);
    assert!(err.contains("the ledger in place is whole"), "{err}");
    lose_the_ledger(&desk);
    // As root does for a wallet with a user of its own; nobody else can give a folder away.
    let state = desk.home.paths.state_dir().to_owned();
    if geteuid().is_root() {
        chown(&state, Some(OTHER_UID), Some(OTHER_UID)).expect("root may");
        fs::remove_file(state.join("wallet.lock")).expect("a lock");
    }
    let said = desk.mandate(&format!("restore {file} --json")).json(0);
    let owner = |path: &Path| fs::metadata(path).expect("a file").uid();
    for name in ["wallet.db", "wallet.lock"] {
        assert_eq!(owner(&state.join(name)), owner(&state), "{name}");
    }
    assert_eq!(
        (&said["frozen"], &said["held_against_the_key_store"]),
        (&"wallet".into(), &true.into())
    );
    assert_eq!(left(&desk), [""; 0]);
    desk.mandate("audit verify").yes();
    desk.start();
    let denied = desk.mandate(INTENT).refused(1);
    assert!(denied.starts_with("denied: FROZEN: "), "{denied}");
    assert!(desk.mandate("audit log").yes().contains("restored from a backup"));
    desk.mandate("thaw --yes").yes();
    desk.book("200.00 EUR");
    let denied = desk.mandate(INTENT).refused(1);
    assert!(denied.contains("CAP_EXCEEDED"), "{denied}");
}

#[test]
fn a_damaged_ledger_is_moved_aside_and_kept() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("100.00 EUR");
    let file = back_up(&desk, "backup.db");
    desk.stop();
    let ledger = desk.home.paths.ledger();
    fs::write(&ledger, "no database").expect("a disk");
    let told = desk.mandate(&format!("restore {file}")).yes();
    assert!(told.contains("what lay there is now "), "{told}");
    let kept = left(&desk);
    let [name] = kept.iter().filter(|name| !name.ends_with("-wal")).collect::<Vec<_>>()[..] else {
        panic!("{kept:?}");
    };
    assert!(name.starts_with("wallet.db.before-restore-2"), "{name}");
    let kept = fs::read(desk.home.paths.state_dir().join(name)).expect("a file");
    assert_eq!(kept, b"no database");
    desk.mandate("audit verify").yes();
}

#[test]
fn what_is_no_whole_backup_changes_nothing() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("100.00 EUR");
    let file = back_up(&desk, "backup.db");
    desk.stop();
    lose_the_ledger(&desk);
    let whole = fs::read(&file).expect("a file");
    let half = whole.get(..whole.len() / 2).expect("bytes");
    let empty = desk.file("empty", "");
    let (text, half) = (desk.file("text", "no backup"), {
        fs::write(path(&desk, "half"), half).expect("a disk");
        path(&desk, "half")
    });
    for bad in [text, empty, half, path(&desk, "gone"), "/dev/zero".to_owned()] {
        let err = desk.mandate(&format!("restore {bad}")).refused(1);
        assert!(err.contains(&bad) && !err.contains(".restore/"), "{err}");
        assert!(!desk.home.paths.ledger().exists());
        assert_eq!(left(&desk), [""; 0]);
    }
    desk.mandate(&format!("restore {file}")).yes();
}

#[test]
fn a_copy_that_lacks_what_is_remembered_or_was_seen_is_refused() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let earlier = desk.book("100.00 EUR");
    desk.mandate("lock").yes();
    desk.mandate("unlock --yes").yes();
    let old = back_up(&desk, "old.db");
    let before = desk.home.remembered();
    let later = desk.book("100.00 EUR");
    let receipt = desk.receipt(&later);
    desk.stop();
    lose_the_ledger(&desk);
    let err = desk.mandate(&format!("restore {old}")).refused(1);
    assert!(err.contains("entries are missing") && err.contains("--account"), "{err}");
    assert!(!desk.home.paths.ledger().exists());

    // A memory that was put back with the copy: only what others hold tells.
    desk.home.remember(&before);
    let line = path(&desk, "later");
    fs::write(&line, format!("{}\n\n{}\n", earlier.as_str(), later.as_str())).expect("a disk");
    for (seen, told) in [(&line, "the token in line 3 of"), (&receipt, "the token in line 1 of")] {
        let err = desk.mandate(&format!("restore {old} --seen {seen}")).refused(1);
        assert!(err.contains(told), "{err}");
        assert!(!desk.home.paths.ledger().exists());
        assert_eq!(left(&desk), [""; 0]);
    }
    let said = desk.mandate(&format!("restore {old} --seen {}", desk.file("a", earlier.as_str())));
    assert!(said.yes().contains("frozen: wallet"));

    // Whoever restores it all the same: what it signed and lacks stops the wallet for good.
    desk.start();
    desk.mandate("thaw --yes").yes();
    desk.mandate(INTENT).yes();
    desk.pay(later.as_str()).refused(1);
    let denied = desk.mandate(INTENT).refused(1);
    assert!(denied.contains("LEDGER_UNSAFE"), "{denied}");
}

#[test]
fn without_a_remembered_head_it_is_said_plainly() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let file = back_up(&desk, "backup.db");
    desk.stop();
    lose_the_ledger(&desk);
    desk.home.lose_the_key();
    let said = desk.mandate(&format!("restore {file}"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("nothing here knows whether this is the newest"), "{}", said.err);
    assert!(said.err.contains("mandate settle"), "{}", said.err);
}

#[test]
fn what_the_ledger_in_place_has_and_the_backup_lacks_is_refused() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("100.00 EUR");
    desk.mandate("lock").yes();
    desk.mandate("unlock --yes").yes();
    let first = back_up(&desk, "first.db");
    let before = desk.home.remembered();
    desk.mandate("freeze").yes();
    let second = back_up(&desk, "second.db");
    desk.stop();
    lose_the_ledger(&desk);
    desk.home.remember(&before);
    desk.mandate(&format!("restore {first}")).yes();
    desk.start();
    desk.mandate("thaw --yes").yes();
    desk.book("100.00 EUR");
    desk.stop();

    // As a systemd credential does, the store remembers nothing: only the ledger in place tells.
    desk.home.lose_the_key();
    let ledger = desk.home.paths.ledger();
    let held = fs::read(&ledger).expect("a file");
    for file in [&first, &second] {
        let err = desk.mandate(&format!("restore {file}")).refused(1);
        assert!(err.contains("the ledger in place is whole and has"), "{err}");
        let way_out = format!("if this is the newest, move {} and", ledger.display());
        assert!(err.contains("nothing was changed") && err.contains(&way_out), "{err}");
        assert_eq!(fs::read(&ledger).expect("a file"), held);
        assert_eq!(left(&desk), [""; 0]);
    }

    // What it signed over still tells when its entries do not.
    write_into(&desk, "UPDATE journal_node SET hash = zeroblob(32) WHERE position = 0");
    let err = desk.mandate(&format!("restore {second}")).refused(1);
    assert!(err.contains("is damaged, and by its newest signed checkpoint has"), "{err}");
    assert_eq!(left(&desk), [""; 0]);
}

#[test]
fn a_ledger_that_only_cannot_be_read_now_is_not_moved_aside() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let file = back_up(&desk, "backup.db");
    desk.stop();
    write_into(&desk, "PRAGMA user_version = 9999");
    let err = desk.mandate(&format!("restore {file}")).refused(1);
    assert!(err.contains("cannot be told: ") && err.contains("has format 9999"), "{err}");
    assert_eq!(left(&desk), [""; 0]);
}

#[test]
fn a_head_that_could_be_asked_for_is_not_passed_over() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let file = back_up(&desk, "backup.db");
    desk.stop();
    lose_the_ledger(&desk);
    let rules = fs::read_to_string(desk.home.paths.config()).expect("a file");
    desk.home.write("[key");
    desk.mandate(&format!("restore {file}")).refused(2);
    assert!(!desk.home.paths.ledger().exists());
    assert_eq!(left(&desk), [""; 0]);
    desk.home.write(&rules);
    desk.mandate(&format!("restore {file}")).yes();
}
