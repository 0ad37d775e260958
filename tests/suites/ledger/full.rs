//! A disk that is full for a while: what could not be written meanwhile is made good by the next request that writes, and
//! questions are answered all along.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mandate_ledger::{Durability, Fault, Hook, Hooks, LedgerError, Options, Redeemed, Scope};
use mandate_tests::parties::{Parties, WARES};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, reading};
use serde_json::Value;
use tempfile::TempDir;

const PRICE: u64 = 1_000;

/// A wallet with room for one payment, on a disk that has none for as many commits as a test says.
struct Shop {
    wallet: Wallet,
    full_for: Arc<AtomicUsize>,
    _folder: TempDir,
}

fn shop() -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let parties = Arc::new(Parties::new([9; 32]));
    Wallet::create(folder.path(), &parties, MORNING);
    let full_for = Arc::new(AtomicUsize::new(0));
    let left = Arc::clone(&full_for);
    let full: Hook = Arc::new(move || {
        let one_less = |left: usize| left.checked_sub(1);
        let was_full = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less);
        was_full.is_ok().then_some(Fault::DiskFull)
    });
    let hooks = Hooks { before_commit: Some(full), ..Hooks::default() };
    let options = Options { hooks, ..Options::default() };
    let caps = vec![Cap::spend("day", ("EUR", PRICE))];
    let wallet = Wallet::open_with(folder.path(), &parties, PARIS, 16, caps, options).unwrap();
    Shop { wallet, full_for, _folder: folder }
}

impl Shop {
    fn full_for(&self, commits: usize) {
        self.full_for.store(commits, Ordering::SeqCst);
    }

    /// The entries' kinds, in order.
    fn kinds(&self) -> Vec<String> {
        let kind = |bytes: Vec<u8>| {
            let entry: Value = serde_json::from_slice(&bytes).unwrap();
            entry["kind"].as_str().unwrap().to_owned()
        };
        self.wallet.entries().into_iter().map(kind).collect()
    }
}

#[tokio::test]
async fn a_reservation_that_was_not_given_back_is_by_the_next_request() {
    let shop = shop();
    let (wallet, now) = (&shop.wallet, reading(MORNING));
    let intent = wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = wallet.parties.cart(&intent, ("EUR", PRICE), now.wall);
    let permit = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    wallet.ledger.freeze(now.clone(), 0, Scope::Wallet, None).await.unwrap();
    let Redeemed::Withheld(withheld) = wallet.sign(permit) else { panic!("it was signed") };
    shop.full_for(2);
    let told = wallet.ledger.withhold(now.clone(), withheld).await;
    assert!(matches!(told, Err(LedgerError::NotApplied(_))), "{told:?}");
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    // What gives it back is rolled back, too.
    wallet.ledger.thaw(now.clone(), 0, Scope::Wallet).await.unwrap_err();
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    wallet.ledger.thaw(now.clone(), 0, Scope::Wallet).await.unwrap();
    assert_eq!(wallet.spent(now.clone()).await, [(0, 0)]);
    let payment = wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    assert_eq!(shop.kinds().iter().filter(|kind| *kind == "withheld").count(), 1);
    wallet.check(now, &[payment]).await;
}

#[tokio::test]
async fn rules_that_could_not_be_written_down_are_before_anything_is_minted_under_them() {
    let shop = shop();
    let (wallet, now) = (&shop.wallet, reading(MORNING));
    shop.full_for(2);
    wallet.ledger.reload(now.clone(), wallet.ledger.rules()).await.unwrap_err();
    assert!(wallet.ledger.reload(now.clone(), wallet.ledger.rules()).await.is_err());
    assert_eq!(shop.kinds(), ["init"]);
    let payment = wallet.buy(now.clone(), "travel", WARES[0], ("EUR", PRICE)).await.unwrap();
    wallet.ledger.reload(now.clone(), wallet.ledger.rules()).await.unwrap();
    assert_eq!(shop.kinds(), ["init", "policy", "intent", "payment"]);
    wallet.check(now, &[payment]).await;
}

#[tokio::test]
async fn a_stop_is_written_again_where_the_commit_that_it_was_in_failed() {
    let shop = shop();
    let (ledger, now) = (&shop.wallet.ledger, reading(MORNING));
    shop.full_for(1);
    let frozen = ledger.freeze(now.clone(), 0, Scope::Wallet, None).await.unwrap();
    shop.full_for(1);
    let locked = ledger.lock(now.clone(), 0).await.unwrap();
    assert_eq!([frozen, locked], [Durability::Durable; 2]);
    shop.full_for(2);
    let merchant = Scope::Merchant("lux-hotels".parse().unwrap());
    let frozen = ledger.freeze(now, 0, merchant, None).await.unwrap();
    assert_eq!(frozen, Durability::UntilExit, "there is no room at all");
    assert_eq!(
        shop.kinds().iter().filter(|kind| ["freeze", "lock"].contains(&kind.as_str())).count(),
        2
    );
}

#[tokio::test]
async fn questions_are_answered_while_nothing_can_be_written() {
    let shop = shop();
    let (wallet, now) = (&shop.wallet, reading(MORNING));
    let payment = wallet.buy(now.clone(), "travel", WARES[0], ("EUR", PRICE)).await.unwrap();
    // Its hash has no row yet.
    shop.full_for(usize::MAX);
    let [hold] = wallet.ledger.holds(now.clone(), 0, 10).await.unwrap().try_into().unwrap();
    assert_eq!(hold.payment, Some(payment.hash()));
    wallet.ledger.freeze(now.clone(), 0, Scope::Wallet, None).await.unwrap();
    let status = wallet.ledger.status(now.clone()).await.unwrap();
    assert_eq!((status.holds, status.frozen), (1, vec![Scope::Wallet]));
    let [hold] = wallet.ledger.holds(now.clone(), 0, 10).await.unwrap().try_into().unwrap();
    assert_eq!(hold.payment, Some(payment.hash()), "also when its row was rolled back");
    assert_eq!(wallet.spent(now.clone()).await, [(PRICE, 1)]);
    let late = reading(MORNING + 120);
    let expired = wallet.ledger.expired(late, hold.seq).await.unwrap();
    assert!(matches!(expired, mandate_ledger::Outcome::Granted(_)), "{expired:?}");
    shop.full_for(0);
    wallet.check(now, &[payment]).await;
}
