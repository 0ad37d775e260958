//! Settings decide from their entry on: what no entry names uses no mandate, and what one names holds for calls that were
//! let in before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mandate::PolicyDigest;
use mandate_gateway::book::Book;
use mandate_gateway::book::event::{Event, Policy};
use mandate_gateway::{Gated, Gateway, GatewayLayer, Price, Settings};
use mandate_journal::Entry;
use mandate_tests::gateway::{Answered, Api, Ask, Call, GatewayHome, Payer, Shop};
use tower::{Layer as _, ServiceExt as _};

use crate::breaks::full_while;
use crate::late::{Sender, begin, half};
use crate::{Street, booking, refused, room, street, told};

/// Whose the next gateway.toml is.
const OWNER: u32 = 7;

/// A gateway with a key, whose disk is full as long as the switch says so.
fn started(home: &GatewayHome, settings: Settings) -> (Gateway, Arc<AtomicBool>) {
    let full = Arc::new(AtomicBool::new(true));
    let (book, _died) = Book::open(home.folder(), full_while(&full)).unwrap();
    let gateway = Gateway::new(book, settings, Arc::new(home.clock.clone()));
    gateway.supply(home.key().clone()).unwrap();
    (gateway, full)
}

/// A free call under a new intent.
async fn search(home: &GatewayHome, gated: &Gated<Api>, ada: &Payer) -> Answered {
    let intent = ada.intent(&home.merchant(), &Ask::one("search_rooms"), home.clock.now());
    send(gated, Call::bare("GET", "/rooms").with("mandate-intent", intent.as_str())).await
}

async fn send(gated: &Gated<Api>, request: Request<Full<Bytes>>) -> Answered {
    let Ok(answer) = gated.clone().oneshot(request).await;
    Answered::read(answer).await
}

/// What the journal says of settings and uses, in order.
fn written(gateway: &Gateway) -> Vec<Option<PolicyDigest>> {
    let entries = gateway.book().entries(0, 256).unwrap();
    let said = entries.iter().filter_map(|bytes| {
        match Event::parse(&Entry::parse(bytes).unwrap()).unwrap() {
            Event::Policy(Policy { digest }) => Some(Some(digest)),
            Event::Use(_) => Some(None),
            _ => None,
        }
    });
    said.collect()
}

#[tokio::test]
async fn settings_that_could_not_be_written_at_the_start_decide_nothing_until_they_are() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let settings = home.settings([&ada]);
    let digest = settings.digest;
    let (gateway, full) = started(&home, settings);
    let gated = GatewayLayer::new(gateway.clone()).layer(home.api.clone());
    gateway.write_settings().await.unwrap_err();
    full.store(false, Ordering::SeqCst);
    // There is room again, and still no entry.
    assert_eq!(told(&search(&home, &gated, &ada).await), refused(503, "unavailable"));
    let intent = ada.intent(&home.merchant(), &room(), home.clock.now());
    let asked = send(&gated, booking().with("mandate-intent", intent.as_str())).await;
    assert_eq!(told(&asked), refused(503, "unavailable"));
    assert!(home.api.quoted().is_empty(), "no price is asked for that could not be promised");
    assert!(home.api.heard().is_empty() && written(&gateway).is_empty());
    gateway.write_settings().await.unwrap();
    assert_eq!(told(&search(&home, &gated, &ada).await), (200, None));
    gateway.write_settings().await.unwrap();
    assert_eq!(written(&gateway), [Some(digest), None]);
}

#[tokio::test]
async fn a_reload_writes_down_first_what_the_start_could_not() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let settings = home.settings([&ada]);
    let (first, second) = (settings.digest, PolicyDigest::of(b"the next gateway.toml"));
    let next = Settings { digest: second, ..settings.clone() };
    let (gateway, full) = started(&home, settings);
    gateway.write_settings().await.unwrap_err();
    gateway.reload(next.clone(), OWNER).await.unwrap_err();
    full.store(false, Ordering::SeqCst);
    gateway.reload(next, OWNER).await.unwrap();
    assert_eq!(gateway.in_force().standing().owner, OWNER);
    // A call that was under way since before is judged by the first ones.
    assert_eq!(written(&gateway), [Some(first), Some(second)]);
    let gated = GatewayLayer::new(gateway.clone()).layer(home.api.clone());
    assert_eq!(told(&search(&home, &gated, &ada).await), (200, None));
}

/// Sends the head of a call, has other settings put in force, and then sends the rest.
async fn across_a_reload(
    shop: &Shop,
    (call, header, token): (&Call, &'static str, &str),
    change: impl FnOnce(&mut Settings),
) -> Answered {
    let (request, Sender { asked, bytes }) = half(call, header, token);
    let begun = begin(shop, request);
    asked.await.unwrap();
    let mut settings = (*shop.gateway.settings()).clone();
    change(&mut settings);
    shop.reload(settings).await.unwrap();
    bytes.send(call.body.clone()).unwrap();
    begun.await.unwrap()
}

#[tokio::test]
async fn who_is_struck_off_while_a_call_is_read_is_not_served() {
    let Street { home, shop, ada } = street().await;
    let good = home.settings([&ada]);
    let payment = shop.pay(&ada, &room(), &booking()).await;
    let asked = ada.intent(shop.merchant(), &room(), shop.clock.now());
    let free = ada.intent(shop.merchant(), &Ask::one("search_rooms"), shop.clock.now());
    let rooms = Call::bare("GET", "/rooms");
    let other = Payer::named(ada.id().as_str(), [9; 32]);
    for (call, header, token) in [
        (&booking(), "mandate-payment", payment.as_str()),
        (&booking(), "mandate-intent", asked.as_str()),
        (&rooms, "mandate-intent", free.as_str()),
    ] {
        let nobody = |settings: &mut Settings| settings.enrolment.principals.clear();
        let answered = across_a_reload(&shop, (call, header, token), nobody).await;
        assert_eq!(told(&answered), refused(401, "issuer_unknown"), "{header}");
        shop.reload(good.clone()).await.unwrap();

        let another_key =
            |settings: &mut Settings| settings.enrolment.principals = [other.listed()].into();
        let answered = across_a_reload(&shop, (call, header, token), another_key).await;
        assert_eq!(told(&answered), refused(401, "signature_invalid"), "{header}");
        shop.reload(good.clone()).await.unwrap();

        let nothing = |settings: &mut Settings| settings.actions.clear();
        let answered = across_a_reload(&shop, (call, header, token), nothing).await;
        assert_eq!(told(&answered), refused(404, "route_unknown"), "{header}");
        shop.reload(good.clone()).await.unwrap();
    }
    assert!(shop.api.heard().is_empty() && shop.reserved().is_empty());
    // What changes nothing about it stops nothing.
    let limits = |settings: &mut Settings| settings.limits.in_flight += 1;
    let presented = (&booking(), "mandate-payment", payment.as_str());
    assert_eq!(told(&across_a_reload(&shop, presented, limits).await), (200, None));

    shop.check().await;
}

#[tokio::test]
async fn a_price_that_changes_while_a_call_is_read_is_promised_as_it_is_then() {
    let Street { shop, ada, home: _home } = street().await;
    let late = Call::json("POST", "/late", r#"{"hours":1}"#);
    let intent = ada.intent(shop.merchant(), &Ask::one("late_checkout"), shop.clock.now());
    let priced = |price: &'static str| {
        move |settings: &mut Settings| {
            let late = settings.actions.iter_mut().find(|one| one.sku.as_str() == "late_checkout");
            late.unwrap().price = Price::Fixed(price.parse().unwrap());
        }
    };
    let asked = (&late, "mandate-intent", intent.as_str());
    let answered = across_a_reload(&shop, asked, priced("20.00 EUR")).await;
    assert_eq!(told(&answered), refused(503, "unavailable"));
    let cart = shop.send_intent(&late, &intent).await.cart(&shop.keys).unwrap();
    assert_eq!(cart.claims().total.to_string(), "20.00 EUR");
    // What was promised is kept.
    let payment = ada.pay(&cart, shop.clock.now());
    let presented = (&late, "mandate-payment", payment.as_str());
    let answered = across_a_reload(&shop, presented, priced("30.00 EUR")).await;
    assert_eq!(told(&answered), (200, None));
    // Until it is free: the call would be another one.
    let cart = shop.quote(&ada, &Ask::one("late_checkout"), &late).await;
    let payment = ada.pay(&cart, shop.clock.now());
    let free = |settings: &mut Settings| {
        settings.actions.iter_mut().for_each(|action| action.price = Price::Free);
    };
    let presented = (&late, "mandate-payment", payment.as_str());
    let answered = across_a_reload(&shop, presented, free).await;
    assert_eq!(told(&answered), refused(503, "unavailable"));
    shop.check().await;
}

/// On a full disk nothing is put in force, and nobody is struck off for good by what was not.
#[tokio::test]
async fn settings_that_could_not_be_written_down_strike_nobody_off() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let full = Arc::new(AtomicBool::new(false));
    let shop = home.open_with(home.settings([&ada]), full_while(&full)).await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    full.store(true, Ordering::SeqCst);
    let digest = PolicyDigest::of(b"the next gateway.toml");
    shop.reload(Settings { digest, ..home.settings([]) }).await.unwrap_err();
    full.store(false, Ordering::SeqCst);
    assert_eq!(told(&shop.send_payment(&booking(), &payment).await), (200, None));
    shop.check().await;
}
