//! A principal's places are for calls that may come to something: who holds an old token of it, or one for somebody else,
//! keeps it out of none.

use http::Request;
use mandate::{Intent, Mandate};
use mandate_gateway::Limits;
use mandate_tests::gateway::{Answered, Ask, Call, GatewayHome, Payer, Shop};

use crate::late::{Late, Sender, begin, half};
use crate::{Street, booking, refused, room, told};

/// Calls that are replayed, more than a principal may make at once.
const REPLAYED: usize = 8;

/// A shop where each principal has one place, and one call a second.
async fn narrow() -> Street {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let mut settings = home.settings([&ada]);
    settings.limits = Limits { in_flight: 1, ..settings.limits };
    let shop = home.open(settings).await;
    Street { home, shop, ada }
}

fn search() -> Ask {
    Ask::one("search_rooms")
}

/// Has each principal make one call a second from now on.
async fn slow_down(shop: &Shop) {
    let mut settings = (*shop.gateway.settings()).clone();
    settings.limits = Limits { requests_per_s: 1, burst: 1, ..settings.limits };
    shop.reload(settings).await.unwrap();
}

async fn searches(shop: &Shop, ada: &Payer) -> Answered {
    let intent = ada.intent(shop.merchant(), &search(), shop.clock.now());
    shop.send_intent(&Call::bare("GET", "/rooms"), &intent).await
}

/// Whether the one place of its principal is free, once a call has begun whose body never comes; gives its answer, if
/// that does not wait for the body.
async fn beside(
    shop: &Shop,
    ada: &Payer,
    (request, sender): (Request<Late>, Sender),
) -> (u16, Option<Answered>) {
    let mut begun = begin(shop, request);
    let Sender { asked, bytes } = sender;
    let answered = tokio::select! {
        answered = &mut begun => Some(answered.unwrap()),
        Ok(()) = asked => None,
    };
    let honest = searches(shop, ada).await.status;
    drop(bytes);
    if answered.is_none() {
        begun.await.unwrap();
    }
    (honest, answered)
}

/// One intent of yesterday, and one that another merchant was handed.
fn dead(shop: &Shop, ada: &Payer) -> [(Mandate<Intent>, &'static str); 2] {
    let now = shop.clock.now();
    [
        (ada.intent(shop.merchant(), &room(), now.minus(86_400)), "expired"),
        (ada.intent(&"rival-air".parse().unwrap(), &room(), now), "audience_mismatch"),
    ]
}

#[tokio::test]
async fn half_a_call_with_a_dead_token_takes_no_place() {
    let Street { shop, ada, home: _home } = narrow().await;
    for (intent, reason) in dead(&shop, &ada) {
        let half = half(&booking(), "mandate-intent", intent.as_str());
        let (honest, answered) = beside(&shop, &ada, half).await;
        assert_eq!(honest, 200, "{reason}");
        assert_eq!(told(&answered.unwrap()), refused(401, reason));
    }
    // The control: one that lives does, until its body is given up.
    let intent = ada.intent(shop.merchant(), &room(), shop.clock.now());
    let half = half(&booking(), "mandate-intent", intent.as_str());
    assert_eq!(beside(&shop, &ada, half).await.0, 429);
    assert_eq!(searches(&shop, &ada).await.status, 200);
    shop.check().await;
}

#[tokio::test]
async fn half_a_call_with_a_token_that_was_used_takes_no_place_either() {
    let Street { shop, ada, home: _home } = narrow().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    let first = shop.send_payment(&booking(), &payment).await.receipt(&shop.keys).unwrap();
    let rooms = Call::bare("GET", "/rooms");
    let intent = ada.intent(shop.merchant(), &search(), shop.clock.now());
    assert_eq!(shop.send_intent(&rooms, &intent).await.status, 200);
    shop.clock.pass(86_400);

    let used = half(&rooms, "mandate-intent", intent.as_str());
    let (honest, answered) = beside(&shop, &ada, used).await;
    assert_eq!((honest, told(&answered.unwrap())), (200, refused(409, "already_used")));
    let paid = half(&booking(), "mandate-payment", payment.as_str());
    assert_eq!(beside(&shop, &ada, paid).await.0, 200);
    // Who sends it whole gets the receipt, once it is all there: some clients do not listen before.
    let (request, Sender { asked, bytes }) = half(&booking(), "mandate-payment", payment.as_str());
    let begun = begin(&shop, request);
    asked.await.unwrap();
    bytes.send("as before, or not".into()).unwrap();
    let receipt = begun.await.unwrap().receipt(&shop.keys).unwrap();
    assert_eq!(receipt.as_str(), first.as_str());
    shop.check().await;
}

#[tokio::test]
async fn a_dead_token_that_is_replayed_uses_up_no_rate() {
    let Street { shop, ada, home: _home } = narrow().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    assert_eq!(shop.send_payment(&booking(), &payment).await.status, 200);
    let cart = shop.quote(&ada, &room(), &booking()).await;
    let mut claims = ada.payment_claims(&cart, shop.clock.now());
    claims.aud = "rival-air".parse().unwrap();
    let rivals = ada.sign::<mandate::Payment>(&claims);
    slow_down(&shop).await;
    for _ in 0..REPLAYED {
        for (intent, reason) in dead(&shop, &ada) {
            assert_eq!(told(&shop.send_intent(&booking(), &intent).await), refused(401, reason));
        }
        // A void is asked for with what has run out, so those count alone that it could be written for.
        let foreign = refused(401, "audience_mismatch");
        assert_eq!(told(&shop.ask_void(&rivals).await), foreign);
        assert_eq!(told(&shop.send_payment(&booking(), &rivals).await), foreign);
        assert_eq!(told(&shop.ask_void(&payment).await), (200, None));
    }
    assert_eq!(searches(&shop, &ada).await.status, 200);
    assert_eq!(told(&searches(&shop, &ada).await), refused(429, "rate_limited"), "the control");
    shop.check().await;
}
