//! The key locked away: no call goes on, none begins its way to the API, and what was on it is not lost.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mandate::KeySet;
use mandate_gateway::book::{Book, Presented, Trusted};
use mandate_gateway::{Gateway, Refusal};
use mandate_journal::{Fault, Hook, Hooks, Options};
use mandate_tests::gateway::{Ask, Call, GatewayHome, Payer, Reaction, SaleState, Shop};
use tokio::runtime::Handle;

use crate::breaks::{full_once, full_while};
use crate::{Street, booking, refused, room, street, told};

/// How long `mandate-gateway lock` waits for its answer.
const COMMAND_LINE_WAIT: Duration = Duration::from_secs(30);

/// Ends the lock and gives the key, which no store of this home has.
async fn unlock(shop: &Shop, home: &GatewayHome) {
    assert!(shop.gateway.unlock().await.unwrap().is_some(), "no store has it");
    shop.gateway.supply(home.key().clone()).unwrap();
}

#[tokio::test]
async fn a_locked_gateway_answers_unavailable_and_asks_the_api_for_nothing_also_after_a_restart() {
    let Street { mut shop, ada, home } = street().await;
    let paid = shop.pay(&ada, &room(), &booking()).await;
    assert_eq!(shop.send_payment(&booking(), &paid).await.status, 200);
    let payment = shop.pay(&ada, &room(), &booking()).await;
    assert!(shop.gateway.lock().await.unwrap());
    let (heard, quoted) = (shop.api.heard().len(), shop.api.quoted().len());
    let rooms = Call::bare("GET", "/rooms");
    for _ in 0..2 {
        let now = shop.clock.now();
        let asked = ada.intent(shop.merchant(), &room(), now);
        let free = ada.intent(shop.merchant(), &Ask::one("search_rooms"), now);
        let unavailable = refused(503, "unavailable");
        assert_eq!(told(&shop.send_intent(&booking(), &asked).await), unavailable);
        assert_eq!(told(&shop.send_intent(&rooms, &free).await), unavailable);
        assert_eq!(told(&shop.send_payment(&booking(), &payment).await), unavailable);
        assert_eq!(told(&shop.ask_receipt(&paid.hash().to_string()).await), unavailable);
        assert_eq!(told(&shop.ask_void(&payment).await), unavailable);
        // A key that comes all the same is let go.
        shop.close().await.unwrap();
        shop = home.open(home.settings([&ada])).await;
        assert!(shop.gateway.book().is_locked());
    }
    assert_eq!((shop.api.heard().len(), shop.api.quoted().len()), (heard, quoted));
    unlock(&shop, &home).await;
    assert_eq!(shop.send_payment(&booking(), &payment).await.status, 200);
    shop.check().await;
}

#[tokio::test]
async fn a_call_that_was_on_its_way_is_written_down_and_its_receipt_comes_after_the_unlock() {
    let Street { shop, ada, home } = street().await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    shop.api.script([Reaction::executed("A-1")]);
    let held = shop.api.hold();
    let client = tokio::spawn(shop.send_payment(&booking(), &payment));
    shop.api.arrived(1).await;
    shop.gateway.lock().await.unwrap();
    drop(held);
    assert_eq!(told(&client.await.unwrap()), refused(503, "unavailable"));
    unlock(&shop, &home).await;
    let answered = shop.send_payment(&booking(), &payment).await;
    assert_eq!(told(&answered), (200, None));
    assert_eq!(shop.api.executions().len(), 1);
    let sales = shop.check().await;
    assert_eq!(sales[&payment.hash().to_string()].order.as_deref(), Some("A-1"));
}

/// Whoever was past the gateway's own look at the key is told so by the book, in the transaction that would use it.
#[tokio::test]
async fn the_book_writes_no_use_after_the_entry_of_a_lock() {
    let Street { shop, ada, home } = street().await;
    let (now, rooms) = (shop.gateway.now(), Call::bare("GET", "/rooms"));
    let intent = ada.intent(shop.merchant(), &Ask::one("search_rooms"), shop.clock.now());
    let mandate = intent.clone();
    let trusted = Trusted { mandate, keys: KeySet::new([ada.public_key()]) };
    let settings = shop.gateway.settings();
    let action = settings.actions.iter().find(|action| action.sku.as_str() == "search_rooms");
    let call = mandate_gateway::Call { action: action.unwrap().clone(), request: rooms.digest() };
    shop.gateway.lock().await.unwrap();
    let book = shop.gateway.book();
    let presented = book.present_free(now.clone(), trusted.clone(), call.clone()).await.unwrap();
    assert!(matches!(presented, Presented::Refused(Refusal::Locked)), "{presented:?}");
    unlock(&shop, &home).await;
    let presented = book.present_free(now, trusted, call).await.unwrap();
    assert!(matches!(presented, Presented::Reserved(_)), "{presented:?}");
    shop.check().await;
}

/// The hook that locks the gateway once a use is on disk, before the call is sent.
fn locks(gateway: &Arc<OnceLock<Gateway>>, armed: &Arc<AtomicBool>) -> Hook {
    let (gateway, armed, runtime) = (Arc::clone(gateway), Arc::clone(armed), Handle::current());
    Arc::new(move || -> Option<Fault> {
        if armed.swap(false, Ordering::SeqCst) {
            let gateway = gateway.get().unwrap().clone();
            let book = gateway.book().clone();
            runtime.spawn(async move { gateway.lock().await });
            while !book.is_locked() {
                std::thread::yield_now();
            }
        }
        None
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_between_the_use_and_the_call_sends_nothing_and_the_use_stays_reserved() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let (gateway, armed) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
    let hooks = Hooks { before_commit: None, after_commit: Some(locks(&gateway, &armed)) };
    let options = Options { hooks, ..Options::default() };
    let shop = home.open_with(home.settings([&ada]), options).await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    gateway.set(shop.gateway.clone()).unwrap();
    armed.store(true, Ordering::SeqCst);
    let answered = shop.send_payment(&booking(), &payment).await;
    assert_eq!(told(&answered), refused(503, "unavailable"));
    assert!(!armed.load(Ordering::SeqCst), "the use was written down");
    assert!(shop.api.heard().is_empty(), "nothing with an effect reached the API");
    assert_eq!(shop.reserved().len(), 1);
    unlock(&shop, &home).await;
    shop.api.script([Reaction::executed("A-1")]);
    assert_eq!(shop.send_payment(&booking(), &payment).await.status, 201);
    let sales = shop.check().await;
    assert_eq!(sales[&payment.hash().to_string()].state, SaleState::Executed);
}

#[tokio::test]
async fn what_a_store_lacks_takes_no_key_away_that_was_supplied() {
    let Street { shop, ada: _, home } = street().await;
    shop.gateway.lack("the store is closed");
    assert_eq!(shop.gateway.key_problem(), None);
    shop.gateway.lock().await.unwrap();
    shop.gateway.lack("the store is closed");
    assert!(shop.gateway.key_problem().unwrap().contains("locked by its operator"));
    unlock(&shop, &home).await;
    shop.gateway.lack("the store is closed");
    assert_eq!(shop.gateway.key_problem(), None);
}

#[tokio::test]
async fn after_a_drain_no_store_is_asked_for_the_key_any_more() {
    let home = GatewayHome::new();
    let (book, _died) = Book::open(home.folder(), Options::default()).unwrap();
    let clock = Arc::new(home.clock.clone());
    let gateway = Gateway::new(book, home.settings([]), clock.clone());
    gateway.lock().await.unwrap();
    assert!(gateway.unlock().await.unwrap().is_some(), "no store has it, and it is asked again");
    gateway.drain().await;
    drop(gateway);
    assert_eq!(Arc::strong_count(&clock), 1, "somebody still holds the gateway");
}

/// Commits hang as long as this lives.
struct Hung(Arc<AtomicBool>);

impl Drop for Hung {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_lock_wipes_the_key_also_while_the_disk_hangs() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let hangs = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&hangs);
    let hook: Hook = Arc::new(move || -> Option<Fault> {
        while seen.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        None
    });
    let hooks = Hooks { before_commit: Some(hook), after_commit: None };
    let options = Options { hooks, ..Options::default() };
    let shop = home.open_with(home.settings([&ada]), options).await;
    let hung = Hung(Arc::clone(&hangs));
    hangs.store(true, Ordering::SeqCst);
    // Nobody waits but for the writer, so the clock runs on at once.
    tokio::time::pause();
    let locked = tokio::time::timeout(COMMAND_LINE_WAIT, shop.gateway.lock()).await;
    assert!(!locked.expect("an answer").unwrap(), "nobody knows that it is on disk");
    tokio::time::resume();
    assert_eq!(Arc::strong_count(home.key()), 1, "somebody still holds the key");
    drop(hung);
    unlock(&shop, &home).await;
    shop.check().await;
}

#[tokio::test]
async fn on_a_full_disk_a_lock_holds_and_says_that_it_is_not_durable() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let full = Arc::new(AtomicBool::new(false));
    let shop = home.open_with(home.settings([&ada]), full_while(&full)).await;
    let payment = shop.pay(&ada, &room(), &booking()).await;
    full.store(true, Ordering::SeqCst);
    assert!(!shop.gateway.lock().await.unwrap());
    // An unlock is durable or none.
    shop.gateway.unlock().await.unwrap_err();
    full.store(false, Ordering::SeqCst);
    assert_eq!(told(&shop.send_payment(&booking(), &payment).await), refused(503, "unavailable"));
    assert_eq!(Arc::strong_count(home.key()), 1, "somebody still holds the key");
    shop.close().await.unwrap();
    let shop = home.open(home.settings([&ada])).await;
    assert!(!shop.gateway.book().is_locked(), "as the answer said");
    assert_eq!(shop.send_payment(&booking(), &payment).await.status, 200);
    shop.check().await;
}

#[tokio::test]
async fn a_lock_whose_commit_failed_once_is_written_all_the_same() {
    let (home, ada) = (GatewayHome::new(), Payer::new([1; 32]));
    let full = Arc::new(AtomicBool::new(false));
    let shop = home.open_with(home.settings([&ada]), full_once(&full)).await;
    full.store(true, Ordering::SeqCst);
    assert!(shop.gateway.lock().await.unwrap());
    shop.close().await.unwrap();
    assert!(home.open(home.settings([&ada])).await.gateway.book().is_locked());
}
