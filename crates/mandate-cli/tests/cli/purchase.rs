//! A purchase from a script: intent, cart, payment, receipt, and the story of it afterwards.

use mandate::Payment;
use mandate::token::Status;
use mandate_host::clock::wall_clock;
use serde_json::json;

use crate::desk::{CAPS, Desk, fed};

const INTENT: [&str; 5] = ["intent", "--merchant", "lux-hotels", "--action", "book_room"];

#[test]
fn one_cart_gives_one_payment_however_often_and_however_it_is_handed_in() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let cart = desk.cart(&desk.intent(), "a room", "180.00 EUR");
    let first = desk.pay(cart.as_str()).yes();
    let file = desk.file("cart", &format!("\n  {}\n", cart.as_str()));
    let answer = json!({"reason": "payment_required", "cart": cart.as_str(), "status": 402});
    let answer = desk.file("answer.json", &answer.to_string());
    assert_eq!(desk.run(["pay", &file]).yes(), first);
    assert_eq!(desk.run(["pay", &answer]).yes(), first);
    let document = desk.run(["pay", &answer, "--json"]).json(0);
    assert_eq!(document["mandate"], first.trim_end());
    assert_eq!(document["total"], json!({"currency": "EUR", "amount": 18_000}));
    assert!(document["expires_at"].is_u64());
    // Also after a restart.
    desk.stop();
    desk.start();
    assert_eq!(desk.pay(cart.as_str()).yes(), first);
    let budget = desk.mandate("budget --json").json(0);
    assert_eq!(
        (&budget[1]["spent"]["amount"], &budget[1]["count_used"]),
        (&json!(18_000), &json!(1))
    );
}

#[test]
fn an_idempotency_key_and_a_request_are_kept() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let keyed =
        |more: &[&str]| desk.run(INTENT.iter().chain(&["--idempotency-key", "trip 7"]).chain(more));
    let bound = ["--request", "POST /bookings", "--content-type", "application/json"];
    let body = desk.file("booking.json", "{\"nights\":2}");
    let bound: Vec<&str> = bound.into_iter().chain(["--body", &body]).collect();
    let first = keyed(&bound).yes();
    assert_eq!(keyed(&bound).yes(), first);
    let err = keyed(&[]).refused(1);
    assert!(err.starts_with("denied: IDEMPOTENCY_CONFLICT: "), "{err}");
    let intent = desk.admit(first.trim_end());
    let expected =
        mandate::request_digest("POST", "/bookings", "application/json", b"{\"nights\":2}");
    assert_eq!(intent.claims().action.request, Some(expected));
    let mut command = desk.command(INTENT);
    command.args([
        "--request",
        "POST /bookings",
        "--content-type",
        "application/json",
        "--body",
        "-",
    ]);
    let piped = fed(command, "{\"nights\":2}").yes();
    assert_eq!(desk.admit(piped.trim_end()).claims().action.request, Some(expected));
}

#[test]
fn a_denial_is_exit_1_with_its_reason_and_what_helps() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let cart = desk.cart(&desk.intent(), "a suite", "250.01 EUR");
    let err = desk.pay(cart.as_str()).refused(1);
    assert!(err.starts_with("denied: CAP_EXCEEDED: 250.01 EUR does not fit"), "{err}");
    assert!(err.contains("  limit      250.00 EUR\n"), "{err}");
    let mut command = desk.command(["pay", "-", "--json"]);
    command.env("TZ", "UTC");
    let document = fed(command, cart.as_str()).json(1);
    assert_eq!(document["reason"], "CAP_EXCEEDED");
    assert_eq!(document["metadata"]["limit"], "250.00 EUR");
    assert!(document["message"].as_str().expect("a sentence").contains("250.01 EUR"));
    let denied = [
        (vec!["intent", "--merchant", "nobody", "--action", "x"], "MERCHANT_NOT_ALLOWED"),
        (vec!["intent", "--merchant", "lux-hotels", "--action", "x"], "ACTION_NOT_ALLOWED"),
    ];
    for (arguments, reason) in denied {
        let err = desk.run(&arguments).refused(1);
        assert!(err.starts_with(&format!("denied: {reason}: ")), "{err}");
    }
    let err = desk.pay("e30.e30").refused(1);
    assert!(err.starts_with("denied: CART_MALFORMED: "), "{err}");
    let err = fed(desk.command(["receipt", "-"]), cart.as_str()).refused(1);
    assert!(err.starts_with("denied: RECEIPT_INVALID: "), "{err}");
    let err = desk.pay("{\"reason\":\"payment_required\"}").refused(2);
    assert!(err.contains("-: has no member \"cart\""), "{err}");
}

#[test]
fn a_hold_is_listed_until_its_receipt_comes_in() {
    let Some(desk) = Desk::open(CAPS) else { return };
    assert_eq!(desk.mandate("holds").yes(), "nothing is held\n");
    assert_eq!(desk.mandate("holds --json").json(0), json!([]));
    let kept = desk.book("100.00 EUR");
    let given_back = desk.book("50.00 EUR");
    let holds = desk.mandate("holds --json").json(0);
    let hashes: Vec<_> =
        holds.as_array().expect("holds").iter().map(|h| h["payment"].clone()).collect();
    assert_eq!(hashes, [json!(kept.hash().to_string()), json!(given_back.hash().to_string())]);
    assert_eq!(holds[0]["jti"], kept.claims().jti.to_string());
    let receipt = desk.receipt(&kept);
    // A receipt is taken while everything is frozen.
    desk.mandate("freeze").yes();
    assert_eq!(desk.run(["receipt", &receipt, "--json"]).json(0), json!({"status": "executed"}));
    let claims = desk.lux().void(&given_back, "full".parse().unwrap(), wall_clock());
    let void = desk.lux().sign_receipt(&claims.unwrap()).unwrap();
    let answer = json!({"receipt": void.as_str()}).to_string();
    assert_eq!(fed(desk.command(["receipt", "-"]), &answer).yes(), "void\n");
    assert_eq!(desk.mandate("holds").yes(), "nothing is held\n");
    let budget = desk.mandate("budget --json").json(0);
    assert_eq!(budget[1]["spent"]["amount"], 10_000);
    let story = desk.mandate(&format!("audit show {}", given_back.claims().jti)).yes();
    assert!(story.contains("void (the amount is given back)"), "{story}");
    assert!(story.contains("\"full\""), "{story}");
}

#[test]
fn the_story_is_the_same_from_each_of_its_parts() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let intent = desk.intent();
    let cart = desk.cart(&intent, "a room", "180.00 EUR");
    let payment = desk.pay(cart.as_str()).yes();
    let payment = desk.lux().admit::<Payment>(payment.trim_end(), desk.home.key).unwrap();
    desk.run(["receipt", &desk.receipt(&payment)]).yes();
    let told = desk.mandate(&format!("audit show {}", payment.claims().jti)).yes();
    for other in [intent.claims().jti.to_string(), "2".to_owned(), "3".to_owned(), "4".to_owned()] {
        assert_eq!(desk.mandate(&format!("audit show {other}")).yes(), told, "{other}");
    }
    let document = desk.mandate("audit show 3 --json").json(0);
    let receipt = &document["entries"][1]["receipt"];
    assert_eq!(
        (&receipt["verified"], &receipt["claims"]["order"]),
        (&json!(true), &json!("LUX-1"))
    );
    assert_eq!(receipt["claims"]["status"], Status::Executed.to_string());
    assert_eq!(document["entries"][0]["cart"]["claims"]["line_items"][0]["title"], "a room");
    // An id may begin as an option does.
    for unknown in ["AAAAAAAAAAAAAAAAAAAAAA", "-hAAAAAAAAAAAAAAAAAAAA", "--AAAAAAAAAAAAAAAAAAAA"] {
        for form in ["", "--json"] {
            let err = desk.mandate(&format!("audit show {unknown} {form}")).refused(1);
            assert!(
                err.contains(&format!("no payment of this wallet has the id {unknown}")),
                "{err}"
            );
        }
    }
    let err = desk.mandate("audit show 99").refused(1);
    assert_eq!(err, "error: there is no entry 99: the newest is 4\n");
}

#[test]
fn a_free_action_needs_an_intent_and_no_money() {
    let Some(desk) = Desk::open(CAPS) else { return };
    let token = desk.mandate("intent --merchant lux-hotels --action search_rooms --json").json(0);
    let intent = desk.admit(token["mandate"].as_str().unwrap());
    assert!(token["expires_at"].is_u64() && token["total"].is_null(), "{token}");
    let claims = desk.lux().executed_free(&intent, wall_clock()).unwrap();
    let receipt = desk.lux().sign_receipt(&claims).unwrap();
    assert_eq!(fed(desk.command(["receipt", "-"]), receipt.as_str()).yes(), "executed\n");
    let story = desk.mandate(&format!("audit show {}", intent.claims().jti)).yes();
    assert!(story.contains("search_rooms") && story.contains("status"), "{story}");
}
