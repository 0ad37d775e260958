//! What a merchant says that is refused, and how much it may leave open.

use mandate::token::Status;
use mandate_proto::v1;
use mandate_tests::{Agent, LUX, RIVAL};

use super::{CAPS, Met, home};

pub(super) async fn receipts(met: &mut Met) {
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
pub(super) async fn forks(met: &mut Met) {
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

pub(super) async fn unsettled(met: &mut Met) {
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
