//! Stopping, and letting go again: a stop is at once, and a thaw asks.

use mandate_host::clock::wall_clock;
use mandate_tests::{LUX, RIVAL, TestClock};

use crate::desk::{CAPS, Desk};
use mandate_tests::typed;

fn may_mint(desk: &Desk, merchant: &str, action: &str) -> bool {
    let said = desk.mandate(&format!("intent --merchant {merchant} --action {action}"));
    if said.code == Some(0) {
        return true;
    }
    let err = said.refused(1);
    assert!(err.starts_with("denied: FROZEN: "), "{err}");
    false
}

#[test]
fn each_scope_stops_what_it_names_and_a_thaw_of_it_ends_that() {
    let flights = "[[cap]]\nper = \"lifetime\"\nspend = \"100.00 EUR\"\nmerchant = \"rival-air\"\n";
    let Some(desk) = Desk::open(&format!("{CAPS}{flights}")) else { return };
    let scopes = [
        ("", "wallet", false, false),
        ("--agent travel", "agent travel", false, false),
        ("--merchant lux-hotels", "merchant lux-hotels", false, true),
    ];
    for (option, scope, lux, rival) in scopes {
        assert_eq!(desk.mandate(&format!("freeze {option}")).yes(), format!("frozen: {scope}\n"));
        assert_eq!(may_mint(&desk, LUX, "book_room"), lux, "{scope}");
        assert_eq!(may_mint(&desk, RIVAL, "book_flight"), rival, "{scope}");
        let status = desk.mandate("status --json").json(0);
        assert_eq!(status["frozen"], serde_json::json!([scope]));
        let thawed = desk.mandate(&format!("thaw {option} --yes")).yes();
        assert_eq!(thawed, format!("thawed: {scope}\n"));
        assert!(may_mint(&desk, LUX, "book_room") && may_mint(&desk, RIVAL, "book_flight"));
    }
    let answer = desk.mandate("freeze --merchant lux-hotels --json").json(0);
    assert_eq!(answer, serde_json::json!({"frozen": "merchant lux-hotels", "durable": true}));
    let answer = desk.mandate("thaw --merchant lux-hotels --yes --json").json(0);
    assert_eq!(answer, serde_json::json!({"thawed": "merchant lux-hotels", "frozen": []}));
}

#[test]
fn a_thaw_asks_and_only_a_yes_is_a_yes() {
    let Some(desk) = Desk::open(CAPS) else { return };
    desk.run(["freeze", "--reason", "charged twice?"]).yes();
    for no in ["n", "", "yess", "N", "nein"] {
        let said = typed(desk.command(["thaw"]), no);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{no:?}: {}", said.err);
        assert!(said.err.contains("under the caps of wallet.toml? [y/N] "), "{}", said.err);
        assert!(said.err.ends_with("error: nothing was changed\n"), "{}", said.err);
        assert!(!may_mint(&desk, LUX, "book_room"));
    }
    // Nobody is there to ask.
    let err = desk.mandate("thaw").refused(2);
    assert!(err.contains("pass --yes"), "{err}");
    let err = crate::desk::fed(desk.command(["thaw"]), "y\n").refused(2);
    assert!(err.contains("pass --yes"), "a pipe is no person: {err}");
    assert!(!may_mint(&desk, LUX, "book_room"));
    let said = typed(desk.command(["thaw"]), "y");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "thawed: wallet\n"), "{}", said.err);
    assert!(may_mint(&desk, LUX, "book_room"));
    let log = desk.mandate("audit log").yes();
    assert!(log.contains("charged twice?"), "{log}");
}

#[test]
fn a_freeze_outlives_the_wallet() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    desk.mandate("freeze").yes();
    desk.stop();
    desk.start();
    assert!(!may_mint(&desk, LUX, "book_room"));
}

#[test]
fn what_stays_frozen_is_told() {
    let Some(desk) = Desk::open(CAPS) else { return };
    desk.mandate("freeze --merchant lux-hotels").yes();
    let told = desk.mandate("thaw").yes();
    let expected = "the wallet as a whole is not frozen; nothing was changed\n\
                    still frozen: merchant lux-hotels; end it with `mandate thaw --merchant lux-hotels`\n";
    assert_eq!(told, expected);
    desk.mandate("freeze").yes();
    let told = desk.mandate("thaw --yes").yes();
    assert!(told.starts_with("thawed: wallet\nstill frozen: merchant lux-hotels; "), "{told}");
    let answer = desk.mandate("thaw --agent travel --json").json(0);
    assert_eq!(answer, serde_json::json!({"frozen": ["merchant lux-hotels"]}));
    assert!(!may_mint(&desk, LUX, "book_room"));
}

#[test]
fn where_nothing_is_listed_and_capped_that_is_said() {
    let Some(mut desk) = Desk::closed("") else { return };
    let toml = desk.home.toml("");
    let (head, _) = toml.split_once("[[merchant]]").expect("a merchant");
    desk.home.write(head);
    desk.start();
    let said = desk.mandate("freeze --merchant lux");
    assert_eq!(said.err, "warning: wallet.toml lists no merchant lux, nor any other\n");
    let way_out = "to allow it, add a [[cap]] to wallet.toml";
    let told = format!("there is no cap: nothing can be spent; {way_out}\n");
    assert_eq!(desk.mandate("budget").yes(), told);
    let told =
        format!("no cap counts merchant lux, EUR: nothing can be spent on that; {way_out}\n");
    assert_eq!(desk.mandate("budget --merchant lux --currency EUR").yes(), told);
}

#[test]
fn a_name_that_nobody_has_is_frozen_with_a_warning() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let cases = [
        ("--agent travle", "agent travle", "travel"),
        ("--merchant lux-hotel", "merchant lux-hotel", "lux-hotels, rival-air"),
    ];
    for (option, scope, listed) in cases {
        let said = desk.mandate(&format!("freeze {option}"));
        assert_eq!((said.code, said.out), (Some(0), format!("frozen: {scope}\n")));
        assert_eq!(said.err, format!("warning: wallet.toml lists no {scope}, only: {listed}\n"));
    }
    assert!(may_mint(&desk, LUX, "book_room"));
}

#[test]
fn the_clock_is_confirmed_and_nothing_thawed() {
    let Some(desk) = Desk::open(CAPS) else { return };
    desk.mandate("freeze").yes();
    let said = typed(desk.command(["thaw", "--clock"]), "n");
    assert_eq!(said.code, Some(1));
    assert!(said.err.starts_with("This machine's clock says "), "{}", said.err);
    assert_eq!(desk.mandate("thaw --clock --yes").yes(), "the clock is confirmed\n");
    assert!(desk.mandate("thaw --clock --yes --json").json(0)["confirmed"].is_u64());
    assert!(!may_mint(&desk, LUX, "book_room"));
}

#[test]
fn a_clock_behind_the_last_entry_is_told_and_confirmed() {
    const ASK: &str = "intent --merchant lux-hotels --action book_room";
    let Some(mut desk) = Desk::closed(CAPS) else { return };
    desk.start_at(&TestClock::at(wall_clock().plus(86_400).seconds()));
    desk.mandate(ASK).yes();
    desk.stop();
    desk.start();
    let err = desk.mandate(ASK).refused(1);
    assert!(err.starts_with("denied: CLOCK_UNTRUSTED: the clock is "), "{err}");
    assert!(err.contains("`mandate thaw --clock`"), "{err}");
    assert_eq!(desk.mandate("thaw --clock --yes").yes(), "the clock is confirmed\n");
    desk.mandate(ASK).yes();
}
