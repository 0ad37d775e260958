//! `mandate config`: every fault of a file at once, and a new file against the past.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::desk::{CAPS, Desk};

#[test]
fn a_bad_file_is_exit_2_with_every_fault_its_place_and_the_way_out() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let bad = desk.home.toml(CAPS);
    let bad = bad.replace("timezone", "timezoone").replace("250.00 EUR", "250 EUR");
    let bad = bad.replace("per = \"lifetime\"", "per = \"fortnight\"");
    let path = desk.file("new.toml", &bad);
    let line = |text: &str| 1 + bad.lines().position(|line| line.contains(text)).expect("a line");
    let places = [line("timezoone"), line("250 EUR"), line("fortnight")];
    let err = desk.run(["config", "check", &path]).refused(2);
    for place in places {
        assert!(err.contains(&format!("new.toml:{place}:")), "line {place} is not in {err}");
    }
    for way_out in ["timezone", "250.00 EUR"] {
        assert!(err.contains(way_out), "{way_out} is not in {err}");
    }
    let document = desk.run(["config", "check", &path, "--json"]).json(2);
    assert_eq!((&document["good"], &document["problem"]), (&json!(false), &json!(null)));
    let faults = document["faults"].as_array().expect("faults");
    for place in places {
        let fault = faults.iter().find(|fault| fault["line"] == place).expect("a fault");
        for text in ["field", "code", "message"] {
            assert!(fault[text].is_string(), "{fault}");
        }
        assert!(fault["column"].is_u64(), "{fault}");
    }
    // As many faults in words.
    assert_eq!(err.matches("new.toml:").count(), faults.len(), "{err}");
}

#[test]
fn a_file_that_is_missing_or_that_others_may_write_is_refused() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let nowhere = desk.home.folder().join("nowhere.toml").display().to_string();
    let expected = format!("error: {nowhere} does not exist\n");
    assert_eq!(desk.run(["config", "check", &nowhere]).refused(2), expected);
    assert_eq!(desk.run(["config", "diff", &nowhere]).refused(2), expected);
    let document = desk.run(["config", "check", &nowhere, "--json"]).json(2);
    assert_eq!(document["problem"], format!("{nowhere} does not exist"));
    let config = desk.home.paths.config();
    fs::set_permissions(config, Permissions::from_mode(0o666)).unwrap();
    let err = desk.mandate("config check").refused(2);
    assert!(err.contains("others may write to") && err.contains("chmod go-w"), "{err}");
    // A draft may lie anywhere.
    let draft = desk.file("draft.toml", &desk.home.toml(CAPS));
    fs::set_permissions(&draft, Permissions::from_mode(0o666)).unwrap();
    let said = desk.run(["config", "check", &draft]).yes();
    assert!(said.ends_with("is good: 1 agent, 2 merchants, 3 caps\n"), "{said}");
    fs::remove_file(config).unwrap();
    let err = desk.mandate("config check").refused(2);
    assert!(err.contains("run `mandate init`"), "{err}");
}

#[test]
fn a_new_file_is_held_against_the_past_running_and_stopped() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let jtis: Vec<_> =
        ["180.00 EUR", "90.00 EUR"].map(|total| desk.book(total).claims().jti.to_string()).into();
    let same = desk.file("same.toml", &desk.home.toml(CAPS));
    let lower = desk.file("lower.toml", &desk.home.toml(&CAPS.replace("250.00", "100.00")));
    let bad = desk.file("bad.toml", "[[cap]");
    for _ in ["running", "stopped"] {
        let said = desk.run(["config", "diff", &same]).yes();
        assert_eq!(said, "no cap changes\n\nof 2 past payments the new file refuses none\n");
        let document = desk.run(["config", "diff", &same, "--json"]).json(0);
        assert_eq!(document, json!({"caps": [], "payments": 2, "refused": []}));
        let said = desk.run(["config", "diff", &lower]);
        assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
        let change = "lowered: 250.00 EUR per payment -> 100.00 EUR per payment\n\n";
        assert!(said.out.starts_with(change), "{}", said.out);
        assert!(said.out.contains("of 2 past payments the new file refuses 1:\n"), "{}", said.out);
        assert!(said.out.contains("180.00 EUR  CAP_EXCEEDED: "), "{}", said.out);
        let document = desk.run(["config", "diff", &lower, "--json"]).json(1);
        let refused = &document["refused"][0];
        assert_eq!(
            (&refused["jti"], &refused["reason"]),
            (&json!(jtis[0]), &json!("CAP_EXCEEDED"))
        );
        assert_eq!(refused["total"], json!({"currency": "EUR", "amount": 18_000}));
        assert_eq!(document["caps"][0]["change"], "lowered");
        let err = desk.run(["config", "diff", &bad]).refused(2);
        assert!(err.contains("bad.toml:1:"), "{err}");
        if desk.is_running() {
            desk.stop();
        }
    }
}

#[test]
fn a_cap_that_is_over_is_a_warning() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let cap = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";
    let over = desk.file("over", &desk.home.toml(&format!("{cap}until = 2020-01-01\n")));
    let said = desk.run(["config", "check", &over]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let told = "the last day of the cap of 500.00 EUR per day is over, and it grants nothing";
    let way_out = "to spend under it again, give it a later `until`";
    assert_eq!(said.err, format!("warning: {told}; {way_out}\n"));
    let said = desk.run(["config", "check", &over, "--json"]).json(0);
    assert_eq!((&said["good"], &said["warnings"][0]), (&true.into(), &told.into()));
    let ahead = desk.file("ahead", &desk.home.toml(&format!("{cap}until = 9999-12-29\n")));
    assert_eq!(desk.run(["config", "check", &ahead]).err, "");
}

#[test]
fn merchants_are_listed_as_the_file_has_them() {
    let Some(desk) = Desk::closed("") else { return };
    let document = desk.mandate("merchant list --json").json(0);
    assert_eq!(document[0]["id"], "lux-hotels");
    assert_eq!(document[0]["paid"], json!(["book_room", "cancel_room"]));
    assert_eq!(document[1]["agents"], json!(["travel"]));
    desk.home.write("[[merchant]");
    let err = desk.mandate("merchant list").refused(2);
    assert!(err.contains("wallet.toml:1:"), "{err}");
}
