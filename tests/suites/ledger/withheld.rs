//! A freeze or a lock between a reservation and its signature: nothing is signed, nothing stays reserved, nothing is lost.

use mandate::{Cart, Mandate};
use mandate_ledger::{Durability, Redeemed, Refusal, Scope, Stop};
use mandate_policy::Reason;
use mandate_tests::parties::WARES;
use mandate_tests::tally::Cap;
use mandate_tests::wallet::{MORNING, Wallet, reading};
use tempfile::TempDir;

const PRICE: u64 = 1_000;

/// A wallet with room for one payment, and the cart for it.
struct Shop {
    wallet: Wallet,
    cart: Mandate<Cart>,
    folder: TempDir,
}

async fn shop() -> Shop {
    let caps = vec![Cap::spend("day", ("EUR", PRICE))];
    let (folder, wallet) = Wallet::fresh([6; 32], 1, caps);
    let now = reading(MORNING);
    let intent = wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = wallet.parties.cart(&intent, ("EUR", PRICE), now.wall);
    Shop { wallet, cart, folder }
}

async fn freeze(wallet: &Wallet) {
    wallet.ledger.freeze(reading(MORNING), 0, Scope::Wallet, None).await.unwrap();
}

async fn thaw(wallet: &Wallet) {
    wallet.ledger.thaw(reading(MORNING), 0, Scope::Wallet).await.unwrap();
}

#[tokio::test]
async fn a_withheld_payment_makes_room_and_its_cart_is_paid_later_under_another_id() {
    let Shop { wallet, cart, folder: _folder } = shop().await;
    let now = reading(MORNING);
    let permit = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    let first = permit.claims().jti;
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    freeze(&wallet).await;
    let Redeemed::Withheld(withheld) = wallet.sign(permit) else { panic!("it was signed") };
    // Until the ledger is told, the amount counts.
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    let refusal = wallet.ledger.withhold(now.clone(), withheld).await.unwrap();
    assert_eq!(refusal.reason(), Reason::Frozen);
    assert_eq!(wallet.spent(now.clone()).await, [(0, 0)]);
    let unhashed = wallet.ledger.unhashed(now.clone()).await.unwrap();
    assert!(unhashed.is_empty(), "a start signs nothing that was withheld: {unhashed:?}");
    let frozen = wallet.pay(now.clone(), "travel", &cart).await;
    assert_eq!(frozen.err(), Some(Reason::Frozen));
    thaw(&wallet).await;
    let payment = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_ne!(payment.claims().jti, first);
    wallet.check(now, &[payment]).await;
}

/// Permits for one reservation: when a freeze stopped one of them, no other signs anything after the thaw.
#[tokio::test]
async fn no_other_permit_signs_what_was_withheld() {
    let Shop { wallet, cart, folder: _folder } = shop().await;
    let now = reading(MORNING);
    let one = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    let other = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    let late = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    assert_eq!(one.claims(), other.claims());
    freeze(&wallet).await;
    let Redeemed::Withheld(withheld) = wallet.sign(one) else { panic!("it was signed") };
    thaw(&wallet).await;
    let Redeemed::Withheld(again) = wallet.sign(other) else { panic!("it was signed") };
    for withheld in [withheld, again] {
        let refusal = wallet.ledger.withhold(now.clone(), withheld).await.unwrap();
        assert_eq!(refusal.reason(), Reason::Frozen);
        assert_eq!(wallet.spent(now.clone()).await, [(0, 0)], "it is given back once");
    }
    assert!(matches!(wallet.sign(late), Redeemed::Withheld(_)), "nor when all of it was told");
    let payment = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    wallet.check(now, &[payment]).await;
}

/// Its bytes are out already: a freeze during a retry gives nothing back, and the thaw gives the same bytes.
#[tokio::test]
async fn a_freeze_during_a_retry_leaves_the_payment() {
    let Shop { wallet, cart, folder } = shop().await;
    let now = reading(MORNING);
    let signed = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    let retry = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    freeze(&wallet).await;
    let Redeemed::Withheld(withheld) = wallet.sign(retry) else { panic!("it was signed") };
    assert_eq!(
        wallet.ledger.withhold(now.clone(), withheld).await.unwrap().reason(),
        Reason::Frozen
    );
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    thaw(&wallet).await;
    let again = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_eq!(again.as_str(), signed.as_str());
    let wallet = wallet.restart(now.clone()).await;
    let again = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_eq!(again.as_str(), signed.as_str());
    wallet.check(now, &[signed]).await;
    drop(folder);
}

/// The process ends between the freeze and the note about it: the amount counts, as nobody can tell what was signed.
#[tokio::test]
async fn what_was_not_told_to_the_ledger_counts_after_a_restart() {
    let Shop { wallet, cart, folder: _folder } = shop().await;
    let now = reading(MORNING);
    let permit = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    freeze(&wallet).await;
    let Redeemed::Withheld(_untold) = wallet.sign(permit) else { panic!("it was signed") };
    let wallet = wallet.restart(now.clone()).await;
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    thaw(&wallet).await;
    let payment = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    wallet.check(now, &[payment]).await;
}

/// A signer that fails signs nothing: the reservation stands, and the same cart gets its payment later.
#[tokio::test]
async fn a_signer_that_fails_keeps_the_reservation() {
    let Shop { wallet, cart, folder: _folder } = shop().await;
    let now = reading(MORNING);
    let permit = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    let id = permit.claims().jti;
    let failed = permit.redeem(|_, _| Err("the key is gone"));
    assert!(matches!(failed, Redeemed::Failed(_)));
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    let payment = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_eq!(payment.claims().jti, id);
    wallet.check(now, &[payment]).await;
}

/// As a freeze does: nothing is signed, nothing stays reserved, and the cart is paid later under another id.
#[tokio::test]
async fn a_lock_between_reservation_and_signature_withholds_the_payment() {
    let Shop { wallet, cart, folder: _folder } = shop().await;
    let now = reading(MORNING);
    let one = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    let other = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    let first = one.claims().jti;
    let locked = wallet.ledger.lock(now.clone(), 0).await.unwrap();
    assert_eq!(locked, Durability::Durable);
    let Redeemed::Withheld(withheld) = wallet.sign(one) else { panic!("it was signed") };
    assert_eq!(*withheld.stop(), Stop::Lock);
    let refusal = wallet.ledger.withhold(now.clone(), withheld).await.unwrap();
    assert_eq!((refusal.reason(), &refusal), (Reason::KeyUnavailable, &Refusal::Locked));
    assert_eq!(wallet.spent(now.clone()).await, [(0, 0)]);
    let denied = wallet.pay(now.clone(), "travel", &cart).await;
    assert_eq!(denied.err(), Some(Reason::KeyUnavailable));
    wallet.ledger.unlock(now.clone(), 0).await.unwrap();
    let Redeemed::Withheld(again) = wallet.sign(other) else { panic!("it was signed") };
    wallet.ledger.withhold(now.clone(), again).await.unwrap();
    assert_eq!(wallet.spent(now.clone()).await, [(0, 0)], "it is given back once");
    let payment = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_ne!(payment.claims().jti, first);
    wallet.check(now, &[payment]).await;
}

#[tokio::test]
async fn a_lock_outlives_the_process_and_ends_no_freeze() {
    let Shop { wallet, cart, folder: _folder } = shop().await;
    let now = reading(MORNING);
    let signed = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    freeze(&wallet).await;
    wallet.ledger.lock(now.clone(), 0).await.unwrap();
    let wallet = wallet.restart(now.clone()).await;
    assert!(wallet.ledger.is_locked());
    let status = wallet.ledger.status(now.clone()).await.unwrap();
    assert_eq!((status.locked, status.frozen.as_slice()), (true, [Scope::Wallet].as_slice()));
    let denied = wallet.pay(now.clone(), "travel", &cart).await;
    assert_eq!(denied.err(), Some(Reason::KeyUnavailable), "the lock is the wider stop");
    wallet.ledger.unlock(now.clone(), 0).await.unwrap();
    let wallet = wallet.restart(now.clone()).await;
    assert!(!wallet.ledger.is_locked());
    assert_eq!(wallet.pay(now.clone(), "travel", &cart).await.err(), Some(Reason::Frozen));
    thaw(&wallet).await;
    let again = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_eq!(again.as_str(), signed.as_str());
    wallet.check(now, &[signed]).await;
}
