//! `mandate-gateway resolve`: what waits, and the operator's word on it, while the gateway runs and while it is stopped.

use std::fs;
use std::path::Path;

use mandate::{KeySet, Receipt, UnverifiedMandate};
use mandate_keys::{Remembered, StoreKind};
use mandate_tests::typed;
use serde_json::{Value, json};

use crate::shop::Shop;

/// A receipt that anybody can check.
fn verified(shop: &Shop, answer: &Value) -> mandate::Mandate<Receipt> {
    let receipt = answer["receipt"].as_str().expect("a receipt");
    let receipt = UnverifiedMandate::<Receipt>::parse(receipt).expect("a receipt");
    receipt.verify(&KeySet::new([*shop.public()])).expect("the merchant's own")
}

fn settles(shop: &Shop) {
    // The running one was reserved before it ran.
    let waiting = shop.gateway("resolve --json").json(0);
    let hash = waiting[0]["hash"].as_str().expect("a hash").to_owned();
    assert_eq!(waiting[0]["total"], json!({ "currency": "EUR", "amount": 18_000 }));
    let executed = format!("resolve {hash} --executed --order LUX-7 --yes --json");
    let answer = shop.gateway(&executed).json(0);
    assert_eq!((&answer["status"], &answer["before"]), (&json!("executed"), &json!(false)));
    let receipt = verified(shop, &answer);
    assert_eq!(receipt.claims().order.as_ref().map(ToString::to_string).as_deref(), Some("LUX-7"));
    assert_eq!(receipt.claims().payment.map(|payment| payment.to_string()), Some(hash.clone()));

    // What was said once stays.
    let again = shop.gateway(&executed).json(0);
    assert_eq!((&again["receipt"], &again["before"]), (&answer["receipt"], &json!(true)));
    let other = shop.gateway(&format!("resolve {hash} --void --yes --json")).json(1);
    assert_eq!((&other["receipt"], &other["status"]), (&answer["receipt"], &json!("executed")));
    let said = shop.gateway(&format!("resolve {hash} --void"));
    assert_eq!(said.code, Some(1));
    assert!(said.out.starts_with("it was settled before, as executed; nothing was changed\n"));

    let nobody = "A".repeat(43);
    let denied = shop.gateway(&format!("resolve {nobody} --void --json")).json(1);
    assert_eq!(denied["reason"], "use_unknown");
    let err = shop.gateway(&format!("resolve {nobody} --void")).refused(1);
    assert!(err.starts_with("denied: use_unknown: there is no such use"), "{err}");
    assert_eq!(shop.gateway("resolve").yes(), "no use waits: of each it is known what became\n");
    assert_eq!(shop.gateway("resolve --json").json(0), json!([]));
    let log = shop.gateway("audit log --kind receipt").yes();
    assert!(log.contains("executed by the operator for entry 2, order LUX-7"), "{log}");
}

#[test]
fn a_running_gateway_settles() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.reserved();
    shop.open();
    settles(&shop);
    shop.gateway("audit verify").yes();
}

#[test]
fn the_key_settles_while_the_gateway_is_stopped() {
    let Some(shop) = Shop::closed() else { return };
    shop.reserved();
    settles(&shop);
    shop.gateway("audit verify").yes();
}

/// Puts the book of one folder into another; whatever was there is gone.
fn copy(from: &Path, to: &Path) {
    for name in ["gateway.db", "gateway.db-wal"] {
        if to.join(name).exists() {
            fs::remove_file(to.join(name)).expect("a file");
        }
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).expect("a copy");
        }
    }
}

#[test]
fn an_older_copy_voids_nothing_that_was_executed() {
    let Some(shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    let (yesterday, newest) = (shop.path("yesterday"), shop.path("newest"));
    for folder in [&yesterday, &newest] {
        fs::create_dir(folder).expect("a folder");
    }
    copy(&shop.state_dir(), &yesterday);
    let executed = format!("resolve {hash} --executed --yes --json");
    let answer = shop.gateway(&executed).json(0);
    copy(&shop.state_dir(), &newest);

    copy(&yesterday, &shop.state_dir());
    let waiting = shop.gateway("resolve --json").json(0);
    assert_eq!(waiting[0]["hash"], json!(hash), "the control: it looks as if it waited");
    let err = shop.gateway(&format!("resolve {hash} --void --yes")).refused(1);
    for part in ["older copy; stop the gateway, put the newest copy of", "gateway.db back"] {
        assert!(err.contains(part), "{part} is not in {err}");
    }
    assert_eq!(shop.gateway("resolve --json").json(0), waiting, "nothing was written");
    let gives = shop.gateway(&executed).refused(1);
    assert!(gives.contains("older copy"), "the receipt would be another one: {gives}");

    copy(&newest, &shop.state_dir());
    let again = shop.gateway(&executed).json(0);
    assert_eq!((&again["receipt"], &again["before"]), (&answer["receipt"], &json!(true)));
}

#[test]
fn the_key_that_settles_remembers_the_head_that_it_signed() {
    let Some(shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    let remembered = || mandate_keys::recall(&shop.key.0, StoreKind::Keyutils).expect("a keyring");
    assert_eq!(remembered(), Remembered::Nothing, "the control");
    let executed = format!("resolve {hash} --executed --yes --json");
    shop.gateway(&executed).json(0);
    let Remembered::Text(head) = remembered() else { panic!("nothing is remembered") };
    let (entries, size) = (shop.with_book(async |book, _| book.head().size), head.lines().nth(1));
    assert_eq!(size, Some(entries.to_string().as_str()), "{head}");

    // What no key of the book signed says nothing of the book, and is not written over.
    mandate_keys::remember(&shop.key.0, StoreKind::Keyutils, "no head").expect("a keyring");
    let err = shop.gateway(&executed).refused(1);
    assert!(err.contains("is none of its checkpoints"), "{err}");
    assert_eq!(remembered(), Remembered::Text("no head".to_owned()));
}

#[test]
fn a_void_gives_the_money_back_and_says_why() {
    let Some(mut shop) = Shop::closed() else { return };
    let (first, second) = (shop.reserved(), shop.reserved());
    let void = |shop: &Shop, hash: String, reason: &[&str]| {
        let words = ["resolve", &hash, "--void", "--yes", "--json"];
        let answer = shop.run(words.into_iter().chain(reason.iter().copied())).json(0);
        let claims = verified(shop, &answer).claims().clone();
        (claims.total.expect("a total").to_string(), claims.reason.expect("one").to_string())
    };
    let full = void(&shop, first.hash().to_string(), &["--reason", "the hotel was full"]);
    assert_eq!(full, ("0.00 EUR".to_owned(), "the hotel was full".to_owned()));
    shop.open();
    let (total, reason) = void(&shop, second.hash().to_string(), &[]);
    assert_eq!(
        (total.as_str(), reason.as_str()),
        ("0.00 EUR", "the operator says that it was not executed")
    );
}

#[test]
fn it_asks_before_it_acts_and_says_what_it_means() {
    let Some(shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    let err = shop.run(["resolve", &hash, "--void"]).refused(2);
    assert!(err.contains("pass --yes"), "{err}");
    let said = typed(shop.command(["resolve", &hash, "--void"]), "n");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    for part in ["180.00 EUR", "book_room", "the buyer gets the money back", "[y/N]"] {
        assert!(said.err.contains(part), "{part} is not in {}", said.err);
    }
    assert!(said.err.ends_with("error: nothing was changed\n"), "{}", said.err);
    let said = typed(shop.command(["resolve", &hash, "--executed"]), "y");
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("you keep the money"), "{}", said.err);
    assert!(said.out.starts_with("settled: executed\n"), "{}", said.out);
}

#[test]
fn without_the_key_nothing_is_settled() {
    let Some(shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    shop.write(&shop.toml().replace("account = \"test", "account = \"no-test"));
    let err = shop.run(["resolve", &hash, "--executed", "--yes"]).refused(1);
    assert!(err.contains("no key named"), "{err}");
    let waiting = shop.gateway("resolve --json").json(0);
    assert_eq!(waiting[0]["hash"], json!(hash));
}
