//! `mandate-gateway principal add` and `config check`: what is listed, and what is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mandate::PolicyDigest;
use mandate::key::Jwk;

use crate::shop::Shop;

/// The first example of the did:key method's Ed25519 vectors.
const DID: &str = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";

#[test]
fn a_principal_is_added_and_nothing_else_changes() {
    let Some(shop) = Shop::closed() else { return };
    let before = fs::read_to_string(shop.config()).expect("a file");
    let said = shop.run(["principal", "add", DID, "--account", "customer \"12\""]).yes();
    assert!(said.contains("no gateway runs; the next one obeys it"), "{said}");
    let after = fs::read_to_string(shop.config()).expect("a file");
    assert!(after.starts_with(before.trim_end()), "comments and order stay");
    let mode = fs::metadata(shop.config()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let checked = shop.gateway("config check").yes();
    assert!(checked.ends_with("is good: 2 actions, 2 principals\n"), "{checked}");

    let err = shop.run(["principal", "add", DID]).refused(2);
    assert!(err.contains("is listed already, and nothing was changed"), "{err}");
    let Jwk { kty, crv, x } = Jwk::from(shop.public());
    let jwk = format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"{x}"}}"#);
    let answer = shop.run(["principal", "add", "ada", "--key", &jwk, "--json"]).json(0);
    assert_eq!(answer["principal"], "ada");
    assert_eq!(answer["kid"], shop.public().id().to_string());
    assert_eq!(answer["in_force"], false);
    assert_eq!(shop.gateway("config check --json").json(0)["principals"], 3);
    let left = fs::read_dir(shop.path("config")).expect("a folder").count();
    assert_eq!(left, 1, "nothing is left beside it");
}

#[test]
fn a_running_gateway_tells_whether_it_took_it() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.open();
    let (gateway, path, base) = (shop.serving().clone(), shop.config(), shop.settings());
    shop.spawn(async move {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            let Ok(text) = fs::read(&path) else { return };
            let digest = PolicyDigest::of(&text);
            if digest != gateway.settings().digest {
                let settings = mandate_gateway::Settings { digest, ..base.clone() };
                gateway
                    .reload(settings, gateway.in_force().standing().owner)
                    .await
                    .expect("an entry");
            }
        }
    });
    let said = shop.run(["principal", "add", DID]).yes();
    assert!(said.ends_with("the running gateway obeys it\n"), "{said}");
    let log = shop.gateway("audit log --kind policy").yes();
    assert_eq!(log.lines().count(), 3, "that of the start, and the new one: {log}");
}

#[test]
fn a_gateway_that_keeps_the_old_file_is_told_with_its_reason() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.open();
    let problem = "gateway.toml: `merchant.id` changed";
    assert!(shop.serving().in_force().refused(problem, shop.serving().now().wall));
    let answer = shop.run(["principal", "add", DID, "--json"]).json(0);
    assert_eq!(answer["in_force"], false);
    let problem = answer["problem"].as_str().expect("text");
    assert!(problem.contains("keeps the file that it had: gateway.toml"), "{problem}");
}

#[test]
fn every_fault_of_a_file_is_told_at_once() {
    let Some(shop) = Shop::closed() else { return };
    let bad =
        shop.toml().replace("\"180.00 EUR\"", "\"180 EUR\"").replace("[merchant]", "[mrchant]");
    shop.write(&bad);
    let err = shop.gateway("config check").refused(2);
    assert_eq!(err.lines().count(), 2, "{err}");
    assert!(err.contains("gateway.toml:5:2: mrchant") && err.contains("did you mean"), "{err}");
    let document = shop.gateway("config check --json").json(2);
    assert_eq!(document["good"], false);
    let codes: Vec<_> =
        document["faults"].as_array().expect("faults").iter().map(|fault| &fault["code"]).collect();
    assert_eq!(codes, ["unknown_key", "amount_digits"]);
    // A file that is bad is not made longer.
    shop.run(["principal", "add", DID]).refused(2);
    assert_eq!(fs::read_to_string(shop.config()).expect("a file"), bad);
}
