//! Locking the key away is at once; letting it in again asks.

use mandate_tests::{LUX, typed};

use crate::desk::{CAPS, Desk};

const INTENT: &str = "intent --merchant lux-hotels --action book_room";

#[test]
fn a_lock_is_at_once_and_an_unlock_asks() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    assert!(INTENT.contains(LUX));
    let told = desk.mandate("unlock").yes();
    assert_eq!(told, "the wallet is not locked; nothing was changed\n");
    assert_eq!(desk.mandate("lock").yes(), "locked: the key is wiped from memory\n");
    let denied = desk.mandate(INTENT).refused(1);
    assert!(
        denied.starts_with("denied: KEY_UNAVAILABLE: the wallet is locked by its principal"),
        "{denied}"
    );
    let status = desk.mandate("status").yes();
    assert!(status.contains("key        locked: nothing can be signed\n"), "{status}");
    assert_eq!(desk.mandate("status --json").json(0)["locked"], true);
    let doctor = desk.mandate("doctor").out;
    assert!(doctor.contains("the wallet is locked by its principal"), "{doctor}");
    let said = typed(desk.command(["unlock"]), "n");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    assert!(said.err.contains("mint under the caps of wallet.toml? [y/N] "), "{}", said.err);
    assert!(desk.mandate("unlock").refused(2).contains("pass --yes"));
    desk.mandate(INTENT).refused(1);

    // Also while the wallet is stopped, and after.
    desk.stop();
    let doctor = desk.mandate("doctor").out;
    assert!(doctor.contains("the wallet is locked by its principal"), "{doctor}");
    desk.start();
    desk.mandate(INTENT).refused(1);
    let said = typed(desk.command(["unlock"]), "y");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "unlocked\n"), "{}", said.err);
    desk.mandate(INTENT).yes();
    let log = desk.mandate("audit log").yes();
    assert!(log.contains(" lock ") && log.contains(" unlock "), "{log}");
    desk.mandate("audit log --kind lock").yes();
}

#[test]
fn a_program_reads_what_became_of_the_lock() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let answer = desk.mandate("lock --json").json(0);
    assert_eq!(answer, serde_json::json!({"locked": true, "durable": true}));
    let answer = desk.mandate("unlock --yes --json").json(0);
    assert_eq!(answer, serde_json::json!({"locked": false, "was_locked": true}));
    let answer = desk.mandate("unlock --json").json(0);
    assert_eq!(answer, serde_json::json!({"locked": false, "was_locked": false}));
}
