//! What the principal is shown: every table frozen in a file, every document by the names of its members.

use std::fmt::Write as _;

use mandate_host::clock::wall_clock;
use mandate_tests::Figures;
use mandate_tests::golden::member_names;

use crate::desk::{CAPS, Desk};
use crate::mask::{assert_golden, masked};

/// Everything that shows facts of a running wallet; `JTI` stands for the payment's.
const LOOKS: [&[&str]; 20] = [
    &["status"],
    &["key", "show"],
    &["merchant", "list"],
    &["budget"],
    &["budget", "--merchant", "rival-air"],
    &["budget", "--currency", "JPY"],
    &["explain", "--merchant", "lux-hotels", "--action", "book_room", "--amount", "180.00 EUR"],
    &["explain", "--merchant", "lux-hotels", "--action", "book_room", "--amount", "251.00 EUR"],
    &["explain", "--merchant", "lux-hotels", "--action", "book_room", "--amount", "100 JPY"],
    &["explain", "--merchant", "lux-hotels", "--action", "search_rooms"],
    &["explain", "--merchant", "lux-hotels", "--action", "book_room", "--agent", "nobody"],
    &["explain", "--merchant", "nobody", "--action", "book_room"],
    &["holds"],
    &["config", "check"],
    &["audit", "log"],
    &["audit", "log", "--kind", "payment", "--limit", "1"],
    &["audit", "log", "--merchant", "nobody"],
    &["audit", "show", "JTI"],
    &["audit", "show", "0"],
    &["audit", "verify"],
];

/// A wallet in which a room was booked and answered, another is held, and a third was refused.
fn lived_in() -> Option<(Desk, String)> {
    let desk = Desk::open(CAPS)?;
    let intent = desk.run([
        "intent",
        "--merchant",
        "lux-hotels",
        "--action",
        "book_room",
        "--quantity",
        "2",
        "--price-max",
        "200.00 EUR",
        "--idempotency-key",
        "trip-7",
        "--purpose",
        "two nights near the conference",
        "--request",
        "POST /bookings",
    ]);
    let intent = desk.admit(intent.yes().trim_end());
    let cart = desk.cart(&intent, "Hôtel Lux, two nights", "180.00 EUR");
    let payment = desk.pay(cart.as_str()).yes();
    let payment = desk.lux().admit::<mandate::Payment>(payment.trim_end(), desk.home.key);
    let payment = payment.expect("a good payment");
    let receipt = desk.receipt(&payment);
    assert_eq!(desk.run(["receipt", &receipt]).yes(), "executed\n");
    assert_eq!(desk.pay(cart.as_str()).code, Some(1), "it was paid already");
    desk.book("120.00 EUR");
    let third = desk.cart(&desk.intent(), "a suite", "240.00 EUR");
    assert_eq!(desk.pay(third.as_str()).code, Some(1), "it does not fit");
    Some((desk, payment.claims().jti.to_string()))
}

#[test]
fn every_table_is_as_it_was() {
    let Some((desk, jti)) = lived_in() else { return };
    let mut shown = String::new();
    for look in LOOKS {
        let said =
            desk.run(look.iter().map(|word| if *word == "JTI" { jti.as_str() } else { *word }));
        assert_eq!(said.err, "", "{look:?}");
        // What the system denies differs from machine to machine.
        let lines = said.out.lines().filter(|line| !line.starts_with("warning: "));
        let version = concat!("mandated   ", env!("CARGO_PKG_VERSION"));
        let lines = lines.map(|line| line.replace(version, "mandated   VERSION"));
        let lines = lines.fold(String::new(), |text, line| text + &line + "\n");
        let code = said.code.expect("an exit code");
        write!(shown, "$ mandate {}\n{lines}[exit code {code}]\n\n", look.join(" ")).expect("text");
    }
    assert_golden("looks.txt", &masked(&shown, &desk));
}

#[test]
fn every_document_keeps_the_names_of_its_members() {
    let Some((desk, jti)) = lived_in() else { return };
    let mut shown = String::new();
    for look in LOOKS {
        let words = look.iter().map(|word| if *word == "JTI" { jti.as_str() } else { *word });
        let text = desk.run(words.clone());
        let said = desk.run(words.chain(["--json"]));
        assert_eq!(said.code, text.code, "{look:?}: the form of the answer changes nothing");
        let document = said.json(text.code.expect("an exit code"));
        write!(shown, "mandate {} --json\n{}\n", look.join(" "), member_names(&document))
            .expect("text");
    }
    assert_golden("members.txt", &shown);
}

#[test]
fn figures_are_printed_as_the_wallet_tells_them() {
    let Some(desk) = Desk::open(CAPS) else { return };
    desk.book("180.00 EUR");
    let text = desk.mandate("metrics").yes();
    let minted = "mandate_wallet_decisions_total{call=\"MintPayment\",agent=\"travel\",outcome=\"granted\",reason=\"none\"}";
    assert_eq!(Figures::read(&text).of(minted).to_string(), "1");
    let document = desk.mandate("metrics --json").json(0);
    assert!(document["text"].as_str().unwrap().contains(minted), "{document}");
}

#[test]
fn a_window_says_when_it_starts_anew() {
    let cap = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";
    let Some(desk) = Desk::open(cap) else { return };
    let now = wall_clock().seconds();
    let budget = desk.mandate("budget --json").json(0);
    let resets_at = budget[0]["resets_at"].as_u64().expect("a moment");
    // The longest day of a year has 25 hours.
    assert!(resets_at > now && resets_at <= now + 25 * 3_600 + 60, "{budget}");
    let text = desk.mandate("budget").yes();
    assert!(text.contains("STARTS ANEW") && text.contains("+00:00"), "{text}");
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    let Some(desk) = Desk::open(CAPS) else { return };
    for hostile in ["red \u{1b}[31m", "two\nlines", "\u{202e}desrever", "line\u{2028}separator"] {
        let said = desk.run([
            "intent",
            "--merchant",
            "lux-hotels",
            "--action",
            "book_room",
            "--purpose",
            hostile,
        ]);
        let err = said.refused(2);
        assert!(err.contains("--purpose") && err.contains("are not allowed"), "{err}");
        assert!(is_harmless(&err), "{err:?}");
        let err = desk.run(["audit", "show", hostile]).refused(2);
        assert!(is_harmless(&err), "{err:?}");
        let err = desk.run(["pay", &format!("/nowhere/{hostile}")]).refused(2);
        assert!(is_harmless(&err), "{err:?}");
        let path = desk.file("hostile.toml", &format!("[[cap]]\n\"{hostile}\" = 1\n"));
        let said = desk.run(["config", "check", &path]);
        assert!(is_harmless(&said.refused(2)));
        // In a document the meaning stays.
        let mut command = desk.command(["config", "check", "--json"]);
        command.arg(format!("/nowhere/{hostile}"));
        let said = crate::desk::fed(command, "");
        assert!(is_harmless(&said.out), "{:?}", said.out);
        assert!(said.json(2)["problem"].as_str().expect("text").contains(hostile));
    }
}

/// Line feeds are our own; no other character may do more than be shown.
fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| c != '\n' && mandate::text::is_unsafe_to_show(c))
}
