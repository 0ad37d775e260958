//! `mandate-gateway doctor`: what is wrong fails, and the way out is told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::shop::Shop;

/// The results of one check.
fn results(document: &Value, check: &str) -> Vec<String> {
    let checks = document["checks"].as_array().expect("checks").iter();
    let results = checks.filter(|found| found["check"] == check);
    results.map(|found| found["result"].as_str().expect("a result").to_owned()).collect()
}

#[test]
fn a_gateway_is_healthy_stopped_and_running() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.reserved();
    let document = shop.gateway("doctor --json").json(0);
    for check in ["config", "key", "book", "files", "listen", "clock"] {
        assert_eq!(results(&document, check), ["ok"], "{document}");
    }
    // The tests' key is in the kernel's keyring.
    assert_eq!(results(&document, "keyring"), ["warn"], "{document}");
    // Nothing answers where the API should be, and the gateway does not run: both may be meant.
    for check in ["gateway", "upstream"] {
        assert_eq!(results(&document, check), ["warn"], "{document}");
    }
    shop.open();
    let document = shop.gateway("doctor --json").json(0);
    for check in ["config", "key", "book", "gateway", "files", "clock"] {
        assert_eq!(results(&document, check), ["ok"], "{document}");
    }
    assert_eq!(results(&document, "uses"), ["warn"], "one use waits");
    let text = shop.gateway("doctor").yes();
    assert!(text.ends_with("no check failed\n"), "{text}");
    let gateway = shop.serving();
    assert!(gateway.in_force().refused("gateway.toml:3:1: one", gateway.now().wall));
    let document = shop.gateway("doctor --json").json(1);
    assert_eq!(results(&document, "settings"), ["fail"], "{document}");
    let owner = gateway.in_force().standing().owner;
    gateway.in_force().settled(owner, gateway.now().wall);
    shop.serving().book().distrust("entry 3".to_owned());
    let document = shop.gateway("doctor --json").json(1);
    assert_eq!(results(&document, "journal"), ["fail"], "{document}");
}

#[test]
fn what_is_broken_fails() {
    let Some(shop) = Shop::closed() else { return };
    let fails = |check: &str, way_out: &str| {
        let document = shop.gateway("doctor --json").json(1);
        assert_eq!(document["healthy"], false);
        assert_eq!(results(&document, check), ["fail"], "{document}");
        let said = shop.gateway("doctor");
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        assert!(said.out.contains(way_out), "{way_out} is not in {}", said.out);
        assert!(said.out.ends_with("some checks failed\n"), "{}", said.out);
    };
    shop.write(&shop.toml().replace("name = ", "nmae = "));
    fails("config", "gateway.toml:7:1: merchant.nmae");
    shop.write(&shop.toml().replace("account = \"test", "account = \"no-test"));
    fails("key", "no key named");
    shop.write(&shop.toml().replace("id = \"lux-hotels\"", "id = \"other\""));
    fails("merchant", "name the right file with --config");
    shop.write(&shop.toml());
    fs::set_permissions(shop.config(), Permissions::from_mode(0o622)).expect("a mode");
    fails("config", "chmod go-w");
    fs::set_permissions(shop.config(), Permissions::from_mode(0o600)).expect("a mode");
    fs::set_permissions(shop.state_dir(), Permissions::from_mode(0o755)).expect("a mode");
    fails("files", "chmod go-rwx");
    fs::set_permissions(shop.state_dir(), Permissions::from_mode(0o700)).expect("a mode");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = taken.local_addr().expect("an address").to_string();
    shop.write(&shop.toml().replace("127.0.0.1:0", &address));
    fails("listen", "is taken by another program");
    drop(taken);
    fs::remove_file(shop.state_dir().join("gateway.db")).expect("a book");
    fails("book", "restore a backup");
}
