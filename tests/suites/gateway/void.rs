//! The void of a payment that was never presented: not too early, and for ever.

use mandate::CLOCK_SKEW_S;
use mandate_tests::gateway::{Reaction, SaleState};

use crate::{Street, booking, refused, room, street, told};

#[tokio::test]
async fn the_last_second_of_use_is_the_last_one_before_the_void() {
    let Street { shop, ada, home: _home } = street().await;
    let used = shop.pay(&ada, &room(), &booking()).await;
    let unused = shop.pay(&ada, &room(), &booking()).await;
    let last = used.claims().exp.plus(CLOCK_SKEW_S);
    shop.clock.pass(last.since(shop.clock.now()));
    assert_eq!(told(&shop.ask_void(&unused).await), refused(409, "not_expired"));
    assert_eq!(told(&shop.send_payment(&booking(), &used).await), (200, None));
    shop.clock.pass(1);
    assert_eq!(told(&shop.send_payment(&booking(), &unused).await), refused(401, "expired"));
    assert_eq!(told(&shop.ask_void(&unused).await), (200, None));
    shop.check().await;
}

#[tokio::test]
async fn a_barred_payment_is_never_executed() {
    let Street { home, shop, ada } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    let last = payment.claims().exp.plus(CLOCK_SKEW_S);
    shop.clock.pass(last.since(shop.clock.now()) + 1);
    let void = shop.ask_void(&payment).await.receipt(&shop.keys).unwrap();
    // The clock goes back by as little as is believed, into the time of use.
    shop.clock.set(last);
    for _ in 0..2 {
        let answered = shop.send_payment(&booking(), &payment).await;
        assert_eq!(told(&answered), (200, None));
        assert_eq!(answered.receipt(&shop.keys).unwrap().as_str(), void.as_str());
    }
    assert_eq!(shop.ask_void(&payment).await.receipt(&shop.keys).unwrap().as_str(), void.as_str());
    // Nor is its cart or its intent.
    let executed = mandate_gateway::book::Outcome::Executed { order: None };
    let resolved = shop.gateway.resolve(payment.hash().into(), executed).await.unwrap();
    assert_eq!(resolved.as_str(), void.as_str());
    shop.close().await.unwrap();
    let shop = home.open(home.settings([&ada])).await;
    assert_eq!(told(&shop.send_payment(&booking(), &payment).await), (200, None));
    assert_eq!(shop.api.heard().len(), 0);
    let sales = shop.check().await;
    assert_eq!(sales[&payment.hash().to_string()].state, SaleState::Void);
}

#[tokio::test]
async fn what_may_have_been_executed_is_not_voided() {
    let Street { shop, ada, home: _home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::refused(503)]);
    assert_eq!(
        told(&shop.send_payment(&booking(), &payment).await),
        refused(502, "upstream_failed")
    );
    shop.clock.pass(3_600);
    assert_eq!(told(&shop.ask_void(&payment).await), refused(409, "in_progress"));
    assert_eq!(told(&shop.send_payment(&booking(), &payment).await), (200, None));
    let receipt = shop.ask_void(&payment).await.receipt(&shop.keys).unwrap();
    assert_eq!(receipt.claims().status, mandate::Status::Executed);
    shop.check().await;
}

/// Both at once, one after the last second of use: the payment is late or barred, whoever comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_use_and_a_void_at_once_agree() {
    for late_s in [0, 1] {
        let Street { shop, ada, home: _home } = street().await;
        let payment = shop.pay(&ada, &room(), &booking()).await;
        let last = payment.claims().exp.plus(CLOCK_SKEW_S);
        shop.clock.pass(last.since(shop.clock.now()) + late_s);
        let uses: Vec<_> =
            (0..8).map(|_| tokio::spawn(shop.send_payment(&booking(), &payment))).collect();
        let voids: Vec<_> = (0..8).map(|_| tokio::spawn(shop.ask_void(&payment))).collect();
        for client in uses.into_iter().chain(voids) {
            client.await.unwrap();
        }
        let sales = shop.check().await;
        let expected = if late_s == 0 { SaleState::Executed } else { SaleState::Void };
        assert_eq!(sales[&payment.hash().to_string()].state, expected);
    }
}
