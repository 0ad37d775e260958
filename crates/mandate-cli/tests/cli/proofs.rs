//! The wallet's own exports and proofs, made while it runs and from its file, and believed by who has public keys alone.

use std::fs;

use data_encoding::BASE64;
use mandate::{Mandate, Payment};

use crate::desk::{CAPS, Desk};

/// The merchant's key, as an auditor has it.
fn lux(desk: &Desk) -> String {
    desk.lux().public_key().did_key()
}

/// Exports, proves, and has both checked where there is no wallet.
fn convinces(desk: &Desk, payment: &Mandate<Payment>, name: &str) {
    let dir = desk.home.folder().join(name);
    let dir = dir.to_str().expect("UTF-8");
    let said = desk.run(["audit", "export", dir]).yes();
    assert!(said.contains(&format!("exported to {dir}, root ")), "{said}");
    assert!(!said.contains("left out"), "a checkpoint covers all of it: {said}");
    let key = format!("{dir}/key");
    desk.run(["audit", "verify", dir, "--key", &key]).yes();
    assert_eq!(
        fs::read(format!("{dir}/wallet.toml")).expect("the file in force"),
        fs::read(desk.home.paths.config()).expect("the file in force")
    );

    let proof = format!("{dir}/booking.tlog-proof");
    let jti = payment.claims().jti.to_string();
    let said = desk.run(["audit", "prove", &jti, "--out", &proof]).yes();
    assert!(said.contains("1 token of the other side"), "the receipt; the cart is in it: {said}");
    desk.run(["audit", "check", &proof, "--key", &key, "--key", &lux(desk)]).yes();
    let err = desk.run(["audit", "check", &proof, "--key", &lux(desk)]).refused(1);
    assert!(err.contains("key"), "{err}");
    // Nothing takes the place of anything.
    desk.run(["audit", "export", dir]).refused(2);
    desk.run(["audit", "prove", &jti, "--out", &proof]).refused(2);
}

/// Every proof in the page, as the browser saves it.
fn saved(page: &str) -> Vec<String> {
    let links = page.split("href=\"data:text/plain;base64,").skip(1);
    let decode = |link: &str| {
        let (text, _) = link.split_once('"').expect("an end");
        String::from_utf8(BASE64.decode(text.as_bytes()).expect("base64")).expect("text")
    };
    links.map(decode).collect()
}

#[test]
fn what_the_wallet_wrote_convinces_others_while_it_runs_and_afterwards() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let payment = desk.book("180.00 EUR");
    let receipt = desk.receipt(&payment);
    desk.run(["receipt", &receipt]).yes();
    convinces(&desk, &payment, "running");
    let key = desk.home.key.did_key();
    for state in ["served", "in its file"] {
        let page = desk.home.folder().join(format!("{state}.html"));
        let page = page.to_str().expect("UTF-8").to_owned();
        desk.run(["statement", "--html", &page]).yes();
        let proofs = saved(&fs::read_to_string(&page).expect("a page"));
        assert_eq!(proofs.len(), 1, "the one purchase has its proof in the page");
        for proof in proofs {
            let proof = desk.file(&format!("{state}.tlog-proof"), &proof);
            desk.run(["audit", "check", &proof, "--key", &key, "--key", &lux(&desk)]).yes();
        }
        if desk.is_running() {
            desk.stop();
        }
    }
    convinces(&desk, &payment, "stopped");
}
