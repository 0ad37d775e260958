//! Settings decide from their entry on: what no entry names uses no mandate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mandate::PolicyDigest;
use mandate_gateway::book::Book;
use mandate_gateway::book::event::{Event, Policy};
use mandate_gateway::{Gated, Gateway, GatewayLayer, Settings};
use mandate_journal::Entry;
use mandate_tests::gateway::{Answered, Api, Ask, Call, GatewayHome, Payer};
use tower::{Layer as _, ServiceExt as _};

use crate::breaks::full_while;
use crate::{booking, refused, room, told};

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
