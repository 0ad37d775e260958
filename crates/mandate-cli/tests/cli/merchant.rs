//! `mandate merchant add`: what a merchant says is shown, compared and only then written, and nothing is lost by it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use mandate::key::Jwk;
use mandate_tests::{Merchant, typed};
use serde_json::{Value, json};

use crate::desk::{CAPS, Desk, Said, said};
use crate::mask::{assert_golden, masked};
use crate::server::{Answer, Server};

/// A merchant that no wallet lists yet.
fn grand() -> Merchant {
    Merchant::new("grand-hotels".parse().expect("an id")).expect("a merchant")
}

/// What it publishes.
fn document(merchant: &Merchant) -> Value {
    json!({
        "id": merchant.id(),
        "name": "Grand Hôtels",
        "keys": [Jwk::from(&merchant.public_key())],
        "actions": [
            {"sku": "search_rooms", "route": "GET /rooms", "price": "free"},
            {"sku": "book_room", "route": "POST /bookings", "price": "quote", "request": "required"},
            {"sku": "late_checkout", "route": "POST /late", "price": "18.00 EUR"},
        ],
    })
}

/// A server that publishes this, and nothing else.
fn publishing(body: &Value) -> Server {
    let body = body.to_string();
    Server::start(move |asked| match asked.path.as_str() {
        "/v1/.well-known/mandate.json" => Answer::new(200, body.as_str()),
        _ => Answer::new(404, ""),
    })
}

fn url(server: &Server) -> String {
    format!("{}/v1", server.url())
}

/// Adds it as a script does.
fn add(desk: &Desk, server: &Server, keys: &[&Merchant], more: &[&str]) -> Said {
    let mut command = desk.command(["merchant", "add", &url(server), "--yes"]);
    for key in keys {
        command.arg("--fingerprint").arg(key.public_key().id().to_string());
    }
    command.args(more);
    said(command)
}

fn config(desk: &Desk) -> String {
    fs::read_to_string(desk.home.paths.config()).expect("a file")
}

#[test]
fn a_person_sees_compares_and_adds_and_the_wallet_obeys_at_once() {
    let Some(desk) = Desk::open(&format!("# Mine, all of it.\n{CAPS}\n# The end.")) else { return };
    let (before, grand) = (config(&desk), grand());
    let server = publishing(&document(&grand));
    let added = typed(desk.command(["merchant", "add", &url(&server)]), "300.00 EUR\ny");
    let after = config(&desk);
    let mut lines = after.lines();
    for line in before.lines() {
        assert!(lines.any(|after| after == line), "{line:?} is lost in\n{after}");
    }
    let new: Vec<&str> =
        after.split("\n\n").filter(|block| block.contains("grand-hotels")).collect();
    let new = new.join("\n\n");
    let shown = format!("{}{}\n[new in wallet.toml]\n{new}\n", added.err, added.out);
    let shown = shown.replace(&server.url(), "http://127.0.0.1:8080");
    assert_golden("merchant_add.txt", &masked(&shown, &desk));
    assert_eq!(added.code, Some(0));
    let intent = desk.mandate("intent --merchant grand-hotels --action book_room").yes();
    grand.admit::<mandate::Intent>(intent.trim_end(), desk.home.key).expect("a good intent");
    let budget = desk.mandate("budget --merchant grand-hotels --json").json(0);
    let caps = budget.as_array().expect("caps");
    assert!(caps.iter().any(|cap| cap["limit"]["amount"] == 30_000), "{budget}");
    assert_eq!(server.take_asked().len(), 1);
    // What was shown first is all that was asked for.
    let again = desk.run(["merchant", "add", &url(&server)]).refused(2);
    assert!(again.contains("lists grand-hotels already") && again.contains("edit"), "{again}");
    assert_eq!(config(&desk), after);
}

#[test]
fn only_a_yes_adds() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let before = config(&desk);
    let server = publishing(&document(&grand()));
    let add = || desk.command(["merchant", "add", &url(&server)]);
    for (answer, code) in [("300.00 EUR\nn", 1), ("300.00 EUR\n", 1), ("300\ny", 2), ("\ny", 2)] {
        let said = typed(add(), answer);
        assert_eq!((said.code, said.out.as_str()), (Some(code), ""), "{answer:?}: {}", said.err);
        assert!(said.err.contains("nothing was changed"), "{}", said.err);
    }
    let err = said(add()).refused(2);
    assert!(err.contains("pass --day-cap"), "{err}");
    let mut command = add();
    command.args(["--day-cap", "300.00 EUR"]);
    let err = said(command).refused(2);
    assert!(err.contains("pass --yes"), "{err}");
    assert_eq!(config(&desk), before);
}

#[test]
fn a_script_brings_exactly_the_fingerprints() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let (grand, spare, before) = (grand(), grand(), config(&desk));
    let mut published = document(&grand);
    published["keys"] = json!([&grand, &spare].map(|m| Jwk::from(&m.public_key())));
    let server = publishing(&published);
    let cap = ["--day-cap", "300.00 EUR"];
    for keys in [&[&grand][..], &[&grand, desk.lux()], &[&grand, &spare, desk.lux()]] {
        let err = add(&desk, &server, keys, &cap).refused(1);
        assert!(err.contains("not the keys that you named"), "{err}");
        assert!(err.contains(&spare.public_key().id().to_string()), "{err}");
    }
    let err = add(&desk, &server, &[&grand, &spare], &[]).refused(2);
    assert!(err.contains("pass --day-cap"), "{err}");
    assert_eq!(config(&desk), before);
    let added = add(&desk, &server, &[&spare, &grand], &["--day-cap", "300.00 EUR", "--json"]);
    let added = added.json(0);
    assert_eq!((&added["id"], &added["url"]), (&json!("grand-hotels"), &json!(url(&server))));
    assert_eq!(added["keys"], json!([&grand, &spare].map(|m| m.public_key().id())));
    assert_eq!(added["paid"], json!(["book_room", "late_checkout"]));
    assert_eq!(added["day_cap"], json!({"currency": "EUR", "amount": 30_000}));
    assert_eq!(added["in_force"], false, "no wallet runs");
    let listed = desk.mandate("merchant list --json").json(0);
    let listed = listed.as_array().expect("merchants").iter().find(|m| m["id"] == "grand-hotels");
    let listed = listed.expect("it is listed");
    for member in ["url", "free", "paid"] {
        assert_eq!(listed[member], added[member], "{member}");
    }
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(2));
}

#[test]
fn what_is_listed_under_that_id_stays() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let before = config(&desk);
    let mut published = document(&grand());
    published["id"] = json!("lux-hotels");
    let err = add(&desk, &publishing(&published), &[&grand()], &[]).refused(2);
    assert!(err.contains("lists lux-hotels already; to change"), "{err}");
    assert_eq!(config(&desk), before);
}

#[test]
fn a_bad_answer_is_told_with_its_address_and_field() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let (before, grand) = (config(&desk), grand());
    let bad = |member: &str, value: Value| {
        let mut document = document(&grand);
        document[member] = value;
        Answer::new(200, document.to_string())
    };
    let away =
        Answer { location: Some("https://evil.example/\u{9b}".to_owned()), ..Answer::new(307, "") };
    let weak = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (answer, expected) in [
        (bad("id", json!("Grand Hotels")), "mandate.json: `id`: "),
        (bad("name", json!("Grand\u{1b}[2J")), "mandate.json: `name`: "),
        (bad("keys", json!([])), "mandate.json: `keys` is empty"),
        (
            bad("keys", json!([{"kty": "OKP", "crv": "Ed25519", "x": weak}])),
            "mandate.json: `keys[0]`: ",
        ),
        (bad("actions", json!([])), "mandate.json: `actions` is empty"),
        (
            bad("more", json!(" ".repeat(256 * 1024))),
            "mandate.json answers with more than 262144 bytes",
        ),
        (Answer::new(200, "<html>"), "mandate.json: the answer is not JSON"),
        (Answer::new(503, ""), "mandate.json: the answer is 503"),
        (away, "mandate.json answers 307, a redirect to \"https://evil.example/"),
    ] {
        let server = Server::start(move |_| answer.clone());
        let err = add(&desk, &server, &[&grand], &["--day-cap", "300.00 EUR"]).refused(1);
        let start = format!("error: {}/.well-known/{expected}", url(&server));
        assert!(err.starts_with(&start), "{start}: {err}");
        let is_safe = |c: char| c == '\n' || !mandate::text::is_unsafe_to_show(c);
        assert!(err.chars().all(is_safe), "{err:?}");
    }
    let gone = url(&Server::start(|_| Answer::new(200, "")));
    let err = desk.run(["merchant", "add", &gone]).refused(1);
    assert!(err.contains("/mandate.json cannot be reached: nothing answers there; "), "{err}");
    assert_eq!(config(&desk), before);
}

#[test]
fn foreign_text_is_shown_and_steers_nothing() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let mut published = document(&grand());
    let long = "x".repeat(200_000);
    published["actions"][0]["route"] = json!("GET /\u{1b}[2J\u{202e}\nkey AAAA");
    published["actions"][1]["route"] = json!(long);
    let server = publishing(&published);
    let said = typed(desk.command(["merchant", "add", &url(&server)]), "300.00 EUR\nn");
    assert!(said.err.contains("GET /\\u{1b}[2J\\u{202e}\\u{a}key AAAA"), "{}", said.err);
    assert!(said.err.len() < 2_000, "{}", said.err.len());
}

#[test]
fn what_is_free_needs_no_cap() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    let grand = grand();
    let mut published = document(&grand);
    published["actions"].as_array_mut().expect("actions").truncate(1);
    let server = publishing(&published);
    let err = add(&desk, &server, &[&grand], &["--day-cap", "300.00 EUR"]).refused(2);
    assert!(err.contains("caps nothing"), "{err}");
    // The file may be a link into a place that is kept elsewhere.
    let (path, kept) = (desk.home.paths.config(), desk.home.folder().join("kept.toml"));
    fs::rename(path, &kept).unwrap();
    symlink(&kept, path).unwrap();
    let told = add(&desk, &server, &[&grand], &[]).yes();
    let expected = format!("added grand-hotels to {}\n", path.display());
    assert!(told.starts_with(&expected) && told.contains("once mandated starts"), "{told}");
    assert!(fs::symlink_metadata(path).unwrap().is_symlink());
    assert!(fs::read_to_string(&kept).unwrap().contains("grand-hotels"));
    desk.mandate("config check").yes();
}

#[test]
fn a_wallet_that_goes_by_another_file_is_told_apart() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let (grand, before) = (grand(), config(&desk));
    let other = desk.file("other.toml", &before);
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).expect("a mode");
    let server = publishing(&document(&grand));
    let more = ["--day-cap", "300.00 EUR", "--config", &other];
    let said = add(&desk, &server, &[&grand], &more);
    assert_eq!((said.code, said.out), (Some(1), format!("added grand-hotels to {other}\n")));
    let expected = format!(
        "is not in force: the running wallet goes by another file: {}",
        desk.home.paths.config().display()
    );
    assert!(said.err.contains(&expected), "{}", said.err);
    assert_eq!(config(&desk), before);
}

#[test]
fn a_bad_file_is_mended_first() {
    let Some(desk) = Desk::closed(CAPS) else { return };
    desk.home.write("[[merchant]");
    let err = add(&desk, &publishing(&document(&grand())), &[&grand()], &[]).refused(2);
    assert!(err.contains("wallet.toml:1:"), "{err}");
    assert_eq!(config(&desk), "[[merchant]");
}
