//! One intent, one cart, one payment: one execution.

use std::sync::Arc;

use mandate_gateway::book::Outcome;
use mandate_tests::gateway::{Ask, Call, Reaction, SaleState, Wire};

use crate::{Street, booking, refused, room, street, told};

/// Presentations at once.
const CLIENTS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_payment_presented_by_many_at_once_is_executed_once() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::executed("A-1")]);
    let held = shop.api.hold();
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(shop.send_payment(&booking(), &payment))).collect();
    shop.api.arrived(1).await;
    drop(held);
    let (mut first, mut receipts) = (0, Vec::new());
    for client in clients {
        let answered = client.await.unwrap();
        match told(&answered) {
            (201, None) => first += 1,
            (200, None) => {}
            told => {
                assert_eq!(told, refused(409, "in_progress"));
                continue;
            }
        }
        receipts.push(answered.receipt(&shop.keys).unwrap().as_str().to_owned());
    }
    receipts.dedup();
    assert_eq!((first, receipts.len(), shop.api.heard().len()), (1, 1, 1));
    shop.check().await;
}

#[tokio::test]
async fn who_waits_too_long_for_another_call_is_told_that_it_is_under_way() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    let held = shop.api.hold();
    let first = tokio::spawn(shop.send_payment(&booking(), &payment));
    shop.api.arrived(1).await;
    tokio::time::pause();
    let second = shop.send_payment(&booking(), &payment).await;
    tokio::time::resume();
    assert_eq!(told(&second), refused(409, "in_progress"));
    assert_eq!(second.headers["retry-after"], "1");
    drop(held);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(shop.api.heard().len(), 1);
    shop.check().await;
}

fn never_done() -> Outcome {
    Outcome::Void { reason: "the operator says so".parse().unwrap() }
}

/// An API that cannot answer, and clients that never stop asking: nobody but the operator can end it.
#[tokio::test]
async fn the_operator_comes_in_turn_with_those_who_send_a_payment_again_and_again() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script(std::iter::repeat_n(Reaction::refused(500), 10_000));
    let held = shop.api.hold();
    let shop = Arc::new(shop);
    let clients = [(); 4].map(|()| {
        let (shop, payment) = (Arc::clone(&shop), payment.clone());
        tokio::spawn(
            async move { while shop.send_payment(&booking(), &payment).await.status != 200 {} },
        )
    });
    shop.api.arrived(1).await;
    let (gateway, key) = (shop.gateway.clone(), payment.hash().into());
    let resolving = tokio::spawn(async move { gateway.resolve(key, never_done()).await });
    tokio::task::yield_now().await;
    drop(held);
    let receipt = resolving.await.unwrap().unwrap();
    assert_eq!(receipt.claims().status, mandate::Status::Void);
    // Each of them is told so at last.
    for client in clients {
        client.await.unwrap();
    }
    shop.check().await;
}

#[tokio::test]
async fn the_operator_comes_after_a_call_that_the_api_never_answers() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::nothing_but(Wire::Silent)]);
    let client = tokio::spawn(shop.send_payment(&booking(), &payment));
    shop.api.arrived(1).await;
    tokio::time::pause();
    let receipt = shop.gateway.resolve(payment.hash().into(), never_done()).await.unwrap();
    tokio::time::resume();
    assert_eq!(receipt.claims().status, mandate::Status::Void);
    assert_eq!(told(&client.await.unwrap()), refused(502, "upstream_failed"));
    shop.check().await;
}

#[tokio::test]
async fn a_retry_after_a_time_out_completes_once() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    for wire in [Wire::Silent, Wire::Lost] {
        shop.api.script([Reaction::executed_but(wire)]);
        tokio::time::pause();
        let answered = shop.send_payment(&booking(), &payment).await;
        tokio::time::resume();
        assert_eq!(told(&answered), refused(502, "upstream_failed"), "{wire:?}");
        shop.check().await;
    }
    // The wallet's key, the call and the time are those of before: nothing is judged again but the call.
    shop.clock.pass(3_600);
    let other = Call::json("POST", "/bookings", r#"{"nights":3}"#);
    let answered = shop.send_payment(&other, &payment).await;
    assert_eq!(told(&answered), refused(403, "request_mismatch"));
    let answered = shop.send_payment(&booking(), &payment).await;
    assert_eq!(told(&answered), (200, None));
    let keys: Vec<_> = shop
        .api
        .heard()
        .iter()
        .map(|heard| heard.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert_eq!(keys, vec![payment.hash().to_string(); 3]);
    assert_eq!(shop.api.executions().len(), 1);
    shop.check().await;
}

/// After a first attempt of which nobody knows, no refusal makes a void: the first may have been executed.
#[tokio::test]
async fn only_a_refusal_of_the_first_attempt_makes_a_void() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    let lost = Reaction::executed_but(Wire::Lost);
    shop.api.script([lost, Reaction::refused(404), Reaction::refused(410)]);
    for _ in 0..3 {
        let answered = shop.send_payment(&booking(), &payment).await;
        assert_eq!(told(&answered), refused(502, "upstream_failed"));
    }
    assert_eq!(shop.reserved().len(), 1);
    shop.check().await;
    // Of a call that never was executed, the first refusal is the last word, and comes as the API gave it.
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::refused(404)]);
    let answered = shop.send_payment(&booking(), &payment).await;
    assert_eq!((answered.status, answered.headers["x-api"].as_bytes()), (404, &b"1"[..]));
    assert!(answered.receipt(&shop.keys).is_some());
    assert_eq!(told(&shop.send_payment(&booking(), &payment).await), (200, None));
    let sales = shop.check().await;
    assert_eq!(sales[&payment.hash().to_string()].state, SaleState::Void);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_payments_for_one_cart_exactly_one_is_used() {
    let Street { shop, ada, home: _home } = street().await;
    let cart = shop.quote(&ada, &room(), &booking()).await;
    let payments: Vec<_> = (0..CLIENTS).map(|_| ada.pay(&cart, shop.clock.now())).collect();
    let clients: Vec<_> = payments
        .iter()
        .map(|payment| tokio::spawn(shop.send_payment(&booking(), payment)))
        .collect();
    let mut used = Vec::new();
    for client in clients {
        let answered = client.await.unwrap();
        match told(&answered) {
            (200, None) => used.push(answered.receipt(&shop.keys).unwrap()),
            told if told == refused(409, "in_progress") => {}
            told => assert_eq!(told, refused(409, "already_used")),
        }
    }
    assert_eq!((used.len(), shop.api.heard().len(), shop.api.executions().len()), (1, 1, 1));
    // From now on all of the others learn which one it was.
    let receipt = used[0].as_str();
    for payment in &payments {
        let answered = shop.send_payment(&booking(), payment).await;
        assert_eq!(answered.receipt(&shop.keys).unwrap().as_str(), receipt);
    }
    assert_eq!(shop.check().await.len(), 1);
}

#[tokio::test]
async fn a_free_intent_is_used_once() {
    let Street { shop, ada, home: _home } = street().await;
    let rooms = Call::bare("GET", "/rooms?city=lux");
    let intent = ada.intent(shop.merchant(), &Ask::one("search_rooms"), shop.clock.now());
    let answered = shop.send_intent(&rooms, &intent).await;
    assert_eq!(
        (answered.status, answered.body.as_ref()),
        (200, br#"{"from":"the API"}"#.as_slice())
    );
    let receipt = answered.receipt(&shop.keys).unwrap();
    assert_eq!((receipt.claims().total, receipt.claims().payment), (None, None));
    // It says so whatever the time and the call.
    shop.clock.pass(86_400);
    for call in [&rooms, &Call::bare("GET", "/rooms?city=ber")] {
        let answered = shop.send_intent(call, &intent).await;
        assert_eq!(told(&answered), refused(409, "already_used"));
        assert_eq!(answered.receipt(&shop.keys).unwrap().as_str(), receipt.as_str());
    }
    assert_eq!(shop.api.heard().len(), 1);
    shop.check().await;
}

/// The head of an answer decides; its body is the client's affair.
#[tokio::test]
async fn an_answer_that_breaks_off_is_executed() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::executed_but(Wire::Cut)]);
    let answered = shop.send_payment(&booking(), &payment).await;
    assert!(answered.status == 200 && !answered.whole);
    let receipt = answered.receipt(&shop.keys).unwrap();
    let again = shop.send_payment(&booking(), &payment).await;
    assert_eq!(again.receipt(&shop.keys).unwrap().as_str(), receipt.as_str());
    assert_eq!(shop.api.heard().len(), 1);
    shop.check().await;
}
