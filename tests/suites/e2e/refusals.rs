//! Every refusal there is, met over the socket: its exact reason, its code, and that it changes nothing.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mandate::token::Status;
use mandate::{RequestDigest, UnixSeconds};
use mandate_ledger::{Fault, Hook};
use mandate_policy::Reason;
use mandate_proto::v1;
use mandate_tests::{Agent, Denied, Home, LUX, RIVAL, TestClock, denied};
use tonic::Code;

/// 2026-11-24T10:00:00Z, the second in which a home's ledger begins.
const START: u64 = 1_795_514_400;

const CAPS: &str = r#"
[[cap]]
per = "day"
spend = "500.00 EUR"
"#;

/// The codes of `mandate.v1`, written down a second time.
fn code(reason: &str) -> Code {
    match reason {
        "AGENT_UNKNOWN"
        | "MERCHANT_NOT_ALLOWED"
        | "ACTION_NOT_ALLOWED"
        | "CURRENCY_NOT_CAPPED"
        | "PRICE_ABOVE_LIMIT"
        | "APPROVAL_DENIED" => Code::PermissionDenied,
        "CAP_EXCEEDED" | "COUNT_EXCEEDED" | "RATE_LIMITED" | "TOO_MANY_UNSETTLED" => {
            Code::ResourceExhausted
        }
        "CART_MALFORMED"
        | "CART_SIGNATURE_INVALID"
        | "CART_MISMATCH"
        | "RECEIPT_INVALID"
        | "FIELD_INVALID"
        | "IDEMPOTENCY_CONFLICT" => Code::InvalidArgument,
        "KEY_UNAVAILABLE" | "LEDGER_UNAVAILABLE" => Code::Unavailable,
        _ => Code::FailedPrecondition,
    }
}

/// What was met, in order.
#[derive(Default)]
struct Met {
    reasons: BTreeSet<String>,
}

impl Met {
    #[track_caller]
    fn expect<T: std::fmt::Debug>(
        &mut self,
        reason: &str,
        answer: Result<T, tonic::Status>,
    ) -> Denied {
        let denied = denied(answer);
        assert_eq!((denied.reason.as_str(), denied.code), (reason, code(reason)), "{denied:?}");
        assert!(denied.metadata.contains_key("retryable"), "{denied:?}");
        assert!(denied.message.len() > 10, "{denied:?}");
        self.reasons.insert(denied.reason.clone());
        denied
    }
}

#[tokio::test]
async fn every_reason_is_met_by_its_fault_alone() {
    if Home::new().is_none() {
        return;
    }
    let mut met = Met::default();
    requests(&mut met).await;
    rules(&mut met).await;
    carts(&mut met).await;
    times(&mut met).await;
    receipts(&mut met).await;
    forks(&mut met).await;
    unsettled(&mut met).await;
    frozen(&mut met).await;
    strangers(&mut met).await;
    without_a_key(&mut met).await;
    full_disk(&mut met).await;
    damaged_ledger(&mut met).await;
    rate(&mut met).await;
    let all: BTreeSet<String> = Reason::ALL.iter().map(ToString::to_string).collect();
    let missing: Vec<_> = all.difference(&met.reasons).collect();
    // Nobody can say no yet: approvals are asked for, and not decided.
    assert_eq!(missing, ["APPROVAL_DENIED"]);
}

fn home(rules: &str) -> Home {
    let home = Home::new().expect("a keyring, as before");
    home.write(&home.toml(rules));
    home
}

fn ask(change: impl FnOnce(&mut v1::MintIntentRequest)) -> v1::MintIntentRequest {
    let mut ask = Agent::book_room();
    change(&mut ask);
    ask
}

async fn requests(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    type Break = fn(&mut v1::MintIntentRequest);
    let wrong: [(&str, Break); 7] = [
        ("merchant_id", |m| m.merchant_id = "Lux Hotels".to_owned()),
        ("action_sku", |m| m.action_sku.clear()),
        ("quantity", |m| m.quantity = 1_001),
        ("price_max", |m| {
            m.price_max = Some(v1::Money { currency: "EUR".into(), minor_units: -1 })
        }),
        ("request_sha256", |m| m.request_sha256 = vec![0; 31]),
        ("purpose", |m| m.purpose = "line\nbreak".to_owned()),
        ("idempotency_key", |m| m.idempotency_key = "k".repeat(65)),
    ];
    for (field, change) in wrong {
        let denied = met.expect("FIELD_INVALID", agent.wallet.mint_intent(ask(change)).await);
        assert!(denied.message.starts_with(field), "{denied:?}");
    }
    let keyed = |quantity| ask(|m| (m.idempotency_key, m.quantity) = ("once".to_owned(), quantity));
    let first = agent.intent(keyed(1)).await.unwrap();
    assert_eq!(agent.intent(keyed(1)).await.unwrap().as_str(), first.as_str());
    met.expect("IDEMPOTENCY_CONFLICT", agent.intent(keyed(2)).await);
    daemon.stop().await;
}

async fn rules(met: &mut Met) {
    let home = home(
        r#"
[[cap]]
per = "payment"
spend = "250.00 EUR"

[[cap]]
per = "day"
spend = "500.00 EUR"

[[cap]]
per = "7d"
count = 3

[[approval]]
above = "150.00 EUR"
action = "cancel_room"
"#,
    );
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let unlisted = |m: &mut v1::MintIntentRequest| m.merchant_id = "evil-shop".to_owned();
    met.expect("MERCHANT_NOT_ALLOWED", agent.wallet.mint_intent(ask(unlisted)).await);
    let unlisted = ask(|m| m.action_sku = "buy_hotel".to_owned());
    met.expect("ACTION_NOT_ALLOWED", agent.intent(unlisted).await);
    let dollars = Some(v1::Money { currency: "USD".to_owned(), minor_units: 1 });
    met.expect("CURRENCY_NOT_CAPPED", agent.intent(ask(|m| m.price_max = dollars.clone())).await);
    met.expect("CURRENCY_NOT_CAPPED", agent.book("10.00 USD").await);

    let hundred = Some(v1::Money { currency: "EUR".to_owned(), minor_units: 10_000 });
    let intent = agent.intent(ask(|m| m.price_max = hundred.clone())).await.unwrap();
    met.expect("PRICE_ABOVE_LIMIT", agent.pay(&agent.cart(&intent, "100.01 EUR", |_| ())).await);
    met.expect("PRICE_ABOVE_LIMIT", agent.pay(&agent.cart(&intent, "1.00 USD", |_| ())).await);

    let denied = met.expect("CAP_EXCEEDED", agent.book("250.01 EUR").await);
    assert_eq!((denied.metadata["remaining"].as_str(), denied.retry), ("250.00 EUR", None));
    assert_eq!(denied.metadata["retryable"], "false");
    agent.book("250.00 EUR").await.unwrap();
    agent.book("200.00 EUR").await.unwrap();
    let denied = met.expect("CAP_EXCEEDED", agent.book("50.01 EUR").await);
    assert_eq!(denied.metadata["cap"], "500.00 EUR per day");
    assert_eq!(denied.metadata["limit"], "500.00 EUR");
    assert_eq!(denied.metadata["spent"], "450.00 EUR");
    assert_eq!(denied.metadata["remaining"], "50.00 EUR");
    assert!(denied.metadata.contains_key("resets_at") && denied.retry.is_some());
    // The intent is refused early where its own ceiling does not fit.
    let fifty_one = Some(v1::Money { currency: "EUR".to_owned(), minor_units: 5_001 });
    met.expect("CAP_EXCEEDED", agent.intent(ask(|m| m.price_max = fifty_one)).await);

    let cancel = ask(|m| m.action_sku = "cancel_room".to_owned());
    let intent = agent.intent(cancel).await.unwrap();
    met.expect("CAP_EXCEEDED", agent.pay(&agent.cart(&intent, "151.00 EUR", |_| ())).await);
    agent.book("1.00 EUR").await.unwrap();
    let denied = met.expect("COUNT_EXCEEDED", agent.intent(Agent::book_room()).await);
    assert_eq!((denied.metadata["limit"].as_str(), denied.metadata["spent"].as_str()), ("3", "3"));
    assert_eq!(agent.spent().await, [(0, 0), (45_100, 3), (0, 3)]);
    daemon.stop().await;

    home.write(&home.toml(&format!("{CAPS}\n[[approval]]\nabove = \"40.00 EUR\"\n")));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    met.expect("APPROVAL_REQUIRED", agent.book("40.01 EUR").await);
    agent.book("40.00 EUR").await.unwrap();
    daemon.stop().await;
}

async fn carts(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let good = agent.cart(&intent, "10.00 EUR", |_| ());

    met.expect("CART_MALFORMED", agent.pay_text("not a token").await);
    met.expect("CART_MALFORMED", agent.pay_text(intent.as_str()).await);
    let unlisted = agent.cart(&intent, "10.00 EUR", |cart| cart.iss = "evil-shop".parse().unwrap());
    met.expect("MERCHANT_NOT_ALLOWED", agent.pay_text(unlisted.as_str()).await);
    // The rival signs a cart in the hotel's name.
    let mut forged = good.claims().clone();
    forged.line_items[0].amount = "9.00 EUR".parse::<mandate::Money>().unwrap().amount;
    forged.total = "9.00 EUR".parse().unwrap();
    let forged = home.rival.sign_cart(&forged).unwrap();
    met.expect("CART_SIGNATURE_INVALID", agent.pay_text(forged.as_str()).await);
    let unknown = agent.cart(&intent, "10.00 EUR", |cart| {
        cart.intent = mandate::IntentHash::of(b"no intent of ours");
    });
    met.expect("INTENT_UNKNOWN", agent.pay(&unknown).await);

    // The rival's own cart for the hotel's intent.
    let rivals = home.rival.cart(&intent, "x".parse().unwrap(), good.claims().total, agent.now());
    let rivals = home.rival.sign_cart(&rivals.unwrap()).unwrap();
    let denied = met.expect("CART_MISMATCH", agent.pay_text(rivals.as_str()).await);
    assert!(denied.message.contains("`iss`"), "{denied:?}");
    type Break = fn(&mut mandate::CartClaims);
    let wrong: [(&str, Break); 6] = [
        ("aud", |cart| cart.aud = "somebody-else".parse().unwrap()),
        ("act", |cart| cart.act = "another".parse().unwrap()),
        ("action.sku", |cart| cart.action.sku = "cancel_room".parse().unwrap()),
        ("action.quantity", |cart| cart.action.quantity = mandate::Quantity::new(2).unwrap()),
        ("peer_log", |cart| cart.peer_log.size += 1),
        ("iat", |cart| {
            (cart.iat, cart.exp) = (cart.iat.plus(60), cart.exp.plus(60));
        }),
    ];
    for (field, change) in wrong {
        let cart = agent.cart(&intent, "10.00 EUR", change);
        let denied = met.expect("CART_MISMATCH", agent.pay(&cart).await);
        assert!(denied.message.contains(&format!("`{field}`")), "{denied:?}");
    }
    let bound = ask(|m| m.request_sha256 = vec![7; 32]);
    let bound = agent.intent(bound).await.unwrap();
    let other = agent.cart(&bound, "10.00 EUR", |cart| {
        cart.action.request = RequestDigest::from_bytes([8; 32]);
    });
    met.expect("CART_MISMATCH", agent.pay(&other).await);
    assert_eq!(agent.spent().await, [(0, 0)], "a refusal costs nothing");

    agent.pay(&good).await.unwrap();
    let second = agent.cart(&intent, "9.00 EUR", |_| ());
    met.expect("INTENT_ALREADY_PAID", agent.pay(&second).await);
    let search = ask(|m| m.action_sku = "search_rooms".to_owned());
    let search = agent.intent(search).await.unwrap();
    met.expect("ACTION_IS_FREE", agent.pay(&agent.cart(&search, "1.00 EUR", |_| ())).await);
    assert_eq!(agent.spent().await, [(1_000, 1)]);
    daemon.stop().await;
}

async fn times(met: &mut Met) {
    let home = home(CAPS);
    let clock = TestClock::at(START);
    let daemon = home.start_at(&clock).await;
    let mut agent = home.agent().await.on(&clock);
    let keyed = || ask(|m| m.idempotency_key = "k".to_owned());
    let intent = agent.intent(keyed()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    let payment = agent.pay(&cart).await.unwrap();
    assert_eq!(payment.claims().exp, clock.now().plus(30));
    clock.pass(30);
    assert_eq!(agent.pay(&cart).await.unwrap().as_str(), payment.as_str());
    clock.pass(1);
    met.expect("CART_ALREADY_PAID", agent.pay(&cart).await);
    clock.pass(29);
    assert_eq!(agent.intent(keyed()).await.unwrap().as_str(), intent.as_str());
    clock.pass(1);
    met.expect("INTENT_EXPIRED", agent.intent(keyed()).await);

    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let in_time = agent.cart(&intent, "10.00 EUR", |_| ());
    clock.pass(60 + 31);
    let too_late = agent.cart(&intent, "10.00 EUR", |_| ());
    met.expect("INTENT_EXPIRED", agent.pay(&too_late).await);
    // A cart that was issued in time may be paid while it lives.
    clock.pass(500);
    agent.pay(&in_time).await.unwrap();
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    clock.pass(600);
    met.expect("CART_EXPIRED", agent.pay(&cart).await);

    let before = clock.now();
    clock.set(before.minus(6));
    met.expect("CLOCK_UNTRUSTED", agent.intent(Agent::book_room()).await);
    clock.set(UnixSeconds::new(START + 86_400 * 400).unwrap());
    met.expect("CLOCK_UNTRUSTED", agent.intent(Agent::book_room()).await);
    clock.set(before);
    agent.intent(Agent::book_room()).await.unwrap();
    daemon.stop().await;
}

async fn receipts(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let payment = agent.book("10.00 EUR").await.unwrap();
    let executed = home.lux.executed(&payment, "L-1".parse().unwrap(), agent.now()).unwrap();

    met.expect("RECEIPT_INVALID", agent.hand_in("not a token").await);
    let forged = home.rival.sign_receipt(&executed).unwrap();
    met.expect("RECEIPT_INVALID", agent.hand_in(forged.as_str()).await);
    type Break = fn(&mut mandate::ReceiptClaims);
    let wrong: [(&str, Break); 6] = [
        ("intent", |receipt| receipt.intent = mandate::IntentHash::of(b"x")),
        ("cart", |receipt| receipt.cart = Some(mandate::CartHash::of(b"x"))),
        ("payment", |receipt| receipt.payment = Some(mandate::PaymentHash::of(b"x"))),
        ("aud", |receipt| receipt.aud = "somebody-else".parse().unwrap()),
        ("total", |receipt| receipt.total = Some("9.99 EUR".parse().unwrap())),
        ("peer_log", |receipt| receipt.peer_log.size += 1),
    ];
    for (field, change) in wrong {
        let mut claims = executed.clone();
        change(&mut claims);
        let receipt = home.lux.sign_receipt(&claims).unwrap();
        let denied = met.expect("RECEIPT_INVALID", agent.hand_in(receipt.as_str()).await);
        assert!(denied.message.contains(&format!("`{field}`")), "{denied:?}");
    }
    assert_eq!(agent.settle(&payment, Status::Void).await.unwrap(), "void");
    assert_eq!(agent.spent().await, [(0, 0)]);
    met.expect("RECEIPT_CONFLICT", agent.settle(&payment, Status::Executed).await);
    assert_eq!(agent.spent().await, [(1_000, 1)], "a contradiction counts again");
    let denied = met.expect("FROZEN", agent.intent(Agent::book_room()).await);
    assert!(denied.message.contains("merchant lux-hotels"), "{denied:?}");
    let flight = v1::MintIntentRequest {
        merchant_id: RIVAL.to_owned(),
        action_sku: "book_flight".to_owned(),
        ..v1::MintIntentRequest::default()
    };
    agent.intent(flight).await.unwrap();
    daemon.stop().await;
}

/// A merchant whose log contradicts itself is frozen, and the principal is told where the proof is.
async fn forks(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let fork = home.lux.fork();
    agent.book("10.00 EUR").await.unwrap();
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let (title, total) = ("a room".parse().unwrap(), "10.00 EUR".parse().unwrap());
    let claims = fork.cart(&intent, title, total, agent.now()).unwrap();
    let cart = fork.sign_cart(&claims).unwrap();
    let denied = met.expect("EQUIVOCATION", agent.pay(&cart).await);
    assert!(denied.message.contains("mandate thaw --merchant lux-hotels"), "{denied:?}");
    assert_eq!(denied.metadata["retryable"], "false");
    met.expect("FROZEN", agent.pay(&cart).await);
    assert_eq!(agent.spent().await, [(1_000, 1)]);
    let mut control = home.control().await;
    let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    let [found] = status.equivocations.try_into().unwrap();
    let v1::Equivocation { merchant_id, seq, earlier_seq, rule } = found;
    assert_eq!((merchant_id.as_str(), rule.as_str()), (LUX, "same_size"));
    assert_eq!((seq, earlier_seq), (5, 3), "after two intents and the payment of a cart");
    assert_eq!(status.frozen, ["merchant lux-hotels"]);
    daemon.stop().await;
}

async fn unsettled(met: &mut Met) {
    let home = home(&format!("[limits]\nunsettled = 2\n{CAPS}"));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let first = agent.book("1.00 EUR").await.unwrap();
    agent.book("1.00 EUR").await.unwrap();
    let denied = met.expect("TOO_MANY_UNSETTLED", agent.book("1.00 EUR").await);
    assert_eq!(denied.metadata["limit"], "2");
    agent.settle(&first, Status::Executed).await.unwrap();
    agent.book("1.00 EUR").await.unwrap();
    daemon.stop().await;
}

async fn frozen(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let mut control = home.control().await;
    let payment = agent.book("10.00 EUR").await.unwrap();
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    let frozen = control.freeze(v1::FreezeRequest::default()).await.unwrap().into_inner();
    assert!(frozen.durable);
    met.expect("FROZEN", agent.intent(Agent::book_room()).await);
    met.expect("FROZEN", agent.pay(&cart).await);
    // Settling and looking go on.
    assert_eq!(agent.settle(&payment, Status::Executed).await.unwrap(), "executed");
    assert_eq!(agent.spent().await, [(1_000, 1)]);
    daemon.stop().await;

    let daemon = home.start().await;
    let mut agent = home.agent().await;
    met.expect("FROZEN", agent.pay(&cart).await);
    home.control().await.thaw(v1::ThawRequest::default()).await.unwrap();
    agent.pay(&cart).await.unwrap();
    daemon.stop().await;
}

async fn strangers(met: &mut Met) {
    let home = home(CAPS);
    let listed = format!("uid = {}", home.uid());
    home.write(&home.toml(CAPS).replace(&listed, "uid = 4242"));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    met.expect("AGENT_UNKNOWN", agent.wallet.mint_intent(Agent::book_room()).await);
    let budget = home.agent().await.wallet.get_budget(v1::GetBudgetRequest::default()).await;
    met.expect("AGENT_UNKNOWN", budget);
    daemon.stop().await;

    // A listed agent whose consent ended.
    home.write(&home.toml(CAPS).replace(&listed, &format!("{listed}\nuntil = 2020-01-01")));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    met.expect("AGENT_UNKNOWN", agent.intent(Agent::book_room()).await);
    daemon.stop().await;
}

async fn without_a_key(met: &mut Met) {
    let home = home(CAPS);
    let text = home.toml(CAPS);
    let account = text.lines().find(|line| line.starts_with("account")).unwrap();
    home.write(&text.replace(account, "account = \"no-such-key\""));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let denied = met.expect("KEY_UNAVAILABLE", agent.intent(Agent::book_room()).await);
    assert!(denied.message.contains("no-such-key") && denied.retry.is_some(), "{denied:?}");
    let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    assert!(status.into_inner().key_problem.contains("no-such-key"));
    assert_eq!(agent.spent().await, [(0, 0)]);
    daemon.stop().await;
}

async fn full_disk(met: &mut Met) {
    let home = home(CAPS);
    let full = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&full);
    let hook: Hook = Arc::new(move || seen.load(Ordering::SeqCst).then_some(Fault::DiskFull));
    let daemon = home.start_with(|config| config.ledger.hooks.before_commit = Some(hook)).await;
    let daemon = daemon.expect("the daemon did not start");
    let mut agent = home.agent().await;
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    full.store(true, Ordering::SeqCst);
    met.expect("LEDGER_UNAVAILABLE", agent.pay(&cart).await);
    let mut control = home.control().await;
    let frozen = control.freeze(v1::FreezeRequest::default()).await.unwrap().into_inner();
    assert!(!frozen.durable, "a freeze holds, and says that it cannot be written");
    full.store(false, Ordering::SeqCst);
    met.expect("FROZEN", agent.pay(&cart).await);
    control.thaw(v1::ThawRequest::default()).await.unwrap();
    agent.pay(&cart).await.unwrap();
    assert_eq!(agent.spent().await, [(1_000, 1)]);
    daemon.stop().await;
}

async fn damaged_ledger(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    agent.book("10.00 EUR").await.unwrap();
    daemon.stop().await;
    // Behind the daemon's back: what was spent is set to nothing.
    let db = rusqlite::Connection::open(home.paths.ledger()).unwrap();
    assert_ne!(db.execute("UPDATE total SET amount = 0", ()).unwrap(), 0);
    drop(db);
    let daemon = home.start().await;
    let mut control = home.control().await;
    let verified = control.verify_log(v1::VerifyLogRequest {}).await.unwrap().into_inner();
    assert!(verified.fault.contains("table total"), "{verified:?}");
    // The check at the start runs beside the service; it is over soon.
    while control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner().frozen.is_empty()
    {
        tokio::task::yield_now().await;
    }
    let mut agent = home.agent().await;
    let denied = met.expect("LEDGER_UNSAFE", agent.intent(Agent::book_room()).await);
    assert!(denied.message.contains("`mandate status`"), "{denied:?}");
    daemon.stop().await;
    assert!(fs::exists(home.paths.ledger()).unwrap());
}

async fn rate(met: &mut Met) {
    let home = home(&format!("[limits]\nrequests_per_s = 1\nburst = 2\n{CAPS}"));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    agent.intent(Agent::book_room()).await.unwrap();
    agent.intent(Agent::book_room()).await.unwrap();
    let denied = met.expect("RATE_LIMITED", agent.intent(Agent::book_room()).await);
    assert!(denied.retry.is_some());
    daemon.stop().await;
}
