//! A mandate that was seen, stolen or kept, used again or elsewhere.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use mandate::discovery::RECEIPTS_PATH;
use mandate::{Intent, Payment};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_tests::RIVAL;
use mandate_tests::gateway::{Ask, Call, Line, Payer};
use tokio::task::JoinSet;

use crate::street::{Street, ask, booking, met, refused};

/// How many present one payment at once.
const THIEVES: usize = 16;

pub async fn payment(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let first = street.present(&call, &payment).await;
    let again = street.present(&call, &payment).await;
    assert_eq!(street.receipt(&first).as_str(), street.receipt(&again).as_str());
    assert_eq!(street.api.calls(), 1, "the second did not reach the API");
    format!("{} with the first receipt", met(&again))
}

pub async fn payment_at_once(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let mut thieves = JoinSet::new();
    for _ in 0..THIEVES {
        let request = call.with("mandate-payment", payment.as_str());
        let mut line = Line::to(street.line.address());
        thieves.spawn(async move { line.send(request).await.expect("an answer") });
    }
    let answers = thieves.join_all().await;
    let mut receipts: Vec<String> = answers
        .iter()
        .filter(|answered| answered.reason().as_deref() != Some("in_progress"))
        .map(|answered| street.receipt(answered).as_str().to_owned())
        .collect();
    receipts.dedup();
    assert_eq!((receipts.len(), street.api.calls()), (1, 1), "{answers:?}");
    "one call, one receipt".to_owned()
}

pub async fn payment_with_another_body(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let other = Call { body: Bytes::from_static(br#"{"nights":20}"#), ..call };
    met(&street.present(&other, &payment).await)
}

pub async fn payment_with_another_path(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let other = Call { target: "/bookings?nights=20".to_owned(), ..call };
    met(&street.present(&other, &payment).await)
}

pub async fn free_intent(street: &mut Street) -> String {
    let call = Call::bare("GET", "/rooms");
    let intent = street.intent(ask("search_rooms")).await.unwrap();
    let request = call.with("mandate-intent", intent.as_str());
    assert_eq!(street.send(request.clone()).await.status, 201);
    met(&street.send(request).await)
}

pub async fn expired_intent(street: &mut Street) -> String {
    // No test waits until a real one runs out, so the thief's is of a wallet of the test's.
    let bob = Payer::new([0x42; 32]);
    let then = wall_clock().minus(400);
    let old = bob.intent(&street.merchant.merchant(), &Ask::one("search_rooms"), then);
    met(&street.send(Call::bare("GET", "/rooms").with("mandate-intent", old.as_str())).await)
}

pub async fn expired_payment(street: &mut Street) -> String {
    let bob = Payer::new([0x42; 32]);
    let intent = bob.intent(&street.merchant.merchant(), &Ask::one("book_room"), wall_clock());
    let cart = street.quoted(&booking(), &intent).await;
    let mut claims = bob.payment_claims(&cart, wall_clock());
    (claims.iat, claims.exp) = (claims.iat.minus(100), claims.iat.minus(70));
    let old = bob.sign::<Payment>(&claims);
    met(&street.present(&booking(), &old).await)
}

pub async fn after_void(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    street.full.store(true, Ordering::Relaxed);
    let first = street.present(&call, &payment).await;
    let void = street.receipt(&first);
    assert_eq!(street.hand_in(void.as_str()).await.unwrap(), "void");
    street.full.store(false, Ordering::Relaxed);
    let again = street.present(&call, &payment).await;
    assert_eq!(street.receipt(&again).as_str(), void.as_str());
    assert_eq!(street.api.executions().len(), 0);
    format!("{} with the void", met(&again))
}

pub async fn void_of_a_payment_to_use(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let target = format!("{RECEIPTS_PATH}/{}", payment.hash());
    let asked = Call::bare("POST", &target).with("mandate-payment", payment.as_str());
    let answered = street.send(asked).await;
    assert_eq!(street.present(&call, &payment).await.status, 201);
    met(&answered)
}

pub async fn at_another_merchant(street: &mut Street) -> String {
    let ask = v1::MintIntentRequest { merchant_id: RIVAL.to_owned(), ..ask("book_flight") };
    let stolen = street.intent(ask).await.unwrap();
    met(&street.send(booking().with("mandate-intent", stolen.as_str())).await)
}

pub async fn payment_at_another_merchant(street: &mut Street) -> String {
    let intent = street.flight().await;
    let cart = street.rivals(&intent, "9.00 EUR", |_| ());
    let stolen = street.pay(cart.as_str()).await.unwrap();
    met(&street.present(&booking(), &stolen).await)
}

pub async fn second_payment_of_one_intent(street: &mut Street) -> String {
    let bob = Payer::new([0x42; 32]);
    let intent: mandate::Mandate<Intent> =
        bob.intent(&street.merchant.merchant(), &Ask::one("book_room"), wall_clock());
    let cart = street.quoted(&booking(), &intent).await;
    let first = bob.pay(&cart, wall_clock());
    assert_eq!(street.present(&booking(), &first).await.status, 201);
    let second = bob.pay(&cart, wall_clock());
    met(&street.present(&booking(), &second).await)
}

pub async fn idempotency_key_for_another_purchase(street: &mut Street) -> String {
    let keyed = |quantity| v1::MintIntentRequest {
        idempotency_key: "once".to_owned(),
        quantity,
        ..ask("book_room")
    };
    let first = street.intent(keyed(1)).await.unwrap();
    assert_eq!(street.intent(keyed(1)).await.unwrap().as_str(), first.as_str());
    refused(street.intent(keyed(2)).await)
}
