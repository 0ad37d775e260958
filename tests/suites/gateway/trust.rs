//! What a gateway no longer does: with a journal or a clock that it does not believe, for an action that changed its price,
//! and for an intent that ran out.

use mandate::Status;
use mandate::token::CLOCK_SKEW_S;
use mandate_gateway::Price;
use mandate_tests::gateway::{Ask, Call};

use crate::{Street, booking, street};

/// From the minting of a payment to the first second in which it can be voided.
const VOID_AFTER_S: u64 = 61;

#[tokio::test]
async fn a_journal_that_is_not_believed_signs_nothing() {
    let Street { shop, ada, home: _home } = street().await;
    let (ask, call) = (Ask::one("book_room"), booking());
    let payment = shop.pay(&ada, &ask, &call).await;
    assert_eq!(shop.send_payment(&call, &payment).await.status, 200);
    let intent = ada.intent(shop.merchant(), &ask, shop.clock.now());
    assert_eq!(shop.send_intent(&call, &intent).await.status, 402);

    shop.gateway.book().distrust("entry 7 does not fit".to_owned());
    let key = payment.hash().to_string();
    for answered in [
        shop.ask_receipt(&key).await,
        shop.send_intent(&call, &intent).await,
        shop.send_payment(&call, &payment).await,
        shop.ask_void(&payment).await,
    ] {
        assert_eq!((answered.status, answered.reason().as_deref()), (503, Some("unavailable")));
        assert!(answered.receipt(&shop.keys).is_none() && answered.cart(&shop.keys).is_none());
        let body = String::from_utf8(answered.body.to_vec()).unwrap();
        assert!(!body.contains("entry 7"), "what is wrong is the operator's affair: {body}");
    }
}

#[tokio::test]
async fn a_clock_that_is_not_believed_accuses_nobody() {
    let Street { shop, ada, home: _home } = street().await;
    let (ask, call, rooms) = (Ask::one("book_room"), booking(), Call::bare("GET", "/rooms"));
    let payment = shop.pay(&ada, &ask, &call).await;
    let (right, questions, entries) =
        (shop.clock.now(), shop.api.quoted().len(), shop.entries().len());
    for wrong in [right.plus(600), right.minus(600)] {
        shop.clock.set(wrong);
        let asked = ada.intent(shop.merchant(), &ask, right);
        let free = ada.intent(shop.merchant(), &Ask::one("search_rooms"), right);
        for answered in [
            shop.send_payment(&call, &payment).await,
            shop.send_intent(&call, &asked).await,
            shop.send_intent(&rooms, &free).await,
            shop.ask_void(&payment).await,
        ] {
            assert_eq!((answered.status, answered.reason().as_deref()), (503, Some("unavailable")));
        }
        // Also by who goes by the wrong time himself.
        let asked = ada.intent(shop.merchant(), &ask, wrong);
        assert_eq!(shop.send_intent(&call, &asked).await.status, 503);
    }
    assert_eq!(
        shop.api.quoted().len(),
        questions,
        "no price is asked for that could not be promised"
    );
    assert_eq!(shop.entries().len(), entries, "nothing is written down against anybody");
    shop.clock.set(right);
    assert_eq!(shop.send_payment(&call, &payment).await.status, 200);
    shop.check().await;
}

#[tokio::test]
async fn an_intent_with_a_price_is_not_used_for_free() {
    let Street { shop, ada, home: _home } = street().await;
    let (ask, call) = (Ask::one("book_room"), booking());
    let intent = ada.intent(shop.merchant(), &ask, shop.clock.now());
    let quoted = shop.send_intent(&call, &intent).await;
    let payment = ada.pay(&quoted.cart(&shop.keys).unwrap(), shop.clock.now());

    let mut settings = (*shop.gateway.settings()).clone();
    let room = settings.actions.iter_mut().find(|action| action.sku.as_str() == "book_room");
    room.unwrap().price = Price::Free;
    shop.reload(settings).await.unwrap();
    let free = shop.send_intent(&call, &intent).await;
    assert_eq!((free.status, free.reason().as_deref()), (403, Some("price_mismatch")));

    // The payment that is out comes back.
    shop.clock.pass(VOID_AFTER_S);
    let void = shop.ask_void(&payment).await.receipt(&shop.keys).unwrap();
    assert_eq!(void.claims().status, Status::Void);
    shop.check().await;
}

/// Its wallet would pay no cart for it.
#[tokio::test]
async fn an_intent_that_ran_out_while_the_api_thought_gets_no_price() {
    let Street { shop, ada, home: _home } = street().await;
    let call = booking();
    let intent = ada.intent(shop.merchant(), &Ask::one("book_room"), shop.clock.now());
    let held = shop.api.hold();
    let asking = tokio::spawn(shop.send_intent(&call, &intent));
    shop.api.asked(1).await;
    let left_s = intent.claims().exp.since(shop.clock.now());
    shop.clock.pass(left_s + CLOCK_SKEW_S + 1);
    drop(held);
    let answered = asking.await.unwrap();
    assert_eq!((answered.status, answered.reason().as_deref()), (401, Some("expired")));
    assert!(answered.cart(&shop.keys).is_none());
    shop.check().await;
}
