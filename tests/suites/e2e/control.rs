//! What the principal sees and steers.

use mandate::token::Status;
use mandate_proto::v1;
use mandate_tests::{Agent, Home, LUX, RIVAL, TestClock, denied};

const CAPS: &str = r#"
[[cap]]
per = "day"
spend = "500.00 EUR"
count = 3

[[cap]]
per = "24h"
spend = "300.00 EUR"
merchant = "lux-hotels"
action = "book_room"
"#;

#[tokio::test]
async fn the_status_says_what_the_wallet_is() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    home.agent().await.book("180.00 EUR").await.unwrap();
    let mut control = home.control().await;
    let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.principal_id, home.principal().to_string());
    assert_eq!(status.principal_name, "Ada");
    assert_eq!(status.key_id, home.key.id().to_string());
    assert_eq!(status.key_store, "kernel keyring (keyutils)");
    assert_eq!(status.holds, 1);
    assert_eq!(status.log_size, 4, "the first entry, the rules, an intent and a payment");
    let problems = [&status.key_problem, &status.policy_problem, &status.clock_problem];
    assert!(problems.iter().all(|problem| problem.is_empty()) && status.frozen.is_empty());
    daemon.stop().await;
}

#[tokio::test]
async fn a_dry_run_says_what_a_request_would_meet() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut control = home.control().await;
    let mut explain = async |merchant: &str, action: &str, minor_units| {
        let amount = Some(v1::Money { currency: "EUR".to_owned(), minor_units });
        let ask = v1::ExplainRequest {
            agent: String::new(),
            merchant_id: merchant.to_owned(),
            action_sku: action.to_owned(),
            amount,
        };
        let answer = control.explain(ask).await.unwrap().into_inner();
        let reasons: Vec<_> = answer.violations.iter().map(|v| v.reason.clone()).collect();
        (answer.allowed, reasons.join(" "))
    };
    assert_eq!(explain(LUX, "book_room", 18_000).await, (true, String::new()));
    assert_eq!(explain(LUX, "book_room", 30_001).await, (false, "CAP_EXCEEDED".to_owned()));
    let both = "CAP_EXCEEDED CAP_EXCEEDED".to_owned();
    assert_eq!(explain(LUX, "book_room", 50_001).await, (false, both));
    assert_eq!(explain(RIVAL, "book_room", 1).await, (false, "ACTION_NOT_ALLOWED".to_owned()));
    assert_eq!(explain(LUX, "search_rooms", 1).await, (false, "ACTION_IS_FREE".to_owned()));
    let size = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner().log_size;
    assert_eq!(size, 2, "a dry run writes nothing");
    daemon.stop().await;
}

#[tokio::test]
async fn one_agent_or_one_merchant_can_be_frozen() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let mut control = home.control().await;
    let scope = |scope| Some(v1::Scope { scope: Some(scope) });
    let hotel = scope(v1::scope::Scope::MerchantId(LUX.to_owned()));
    let freeze = v1::FreezeRequest { scope: hotel.clone(), reason: "odd prices".to_owned() };
    control.freeze(freeze).await.unwrap();
    assert_eq!(denied(agent.intent(Agent::book_room()).await).reason, "FROZEN");
    let flight = || v1::MintIntentRequest {
        merchant_id: RIVAL.to_owned(),
        action_sku: "book_flight".to_owned(),
        ..v1::MintIntentRequest::default()
    };
    agent.intent(flight()).await.unwrap();
    // Ending another freeze than the one there is ends nothing.
    control.thaw(v1::ThawRequest::default()).await.unwrap();
    assert_eq!(denied(agent.intent(Agent::book_room()).await).reason, "FROZEN");
    control.thaw(v1::ThawRequest { scope: hotel, clock: false }).await.unwrap();
    agent.intent(Agent::book_room()).await.unwrap();
    let travel = scope(v1::scope::Scope::Agent("travel".to_owned()));
    control.freeze(v1::FreezeRequest { scope: travel, reason: String::new() }).await.unwrap();
    assert_eq!(denied(agent.intent(flight()).await).reason, "FROZEN");
    daemon.stop().await;
}

#[tokio::test]
async fn holds_are_listed_until_they_are_answered() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let first = agent.book("100.00 EUR").await.unwrap();
    let second = agent.book("50.00 EUR").await.unwrap();
    let mut control = home.control().await;
    let mut holds = async || {
        let ask = v1::ListHoldsRequest { after_seq: 0 };
        let answer = control.list_holds(ask).await.unwrap().into_inner();
        answer.holds.into_iter().map(|hold| hold.payment_hash).collect::<Vec<_>>()
    };
    assert_eq!(holds().await, [first.hash().to_string(), second.hash().to_string()]);
    agent.settle(&first, Status::Executed).await.unwrap();
    assert_eq!(holds().await, [second.hash().to_string()]);
    agent.settle(&second, Status::Void).await.unwrap();
    assert!(holds().await.is_empty());
    daemon.stop().await;
}

#[tokio::test]
async fn the_log_is_read_as_it_is_stored_and_verified() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    agent.book("100.00 EUR").await.unwrap();
    assert_eq!(denied(agent.book("250.00 EUR").await).reason, "CAP_EXCEEDED");
    let mut control = home.control().await;
    let mut pages = control.read_log(v1::ReadLogRequest::default()).await.unwrap().into_inner();
    let mut entries = Vec::new();
    while let Some(page) = pages.message().await.unwrap() {
        entries.extend(page.entries);
    }
    let head = mandate_journal::verify_entries(&entries).unwrap();
    let verified = control.verify_log(v1::VerifyLogRequest {}).await.unwrap().into_inner();
    assert_eq!(verified.fault, "");
    assert_eq!((verified.size, verified.root), (head.size, head.root.to_string()));
    let kinds =
        entries.iter().map(|entry| mandate_journal::Entry::parse(entry).unwrap().kind.to_owned());
    let kinds: Vec<_> = kinds.collect();
    assert_eq!(kinds, ["init", "policy", "intent", "payment", "intent", "denial"]);
    daemon.stop().await;
}

#[tokio::test]
async fn confirming_the_clock_frees_nothing() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let clock = TestClock::at(1_795_514_400);
    let daemon = home.start_at(&clock).await;
    let mut agent = home.agent().await.on(&clock);
    for _ in 0..2 {
        agent.book("100.00 EUR").await.unwrap();
    }
    // A month back: the principal says that it is right.
    clock.set(clock.now().minus(30 * 86_400));
    assert_eq!(denied(agent.intent(Agent::book_room()).await).reason, "CLOCK_UNTRUSTED");
    let mut control = home.control().await;
    control.thaw(v1::ThawRequest { scope: None, clock: true }).await.unwrap();
    let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.clock_problem, "");
    assert_eq!(denied(agent.book("100.01 EUR").await).reason, "CAP_EXCEEDED");
    agent.book("100.00 EUR").await.unwrap();
    assert_eq!(agent.spent().await, [(30_000, 3), (30_000, 3)]);
    daemon.stop().await;
}
