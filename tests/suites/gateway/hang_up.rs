//! A client that goes away at any moment leaves nothing half done.

use mandate_tests::gateway::Reaction;

use crate::{Street, booking, room, street};

#[tokio::test]
async fn a_client_that_hangs_up_during_the_call_has_its_payment_settled() {
    let Street { shop, ada, .. } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::executed("A-1")]);
    let held = shop.api.hold();
    let client = tokio::spawn(shop.send_payment(&booking(), &payment));
    shop.api.arrived(1).await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    drop(held);
    shop.gateway.drain().await;
    let sales = shop.check().await;
    assert_eq!(sales[&payment.hash().to_string()].order.as_deref(), Some("A-1"));
}
