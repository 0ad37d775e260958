//! Asks that are refused for what they say, and for what `wallet.toml` does not allow.

use mandate_proto::v1;
use mandate_tests::Agent;

use super::{CAPS, Met, ask, home};

pub(super) async fn requests(met: &mut Met) {
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

pub(super) async fn rules(met: &mut Met) {
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
    assert_eq!(denied.metadata["retryable"], "true");
    // The intent is refused early where its own ceiling does not fit.
    let fifty_one = Some(v1::Money { currency: "EUR".to_owned(), minor_units: 5_001 });
    met.expect("CAP_EXCEEDED", agent.intent(ask(|m| m.price_max = fifty_one)).await);

    let cancel = ask(|m| m.action_sku = "cancel_room".to_owned());
    let intent = agent.intent(cancel).await.unwrap();
    met.expect("CAP_EXCEEDED", agent.pay(&agent.cart(&intent, "151.00 EUR", |_| ())).await);
    agent.book("1.00 EUR").await.unwrap();
    let denied = met.expect("COUNT_EXCEEDED", agent.intent(Agent::book_room()).await);
    assert_eq!((denied.metadata["limit"].as_str(), denied.metadata["spent"].as_str()), ("3", "3"));
    // Its window moves on, and has no end that could be told.
    assert_eq!((denied.metadata["retryable"].as_str(), denied.retry), ("true", None));
    assert_eq!(agent.spent().await, [(0, 0), (45_100, 3), (0, 3)]);
    daemon.stop().await;

    home.write(&home.toml(&format!("{CAPS}\n[[approval]]\nabove = \"40.00 EUR\"\n")));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let dear = agent.cart(&intent, "40.01 EUR", |_| ());
    met.expect("APPROVAL_REQUIRED", agent.pay(&dear).await);
    let mut control = home.control().await;
    let asked = control.list_approvals(v1::ListApprovalsRequest::default()).await.unwrap();
    let [asked] = asked.into_inner().approvals.try_into().unwrap();
    let no = v1::DecideApprovalRequest { seq: asked.seq, approve: false };
    control.decide_approval(no).await.unwrap();
    met.expect("APPROVAL_DENIED", agent.pay(&dear).await);
    // More than the whole cap never fits, whatever is left of it.
    let above = Some(v1::Money { currency: "EUR".to_owned(), minor_units: 50_001 });
    let intent = agent.intent(ask(|m| m.price_max = above.clone())).await;
    let payment = agent.book("500.01 EUR").await;
    for denied in [met.expect("CAP_EXCEEDED", intent), met.expect("CAP_EXCEEDED", payment)] {
        assert!(denied.metadata.contains_key("resets_at"), "{denied:?}");
        assert_eq!((denied.metadata["retryable"].as_str(), denied.retry), ("false", None));
        assert!(!denied.message.contains(" until "), "{denied:?}");
    }
    agent.book("40.00 EUR").await.unwrap();
    assert_eq!(agent.spent().await, [(45_100 + 4_000, 3 + 1)]);
    daemon.stop().await;
}
