//! `mandate settle`: a merchant's own signature ends a hold, and nothing else that a merchant says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mandate::{Mandate, Payment, Receipt, UnixSeconds};
use mandate_terminal::time::local;
use mandate_tests::{LUX, Merchant, RIVAL};
use serde_json::{Value, json};

use crate::desk::{CAPS, Desk, Said};
use crate::mask::{assert_golden, masked};
use crate::server::{Answer, Asked, Server};

/// Payments that live so short that a test can wait for their end.
const SHORT: &str = "[mandates]\npayment_ttl = \"1s\"\n";
/// Room for flights, too.
const FLIGHTS: &str =
    "[[cap]]\nper = \"lifetime\"\nspend = \"100.00 EUR\"\nmerchant = \"rival-air\"\n";
/// How often a test looks whether a time has come.
const LOOK: Duration = Duration::from_millis(20);

/// What a merchant knows, by the hash of the payment.
type Books = Arc<Mutex<BTreeMap<String, Entry>>>;

#[derive(Debug, Clone)]
enum Entry {
    /// Another answer to everything.
    Says(Answer),
    /// Used, with its receipt.
    Used(String),
    /// Not used: the payment, and what is answered to whoever presents it.
    Unused(String, Answer),
}

/// A merchant's server over its books, and the desk that asks it.
struct Shop {
    desk: Desk,
    books: Books,
    server: Server,
}

fn problem(status: u16, reason: &str) -> Answer {
    let body = json!({"type": "about:blank", "status": status, "reason": reason});
    Answer::new(status, body.to_string())
}

fn found(receipt: &str) -> Answer {
    Answer::new(200, json!({"receipt": receipt}).to_string())
}

fn look_up(asked: &Asked, books: &Books) -> Answer {
    let hash = asked.path.strip_prefix("/v1/.well-known/mandate/receipts/").unwrap_or_default();
    match (asked.method.as_str(), books.lock().expect("no panic").get(hash)) {
        (_, Some(Entry::Says(answer))) => answer.clone(),
        (_, Some(Entry::Used(receipt))) => found(receipt),
        ("POST", Some(Entry::Unused(payment, answer)))
            if asked.payment.as_ref() == Some(payment) =>
        {
            answer.clone()
        }
        ("POST", _) => problem(400, "malformed"),
        _ => problem(404, "receipt_unknown"),
    }
}

/// A wallet whose rules say where the hotel is.
fn shop(rules: &str) -> Option<Shop> {
    let mut desk = Desk::closed(rules)?;
    let books = Books::default();
    let known = Arc::clone(&books);
    let server = Server::start(move |asked| look_up(asked, &known));
    let toml = with_url(&desk.home.toml(rules), LUX, &format!("{}/v1/", server.url()));
    desk.home.write(&toml);
    desk.start();
    Some(Shop { desk, books, server })
}

fn with_url(toml: &str, merchant: &str, url: &str) -> String {
    let id = format!("id = \"{merchant}\"\n");
    toml.replace(&id, &format!("{id}url = \"{url}\"\n"))
}

fn executed(merchant: &Merchant, payment: &Mandate<Payment>) -> Mandate<Receipt> {
    let order = "LUX-1".parse().expect("text");
    let claims =
        merchant.executed(payment, order, mandate_host::clock::wall_clock()).expect("claims");
    merchant.sign_receipt(&claims).expect("a receipt")
}

fn void(merchant: &Merchant, payment: &Mandate<Payment>) -> Mandate<Receipt> {
    let reason = "not used in time".parse().expect("text");
    let claims = merchant.void(payment, reason, mandate_host::clock::wall_clock()).expect("claims");
    merchant.sign_receipt(&claims).expect("a receipt")
}

/// Waits until the wallet, too, would say that this moment has passed.
pub(crate) fn wait_past(moment: UnixSeconds) {
    while mandate_host::clock::wall_clock() <= moment {
        thread::sleep(LOOK);
    }
}

impl Shop {
    fn enter(&self, payment: &Mandate<Payment>, entry: Entry) {
        self.books.lock().expect("no panic").insert(payment.hash().to_string(), entry);
    }

    /// Books a room that the merchant will know this of.
    fn book(&self, entry: impl FnOnce(&Merchant, &Mandate<Payment>) -> Entry) -> Mandate<Payment> {
        let payment = self.desk.book("50.00 EUR");
        self.enter(&payment, entry(self.desk.lux(), &payment));
        payment
    }

    fn settle(&self) -> Said {
        self.desk.mandate("settle")
    }

    /// Wants this exit code; gives what is said after the payment.
    #[track_caller]
    fn became(&self, payment: &Mandate<Payment>, code: i32) -> String {
        let said = self.settle();
        assert_eq!((said.code, said.err.as_str()), (Some(code), ""), "{}", said.out);
        let jti = payment.claims().jti;
        let start = format!("{jti} 50.00 EUR at lux-hotels for book_room: ");
        let line = said.out.lines().find_map(|line| line.strip_prefix(&start));
        assert!(line.is_some(), "{start}: {}", said.out);
        line.unwrap_or_default().to_owned()
    }

    fn held(&self) -> usize {
        self.desk.mandate("holds --json").json(0).as_array().expect("holds").len()
    }
}

#[test]
fn a_receipt_settles_and_a_void_gives_back() {
    let Some(shop) = shop(CAPS) else { return };
    assert_eq!(shop.settle().yes(), "nothing is held\n");
    let kept = shop.book(|lux, payment| Entry::Used(executed(lux, payment).as_str().to_owned()));
    let given = shop.book(|lux, payment| Entry::Used(void(lux, payment).as_str().to_owned()));
    let open = shop.book(|_, _| Entry::Says(problem(404, "receipt_unknown")));
    // Also while everything is frozen.
    shop.desk.mandate("freeze").yes();
    let answers = shop.desk.mandate("settle --merchant lux-hotels --json").json(0);
    let of = |at: usize| (&answers[at]["payment"], &answers[at]["outcome"]);
    assert_eq!(of(0), (&json!(kept.hash()), &json!("settled")));
    assert_eq!(of(1), (&json!(given.hash()), &json!("released")));
    assert_eq!(of(2), (&json!(open.hash()), &json!("open")));
    assert_eq!(answers[0]["order"], "LUX-1");
    assert_eq!(answers[1]["reason"], "not used in time");
    // The merchant takes a payment for 30 s after its end, and may have begun to use this one.
    let void_from = local(open.claims().exp.plus(31));
    let why = format!(
        "no receipt yet: not used, or its use is not settled; if it is not used, a void can be had from {void_from}"
    );
    assert_eq!(answers[2]["why"], why);
    assert_eq!(
        shop.desk.mandate("settle --merchant rival-air").yes(),
        "nothing is held at rival-air\n"
    );
    let budget = shop.desk.mandate("budget --json").json(0);
    assert_eq!(budget[1]["spent"]["amount"], 10_000);
    let story = shop.desk.mandate(&format!("audit show {}", kept.claims().jti)).yes();
    let handed_in = story.lines().find(|line| line.contains("handed in by")).expect("a receipt");
    assert!(!handed_in.contains("agent"), "the principal is no agent: {story}");
    let asked = shop.server.take_asked();
    assert!(asked.iter().all(|asked| asked.method == "GET"), "nothing is over yet: {asked:?}");
    shop.enter(&open, Entry::Used(executed(shop.desk.lux(), &open).as_str().to_owned()));
    assert_eq!(shop.became(&open, 0), "settled: executed, order LUX-1");
    assert_eq!(shop.held(), 0);
}

#[test]
fn what_was_not_used_in_its_time_is_given_back_by_the_merchants_void() {
    let Some(shop) = shop(&format!("{CAPS}{SHORT}")) else { return };
    let wait = problem(409, "not_expired");
    let payment = shop.book(|_, payment| Entry::Unused(payment.as_str().to_owned(), wait));
    wait_past(payment.claims().exp);
    let budget = || shop.desk.mandate("budget --json").json(0)[1]["spent"]["amount"].clone();
    shop.desk.mandate("freeze").yes();
    assert!(shop.became(&payment, 0).starts_with("still open: not used, and the merchant waits"));
    let begun = problem(409, "in_progress");
    shop.enter(&payment, Entry::Unused(payment.as_str().to_owned(), begun));
    assert!(shop.became(&payment, 0).starts_with("still open: the merchant has begun it"));
    assert_eq!((shop.held(), budget()), (1, json!(5_000)));
    let void = void(shop.desk.lux(), &payment);
    shop.enter(&payment, Entry::Unused(payment.as_str().to_owned(), found(void.as_str())));
    assert_eq!(shop.became(&payment, 0), "released: void, \"not used in time\"");
    assert_eq!((shop.held(), budget()), (0, json!(0)));
    let asked = shop.server.take_asked();
    let methods: Vec<_> = asked.iter().map(|asked| asked.method.as_str()).collect();
    assert_eq!(methods, ["GET", "POST", "GET", "POST", "GET", "POST"]);
    // Presented exactly as it was minted, and in no other question.
    let presented = |asked: &Asked| asked.payment.as_deref() == Some(payment.as_str());
    assert!(asked.iter().all(|asked| presented(asked) == (asked.method == "POST")), "{asked:?}");
}

#[test]
fn nothing_but_the_merchants_receipt_of_this_payment_ends_a_hold() {
    let Some(shop) = shop(CAPS) else { return };
    let other = shop.book(|_, _| Entry::Says(problem(404, "receipt_unknown")));
    let other = executed(shop.desk.lux(), &other);
    let payment = shop.book(|_, _| Entry::Says(Answer::new(200, "")));
    let forged = executed(&shop.desk.home.rival, &payment);
    let claims = executed(shop.desk.lux(), &payment).claims().clone();
    let forged_lux = shop.desk.home.rival.sign_receipt(&claims).unwrap();
    for (answer, expected) in [
        (found(forged.as_str()), "the wallet refuses the receipt from"),
        (found(forged_lux.as_str()), "RECEIPT_INVALID"),
        (found(other.as_str()), "gives the receipt of another payment"),
        (found("e30.e30"), "gives no receipt: "),
        (Answer::new(200, "{}"), "answers 200 without a receipt"),
        (Answer::new(200, "x".repeat(64 * 1024)), "answers with more than 32768 bytes"),
        (problem(429, "rate_limited"), "answers 429 rate_limited"),
        (problem(404, "route_unknown"), "answers 404 route_unknown"),
        (Answer::new(404, "<html>\u{1b}"), "may not be where its API is"),
        (Answer::new(302, ""), "redirects are not followed"),
    ] {
        shop.enter(&payment, Entry::Says(answer));
        let became = shop.became(&payment, 1);
        assert!(became.starts_with("still open, no answer: "), "{became}");
        assert!(became.contains(expected), "{expected}: {became}");
        assert_eq!(shop.held(), 2);
    }
    let answers = shop.desk.mandate("settle --json").json(1);
    let outcomes: Vec<&Value> =
        answers.as_array().expect("holds").iter().map(|hold| &hold["outcome"]).collect();
    assert_eq!(outcomes, ["open", "unanswered"], "one merchant's fault stops nothing");
}

#[test]
fn every_outcome_is_one_line() {
    let cap = "[[cap]]\nper = \"lifetime\"\nspend = \"500.00 EUR\"\n";
    let Some(shop) = shop(cap) else { return };
    shop.book(|lux, payment| Entry::Used(executed(lux, payment).as_str().to_owned()));
    shop.book(|lux, payment| Entry::Used(void(lux, payment).as_str().to_owned()));
    shop.book(|_, _| Entry::Says(problem(503, "unavailable")));
    shop.book(|_, _| Entry::Says(problem(404, "receipt_unknown")));
    fly(&shop.desk);
    let said = shop.settle();
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""), "{}", said.out);
    let shown = said.out.replace(&shop.server.url(), "http://127.0.0.1:8080");
    assert_golden("settle.txt", &masked(&shown, &shop.desk));
}

#[test]
fn a_merchant_that_cannot_be_asked_stops_no_other() {
    let Some(shop) = shop(&format!("{CAPS}{FLIGHTS}")) else { return };
    for _ in 0..2 {
        fly(&shop.desk);
    }
    let room = shop.book(|lux, payment| Entry::Used(executed(lux, payment).as_str().to_owned()));
    // It is told where the hotel is, and not where the airline is.
    let said = shop.settle();
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""), "{}", said.out);
    let lines: Vec<&str> = said.out.lines().collect();
    let [first, second, third] = lines[..] else { panic!("{}", said.out) };
    for flight in [first, second] {
        assert!(flight.contains("add url = \"https://…\" to its [[merchant]] block"), "{flight}");
    }
    let jti = room.claims().jti.to_string();
    assert!(
        third.starts_with(&jti) && third.ends_with("settled: executed, order LUX-1"),
        "{third}"
    );
    // Where nobody listens, the same for both; where nobody is listed any more, too.
    let gone = Server::start(|_| Answer::new(200, "")).url();
    let rules = format!("{CAPS}{FLIGHTS}");
    shop.desk.home.write(&with_url(&shop.desk.home.toml(&rules), RIVAL, &gone));
    let out = shop.settle().out;
    assert_eq!(out.matches("cannot be reached: ").count(), 2, "{out}");
    let toml = shop.desk.home.toml(CAPS);
    let (before, rest) = toml.split_once("[[merchant]]\nid = \"rival-air\"").expect("a merchant");
    let (_, after) = rest.split_once("\n\n").expect("an end");
    shop.desk.home.write(&format!("{before}{after}"));
    let out = shop.settle().out;
    assert_eq!(out.matches("does not list rival-air any more").count(), 2, "{out}");
}

/// Books a flight, of which nobody hands a receipt in.
fn fly(desk: &Desk) {
    let rival = &desk.home.rival;
    let intent = desk.mandate("intent --merchant rival-air --action book_flight").yes();
    let intent = rival.admit(intent.trim_end(), desk.home.key).expect("a good intent");
    let (title, total) = ("a seat".parse().expect("text"), "40.00 EUR".parse().expect("text"));
    let claims =
        rival.cart(&intent, title, total, mandate_host::clock::wall_clock()).expect("claims");
    desk.pay(rival.sign_cart(&claims).expect("a cart").as_str()).yes();
}
