//! What a receipt does, and which ones do nothing.

use std::sync::Arc;

use mandate::token::Status;
use mandate::{
    IntentHash, Mandate, MinorUnits, Money, Payment, Receipt, ReceiptClaims, UnverifiedMandate,
};
use mandate_ledger::{HoldState, Scope};
use mandate_policy::Reason;
use mandate_tests::parties::{Parties, WARES};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{Answer, MORNING, Wallet, reading};
use mandate_tests::{LUX, Merchant, RIVAL};
use tempfile::TempDir;

const PRICE: u64 = 1_000;

struct Shop {
    wallet: Wallet,
    folder: TempDir,
}

fn shop() -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let parties = Arc::new(Parties::new([5; 32]));
    Wallet::create(folder.path(), &parties, MORNING);
    let wallet = open(&folder, &parties);
    Shop { wallet, folder }
}

fn open(folder: &TempDir, parties: &Arc<Parties>) -> Wallet {
    let caps = vec![Cap::spend("day", ("EUR", 10_000))];
    Wallet::open(folder.path(), parties, PARIS, 16, caps).unwrap()
}

impl Shop {
    async fn buy(&self) -> Mandate<Payment> {
        self.wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", PRICE)).await.unwrap()
    }

    async fn hand_in(&self, payment: &Mandate<Payment>, status: Status) -> Answer<Status> {
        let now = reading(MORNING);
        let receipt = self.wallet.parties.receipt(payment, status, now.wall);
        self.wallet.hand_in(now, "travel", &receipt).await
    }

    async fn counted(&self) -> (u64, u64) {
        self.wallet.spent(reading(MORNING)).await[0]
    }

    fn frozen(&self) -> impl Future<Output = Vec<Scope>> {
        let ledger = self.wallet.ledger.clone();
        async move { ledger.status(reading(MORNING)).await.unwrap().frozen }
    }
}

/// Merchants know the hash of a payment as well as that of its intent.
#[tokio::test]
async fn a_receipt_that_names_a_payment_for_its_intent_is_invalid_and_nothing_is_damaged() {
    let Shop { wallet, folder: _folder } = shop();
    let now = reading(MORNING);
    let payment = wallet.buy(now.clone(), "travel", WARES[0], ("EUR", PRICE)).await.unwrap();
    let mut claims = wallet.parties.receipt(&payment, Status::Executed, now.wall).claims().clone();
    claims.intent = IntentHash::from_bytes(payment.hash().into());
    (claims.cart, claims.payment, claims.total) = (None, None, None);
    let receipt = wallet.parties.lux.sign_receipt(&claims).unwrap();
    let answer = wallet.hand_in(now.clone(), "travel", &receipt).await;
    assert_eq!(answer.unwrap_err(), Reason::ReceiptInvalid);
    wallet.check(now, &[payment]).await;
}

/// Every sequence of answers up to three: the last word, what counts, and whether the merchant is frozen.
#[tokio::test]
async fn receipts_in_any_order() {
    use Status::{Executed as E, Void as V};
    let conflict = Err(Reason::ReceiptConflict);
    let table: [(&[Status], Answer<Status>, bool, bool); 12] = [
        (&[E], Ok(E), true, false),
        (&[V], Ok(V), false, false),
        (&[E, E], Ok(E), true, false),
        (&[V, V], Ok(V), false, false),
        (&[E, V], conflict, true, true),
        (&[V, E], conflict, true, true),
        (&[E, V, E], conflict, true, true),
        (&[E, V, V], conflict, true, true),
        (&[V, E, E], conflict, true, true),
        (&[V, E, V], conflict, true, true),
        (&[V, V, E], conflict, true, true),
        (&[E, E, V], conflict, true, true),
    ];
    for (answers, last, counts, frozen) in table {
        let shop = shop();
        let payment = shop.buy().await;
        let mut told = Ok(E);
        for status in answers {
            told = shop.hand_in(&payment, *status).await;
        }
        assert_eq!(told, last, "{answers:?}");
        let expected = if counts { (PRICE, 1) } else { (0, 0) };
        assert_eq!(shop.counted().await, expected, "{answers:?}");
        let scopes: Vec<_> =
            frozen.then(|| Scope::Merchant(LUX.parse().unwrap())).into_iter().collect();
        assert_eq!(shop.frozen().await, scopes, "{answers:?}");
        assert_eq!(shop.wallet.ledger.status(reading(MORNING)).await.unwrap().holds, 0);
        // All of it is on disk.
        let Shop { wallet, folder } = shop;
        let shop = Shop { wallet: wallet.restart(reading(MORNING)).await, folder };
        assert_eq!((shop.counted().await, shop.frozen().await), (expected, scopes), "{answers:?}");
        shop.wallet.check(reading(MORNING), &[payment]).await;
    }
}

/// A merchant that contradicts itself is frozen alone, and the sum may stand above the cap by its fault.
#[tokio::test]
async fn a_contradiction_counts_even_above_the_cap() {
    let mut shop = shop();
    let first = shop.buy().await;
    shop.hand_in(&first, Status::Void).await.unwrap();
    let now = reading(MORNING);
    shop.wallet.reload(now.clone(), vec![Cap::spend("day", ("EUR", PRICE))]).await;
    let second = shop.buy().await;
    assert_eq!(shop.hand_in(&first, Status::Executed).await, Err(Reason::ReceiptConflict));
    assert_eq!(shop.counted().await, (2 * PRICE, 2));
    let lux = shop.wallet.buy(now.clone(), "travel", WARES[0], ("EUR", 1)).await;
    assert_eq!(lux.err(), Some(Reason::Frozen));
    let rival = shop.wallet.buy(now.clone(), "travel", WARES[2], ("EUR", 1)).await;
    assert_eq!(rival.err(), Some(Reason::CapExceeded));
    // The second gives its own amount back and no more: the cap is still full.
    shop.hand_in(&second, Status::Void).await.unwrap();
    assert_eq!(shop.counted().await, (PRICE, 1));
    let rival = shop.wallet.buy(now.clone(), "travel", WARES[2], ("EUR", 1)).await;
    assert_eq!(rival.err(), Some(Reason::CapExceeded));
    shop.wallet.check(now, &[first, second]).await;
}

/// A receipt of another payment, price, merchant or agent settles nothing.
#[tokio::test]
async fn a_receipt_that_does_not_fit_changes_nothing() {
    type Change = fn(&mut ReceiptClaims);
    let changes: [(&str, Change); 6] = [
        ("total", |claims| {
            let total = claims.total.unwrap();
            claims.total = Some(Money { amount: MinorUnits::new(PRICE - 1).unwrap(), ..total });
        }),
        ("act", |claims| claims.act = "errands".parse().unwrap()),
        ("sku", |claims| claims.action.sku = "cancel_room".parse().unwrap()),
        ("quantity", |claims| claims.action.quantity = mandate::Quantity::new(2).unwrap()),
        ("payment", |claims| claims.payment = Some(mandate::PaymentHash::from_bytes([1; 32]))),
        ("cart", |claims| claims.cart = Some(mandate::CartHash::from_bytes([1; 32]))),
    ];
    let shop = shop();
    let payment = shop.buy().await;
    let lux = &shop.wallet.parties.lux;
    for (what, change) in changes {
        let order = "A-1".parse().unwrap();
        let mut claims = lux.executed(&payment, order, reading(MORNING).wall).unwrap();
        change(&mut claims);
        let receipt = lux.sign_receipt(&claims).unwrap();
        let answer = shop.wallet.hand_in(reading(MORNING), "travel", &receipt).await;
        assert_eq!(answer, Err(Reason::ReceiptInvalid), "{what}");
        assert_eq!(shop.counted().await, (PRICE, 1), "{what}");
    }
    // Nor does one that another listed merchant signs in the first one's name.
    let rival = &shop.wallet.parties.rival;
    let claims = lux.void(&payment, "full".parse().unwrap(), reading(MORNING).wall).unwrap();
    let forged = rival.sign_receipt(&claims).unwrap();
    let forged = UnverifiedMandate::<Receipt>::parse(forged.as_str()).unwrap();
    let keys = shop.wallet.ledger.receipt_keys(&forged).unwrap();
    assert!(forged.verify(&keys).is_err());
    // Nor one in its own name.
    let claims = ReceiptClaims { iss: RIVAL.parse().unwrap(), ..claims };
    let own = rival.sign_receipt(&claims).unwrap();
    let answer = shop.wallet.hand_in(reading(MORNING), "travel", &own).await;
    assert_eq!(answer, Err(Reason::ReceiptInvalid));
    let holds = shop.wallet.ledger.holds(reading(MORNING), 0, 10).await.unwrap();
    assert_eq!(holds.iter().map(|hold| hold.state).collect::<Vec<_>>(), [HoldState::Open]);
    shop.wallet.check(reading(MORNING), &[payment]).await;
}

/// The merchant's key at the time of the payment verifies its receipts for ever, whatever is listed now.
#[tokio::test]
async fn a_key_that_was_listed_then_still_settles() {
    let shop = shop();
    let payment = shop.buy().await;
    let now = reading(MORNING);
    let receipt = shop.wallet.parties.receipt(&payment, Status::Void, now.wall);
    let Shop { wallet, folder } = shop;
    wallet.ledger.close().unwrap();
    // The same principal, with merchants of the same names and other keys.
    let parties = Arc::new(Parties::new([5; 32]));
    let wallet = open(&folder, &parties);
    wallet.sign_unhashed(now.clone()).await;
    assert_eq!(wallet.hand_in(now.clone(), "travel", &receipt).await, Ok(Status::Void));
    assert_eq!(wallet.spent(now).await, [(0, 0)]);
    // It does not verify anything else of that merchant.
    let stranger = Merchant::new(LUX.parse().unwrap()).unwrap();
    let claims = stranger.executed(&payment, "A-1".parse().unwrap(), reading(MORNING).wall);
    let forged = stranger.sign_receipt(&claims.unwrap()).unwrap();
    let forged = UnverifiedMandate::<Receipt>::parse(forged.as_str()).unwrap();
    assert!(forged.clone().verify(&wallet.ledger.receipt_keys(&forged).unwrap()).is_err());
}

#[tokio::test]
async fn a_receipt_for_what_was_signed_last_waits_for_the_key() {
    let shop = shop();
    let payment = shop.buy().await;
    let now = reading(MORNING);
    let receipt = shop.wallet.parties.receipt(&payment, Status::Executed, now.wall);
    let Shop { wallet, folder } = shop;
    let parties = Arc::clone(&wallet.parties);
    wallet.ledger.close().unwrap();
    let wallet = open(&folder, &parties);
    let answer = wallet.hand_in(now.clone(), "travel", &receipt).await;
    assert_eq!(answer, Err(Reason::KeyUnavailable), "its hash is not known before");
    wallet.ledger.lock(now.clone(), 0).await.unwrap();
    let answer = wallet.hand_in(now.clone(), "travel", &receipt).await;
    assert_eq!(answer, Err(Reason::KeyUnavailable));
    wallet.ledger.unlock(now.clone(), 0).await.unwrap();
    wallet.sign_unhashed(now.clone()).await;
    assert_eq!(wallet.hand_in(now.clone(), "travel", &receipt).await, Ok(Status::Executed));
    wallet.check(now, &[payment]).await;
}
