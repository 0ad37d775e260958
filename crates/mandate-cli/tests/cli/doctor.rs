//! `mandate doctor`: what is wrong fails, and the way out is told.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::desk::{CAPS, Desk};

/// The results of one check.
fn results(document: &Value, check: &str) -> Vec<String> {
    let checks = document["checks"].as_array().expect("checks").iter();
    let results = checks.filter(|found| found["check"] == check);
    results.map(|found| found["result"].as_str().expect("a result").to_owned()).collect()
}

#[test]
fn a_running_wallet_is_healthy_and_one_user_mode_is_told() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let document = desk.mandate("doctor --json").json(0);
    assert_eq!(document["healthy"], true);
    for check in ["config", "key", "ledger", "mandated", "sockets", "clock"] {
        assert_eq!(results(&document, check), ["ok"], "{document}");
    }
    // The tests' key is in the kernel's keyring.
    assert_eq!(results(&document, "keyring"), ["warn"], "{document}");
    // The tests' uid is the agent's, too.
    assert_eq!(results(&document, "separation"), ["warn"]);
    let text = desk.mandate("doctor").yes();
    for risk in
        ["ask the keyring for the key", "approve", "thaw", "edit wallet.toml", "restore an old"]
    {
        assert!(text.contains(risk), "{risk} is not in {text}");
    }
    assert!(text.ends_with("no check failed\n"), "{text}");
    for check in document["checks"].as_array().unwrap() {
        assert!(check["detail"].is_string(), "{check}");
        assert_eq!(check["result"] == "ok", check["way_out"].is_null(), "{check}");
    }
    desk.mandate("freeze").yes();
    desk.mandate("freeze --agent travel").yes();
    assert_eq!(results(&desk.mandate("doctor --json").json(0), "freeze"), ["warn", "warn"]);
    let text = desk.mandate("doctor").yes();
    assert!(text.contains("end it with `mandate thaw`\n"), "{text}");
    assert!(text.contains("end it with `mandate thaw --agent travel`\n"), "{text}");
}

#[test]
fn what_is_broken_fails() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.stop();
    let fails = |check: &str, way_out: &str| {
        let document = desk.mandate("doctor --json").json(1);
        assert_eq!(document["healthy"], false);
        assert_eq!(results(&document, check), ["fail"], "{document}");
        let said = desk.mandate("doctor");
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        assert!(said.out.contains(way_out), "{way_out} is not in {}", said.out);
        assert!(said.out.ends_with("some checks failed\n"), "{}", said.out);
    };
    fails("mandated", "start it with `mandated`");
    let config = desk.home.paths.config();
    fs::set_permissions(config, Permissions::from_mode(0o622)).unwrap();
    fails("config", "chmod go-w");
    desk.home.write(&desk.home.toml(CAPS).replace("timezone", "timezoone"));
    fails("config", "wallet.toml:3:1");
    desk.home.write(&desk.home.toml(CAPS).replace("account = \"", "account = \"no-"));
    fails("key", "no key named");
    let runtime_dir = desk.home.paths.runtime_dir();
    fs::set_permissions(runtime_dir, Permissions::from_mode(0o777)).unwrap();
    fails("sockets", "chmod go-w");
    fs::remove_file(desk.home.paths.ledger()).unwrap();
    fails("ledger", "restore a backup");
}
