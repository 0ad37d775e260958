//! A client that goes away at any moment leaves nothing half done.

use std::sync::{Arc, Mutex, mpsc};

use mandate_journal::{Hook, Hooks, Options};
use mandate_tests::gateway::{Ask, Call, GatewayHome, Payer, Reaction, SaleState};
use tokio::sync::mpsc as channel;

use crate::{Street, booking, room, street};

#[tokio::test]
async fn a_client_that_hangs_up_during_the_call_has_its_payment_settled() {
    let Street { shop, ada, home: _home } = street().await;
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

/// Stops the book's writer before its next commit.
struct Stop {
    /// Says that the writer stands.
    stands: channel::UnboundedReceiver<()>,
    /// Lets it go on.
    go_on: mpsc::Sender<()>,
}

fn stops() -> (Hooks, Arc<Mutex<Option<()>>>, Stop) {
    let (standing, stands) = channel::unbounded_channel();
    let (go_on, gone_on) = mpsc::channel();
    let armed: Arc<Mutex<Option<()>>> = Arc::default();
    let (switch, gone_on) = (Arc::clone(&armed), Mutex::new(gone_on));
    let hook: Hook = Arc::new(move || {
        if switch.lock().unwrap().take().is_some() {
            standing.send(()).unwrap();
            gone_on.lock().unwrap().recv().unwrap();
        }
        None
    });
    (Hooks { before_commit: Some(hook), after_commit: None }, armed, Stop { stands, go_on })
}

/// From reserve to record nothing depends on the client: otherwise a use would be on disk that no attempt follows, and
/// its first refusal could not be told from a later one.
#[tokio::test]
async fn a_client_that_hangs_up_while_it_is_reserved_has_its_mandate_settled() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let (hooks, armed, mut stop) = stops();
    let options = Options { hooks, ..Options::default() };
    let shop = home.open_with(home.settings([&ada]), options).await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    let rooms = Call::bare("GET", "/rooms");
    let intent = ada.intent(shop.merchant(), &Ask::one("search_rooms"), shop.clock.now());
    for request in [
        booking().with("mandate-payment", payment.as_str()),
        rooms.with("mandate-intent", intent.as_str()),
    ] {
        shop.api.script([Reaction::refused(422)]);
        *armed.lock().unwrap() = Some(());
        let client = tokio::spawn(shop.send(request));
        stop.stands.recv().await.unwrap();
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        stop.go_on.send(()).unwrap();
        // Whoever asks next comes after it.
        shop.gateway.drain().await;
    }
    assert_eq!(shop.api.heard().len(), 2);
    let sales = shop.check().await;
    assert_eq!(sales[&payment.hash().to_string()].state, SaleState::Void);
    assert_eq!(sales[&intent.hash().to_string()].state, SaleState::Void);
}
