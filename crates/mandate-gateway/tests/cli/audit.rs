//! `mandate-gateway audit`: what the journal says is what is stored, and what was changed is found.

use mandate_journal::Entry;
use mandate_tests::alone;

use crate::shop::Shop;

#[test]
fn what_is_printed_is_what_is_stored() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.live();
    let stopped = shop.gateway("audit log --all --json").yes();
    let entries = shop.with_book(async |book, _| book.entries(0, 256).expect("entries"));
    for entry in &entries {
        let text = str::from_utf8(entry).expect("UTF-8");
        assert!(stopped.contains(text), "{text}");
        assert!(Entry::parse(entry).is_ok());
    }
    shop.open();
    assert_eq!(shop.gateway("audit log --all --json").yes(), stopped);
}

#[test]
fn a_story_is_found_by_every_name_in_it() {
    let Some(shop) = Shop::closed() else { return };
    let lived = shop.live();
    let booked = lived.booked.claims();
    let told = shop.run(["audit", "show", &lived.booked.hash().to_string()]).yes();
    for name in [booked.intent.to_string(), booked.cart.to_string(), booked.jti.to_string()] {
        assert_eq!(shop.run(["audit", "show", &name]).yes(), told, "{name}");
    }
    for seq in ["1", "2", "3"] {
        assert_eq!(shop.run(["audit", "show", seq]).yes(), told, "entry {seq}");
    }
    let nobody = "A".repeat(43);
    let err = shop.run(["audit", "show", &nobody]).refused(1);
    assert!(err.contains("no intent, cart, payment or receipt in this book"), "{err}");
    let err = shop.gateway("audit show 99").refused(1);
    assert!(err.contains("there is no entry 99"), "{err}");
}

#[test]
fn an_export_never_takes_the_place_of_another() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.live();
    shop.open();
    let dir = shop.path("export").display().to_string();
    shop.run(["audit", "export", &dir]).yes();
    let err = shop.run(["audit", "export", &dir]).refused(2);
    assert!(err.contains("is there already"), "{err}");
    shop.run(["audit", "verify", &dir, "--key", &shop.public().did_key()]).yes();
}

#[test]
fn a_changed_row_is_found() {
    let Some(shop) = Shop::closed() else { return };
    shop.live();
    let whole = shop.gateway("audit verify --json").json(0);
    assert_eq!(whole["whole"], true);
    {
        let _locking = alone();
        let db = rusqlite::Connection::open(shop.state_dir().join("gateway.db")).expect("a file");
        db.execute("UPDATE total SET amount = amount - 1", []).expect("a change");
    }
    let err = shop.gateway("audit verify").refused(1);
    assert!(err.starts_with("error: the journal is not whole: "), "{err}");
    let broken = shop.gateway("audit verify --json").json(1);
    assert_eq!(broken["whole"], false);
}

#[test]
fn a_changed_row_locks_a_running_gateway_until_its_operator_has_looked() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.live();
    shop.open();
    let change = |sql: &str| {
        let _locking = alone();
        let db = rusqlite::Connection::open(shop.state_dir().join("gateway.db")).expect("a file");
        db.execute(sql, []).expect("a change");
    };
    change("UPDATE total SET amount = amount - 1");
    shop.gateway("audit verify").refused(1);
    let why = "the gateway locked itself, because its journal failed the check: ";
    assert!(shop.gateway("doctor").out.contains(why));
    change("UPDATE total SET amount = amount + 1");
    // The next start knows nothing of the check, and no store is asked for the key.
    shop.close();
    assert!(shop.gateway("doctor").out.contains(why));
    shop.open();
    assert!(shop.gateway("doctor").out.contains(why));
    assert!(shop.gateway("audit log").yes().contains("by itself: "));
    assert!(shop.gateway("audit verify").yes().contains("whole"));
    shop.gateway("unlock --yes").yes();
    assert!(shop.gateway("doctor").out.contains("is at hand"));
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    let Some(shop) = Shop::closed() else { return };
    for hostile in ["red \u{1b}[31m", "two\nlines", "\u{202e}desrever"] {
        for said in [
            shop.run(["audit", "show", hostile]),
            shop.run(["principal", "add", hostile]),
            shop.run(["principal", "add", "ada", "--account", hostile]),
            shop.run(["config", "check", &format!("/nowhere/{hostile}")]),
        ] {
            let err = said.refused(2);
            let harmless = |c: char| c == '\n' || !mandate::text::is_unsafe_to_show(c);
            assert!(err.chars().all(harmless), "{err:?}");
        }
    }
}
