//! The journal read from the running wallet and from its file: the same facts, and a change of either is found.

use std::fs;

use serde_json::json;

use crate::desk::{CAPS, Desk};

/// What is read of the journal.
const READS: [&str; 9] = [
    "audit log",
    "audit log --json",
    "audit log --kind payment --json",
    "audit log --agent travel --limit 2",
    "audit log --merchant lux-hotels --action book_room --since 1h --json",
    "audit show 3",
    "audit show 3 --json",
    "audit verify",
    "audit verify --json",
];

/// Changes the ledger's file in place, as nobody may.
fn tamper(desk: &Desk, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let path = desk.home.paths.ledger();
    let mut bytes = fs::read(&path).expect("a ledger");
    let places =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from.as_bytes());
    let places: Vec<usize> = places.map(|(place, _)| place).collect();
    assert!(!places.is_empty(), "{from:?} is not in the ledger");
    for place in places {
        let end = place.checked_add(to.len()).expect("a file");
        bytes.get_mut(place..end).expect("a place").copy_from_slice(to.as_bytes());
    }
    fs::write(path, bytes).expect("a ledger");
}

#[test]
fn the_file_says_what_the_wallet_said() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("180.00 EUR");
    let refused = desk.cart(&desk.intent(), "a suite", "300.00 EUR");
    assert_eq!(desk.pay(refused.as_str()).code, Some(1));
    let running = READS.map(|read| desk.mandate(read).yes());
    desk.stop();
    for (read, running) in READS.iter().zip(&running) {
        assert_eq!(desk.mandate(read).yes(), *running, "{read}");
    }
    let kinds = |text: &str| {
        let entries: Vec<serde_json::Value> = serde_json::from_str(text).expect("entries");
        entries.iter().map(|entry| entry["kind"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&running[1]), ["init", "policy", "intent", "payment", "intent", "denial"]);
    assert_eq!(kinds(&running[2]), ["payment"]);
    assert_eq!(running[3].lines().count(), 3, "a header and two entries: {}", running[3]);
    assert_eq!(kinds(&running[4]), ["intent", "payment", "intent", "denial"]);
    let story = desk.mandate("audit show 4").yes();
    assert!(
        story.contains("\ndenial (entry 5, "),
        "an intent's story has what was refused: {story}"
    );
}

#[test]
fn the_entries_of_a_document_are_the_chain_itself() {
    let Some(desk) = Desk::open(CAPS) else { return };
    desk.book("180.00 EUR");
    let log = desk.mandate("audit log --all --json").yes();
    let entries: Vec<Box<serde_json::value::RawValue>> = serde_json::from_str(&log).unwrap();
    let entries: Vec<_> = entries.iter().map(|entry| entry.get().as_bytes().to_vec()).collect();
    let head = mandate_journal::verify_entries(&entries).unwrap();
    let verified = desk.mandate("audit verify --json").json(0);
    let expected = json!({"whole": true, "size": head.size, "root": head.root.to_string()});
    assert_eq!(verified, expected);
}

#[test]
fn a_changed_entry_fails_the_check_and_is_named() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.book("180.00 EUR");
    desk.book("20.00 EUR");
    desk.stop();
    desk.mandate("audit verify").yes();
    // One payment becomes cheaper.
    tamper(
        &desk,
        r#""total":{"currency":"EUR","amount":18000}"#,
        r#""total":{"currency":"EUR","amount":10000}"#,
    );
    let err = desk.mandate("audit verify").refused(1);
    assert!(err.starts_with("error: the journal is not whole: "), "{err}");
    assert!(err.contains("entry 3 ") && err.contains("restore a backup"), "{err}");
    let document = desk.mandate("audit verify --json").json(1);
    assert_eq!(document["whole"], false);
    assert!(document["fault"].as_str().unwrap().contains("entry 3 "), "{document}");
}

#[test]
fn what_is_no_ledger_fails_every_read() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    fs::write(desk.home.paths.ledger(), "this is no ledger").unwrap();
    for read in ["audit log", "audit show 0", "audit verify", "key show"] {
        let err = desk.mandate(read).refused(1);
        assert!(err.starts_with("error: the ledger does not open: "), "{read}: {err}");
    }
    fs::remove_file(desk.home.paths.ledger()).unwrap();
    for read in ["audit log", "audit show 0", "audit verify", "key show"] {
        let err = desk.mandate(read).refused(2);
        assert!(err.contains("there is no ledger at") && err.contains("--state-dir"), "{err}");
    }
}

#[test]
fn another_wallet_s_socket_does_not_answer_for_this_ledger() {
    let (Some(one), Some(other)) = (Desk::open(CAPS), Desk::open(CAPS)) else { return };
    let mut command = one.command(["audit", "verify"]);
    command.env("MANDATE_RUNTIME_DIR", other.home.paths.runtime_dir());
    let err = crate::desk::fed(command, "").refused(2);
    assert!(err.contains("is held by another process") && err.contains("--runtime-dir"), "{err}");
}
