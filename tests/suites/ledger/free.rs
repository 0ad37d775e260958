//! A free action takes an intent and no payment: its receipt moves no total, and a contradiction about it freezes.

use std::sync::Arc;

use mandate::token::Status;
use mandate::{Intent, Mandate, MerchantId, Receipt, ReceiptClaims};
use mandate_ledger::{ExplainAsk, Scope};
use mandate_policy::{Ask, Consent, Reason, Rules};
use mandate_tests::LUX;
use mandate_tests::parties::{WARES, Ware, money};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{Answer, MORNING, NoUsers, Wallet, reading};
use tempfile::TempDir;

/// What [`LUX`] does for nothing.
const SEARCH: Ware = (LUX, "search_rooms");
/// Open payments that an agent may have.
const UNSETTLED: u64 = 16;

struct Shop {
    wallet: Wallet,
    folder: TempDir,
}

impl Shop {
    async fn open() -> Self {
        let caps = || vec![Cap::spend("day", ("EUR", 5_000))];
        let (folder, mut wallet) = Wallet::fresh([1; 32], UNSETTLED, caps());
        let text = wallet.parties.toml(&PARIS, UNSETTLED, &caps());
        let text = text
            .replace("paid = [\"book_room\"", "free = [\"search_rooms\"]\npaid = [\"book_room\"");
        let rules = Rules::parse(&text, &NoUsers).unwrap();
        wallet.know(rules.digest(), caps());
        wallet.ledger.reload(reading(MORNING), Arc::new(rules)).await.unwrap();
        Self { wallet, folder }
    }

    async fn restart(self) -> Self {
        let Self { wallet, folder } = self;
        Self { wallet: wallet.restart(reading(MORNING)).await, folder }
    }

    async fn search(&self) -> Mandate<Intent> {
        self.wallet.intent(reading(MORNING), "travel", SEARCH, None).await.unwrap()
    }

    /// The claims of what the merchant says to a search.
    fn answer(&self, intent: &Mandate<Intent>, status: Status) -> ReceiptClaims {
        let claims = self.wallet.parties.lux.executed_free(intent, reading(MORNING).wall).unwrap();
        match status {
            Status::Executed => claims,
            Status::Void => {
                let reason = Some("no search today".parse().unwrap());
                ReceiptClaims { status, reason, ..claims }
            }
        }
    }

    fn receipt(&self, claims: &ReceiptClaims) -> Mandate<Receipt> {
        self.wallet.parties.lux.sign_receipt(claims).unwrap()
    }

    async fn hand_in(&self, receipt: &Mandate<Receipt>) -> Answer<Status> {
        self.wallet.hand_in(reading(MORNING), "travel", receipt).await
    }

    async fn frozen(&self) -> Vec<Scope> {
        self.wallet.ledger.status(reading(MORNING)).await.unwrap().frozen
    }
}

#[tokio::test]
async fn a_receipt_of_a_free_action_is_taken_once_and_moves_no_total() {
    let shop = Shop::open().await;
    for status in [Status::Executed, Status::Void] {
        let intent = shop.search().await;
        let receipt = shop.receipt(&shop.answer(&intent, status));
        assert_eq!(shop.hand_in(&receipt).await, Ok(status));
        let size = shop.wallet.ledger.head().size;
        assert_eq!(shop.hand_in(&receipt).await, Ok(status));
        assert_eq!(shop.wallet.ledger.head().size, size, "it is there once");
    }
    let shop = shop.restart().await;
    assert_eq!(shop.frozen().await, []);
    assert_eq!(shop.wallet.spent(reading(MORNING)).await, [(0, 0)]);
    shop.wallet.check(reading(MORNING), &[]).await;
}

#[tokio::test]
async fn a_merchant_that_contradicts_itself_about_a_free_action_is_frozen() {
    let shop = Shop::open().await;
    let intent = shop.search().await;
    let executed = shop.receipt(&shop.answer(&intent, Status::Executed));
    let void = shop.receipt(&shop.answer(&intent, Status::Void));
    assert_eq!(shop.hand_in(&executed).await, Ok(Status::Executed));
    assert_eq!(shop.hand_in(&void).await, Err(Reason::ReceiptConflict));
    let shop = shop.restart().await;
    assert_eq!(shop.frozen().await, [Scope::Merchant(LUX.parse().unwrap())]);
    let room = shop.wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", 1)).await;
    assert_eq!(room.err(), Some(Reason::Frozen));
    shop.wallet.check(reading(MORNING), &[]).await;
}

/// It names what the wallet wrote down, claim by claim, and no intent that was paid.
#[tokio::test]
async fn a_receipt_that_does_not_fit_a_free_action_changes_nothing() {
    type Change = fn(&mut ReceiptClaims);
    let changes: [(&str, Change); 5] = [
        ("aud", |claims| claims.aud = "ada".parse().unwrap()),
        ("act", |claims| claims.act = "errands".parse().unwrap()),
        ("sku", |claims| claims.action.sku = "book_room".parse().unwrap()),
        ("quantity", |claims| claims.action.quantity = mandate::Quantity::new(2).unwrap()),
        ("intent", |claims| claims.intent = mandate::IntentHash::from_bytes([1; 32])),
    ];
    let shop = Shop::open().await;
    let intent = shop.search().await;
    for (what, change) in changes {
        let mut claims = shop.answer(&intent, Status::Executed);
        change(&mut claims);
        let answer = shop.hand_in(&shop.receipt(&claims)).await;
        assert_eq!(answer, Err(Reason::ReceiptInvalid), "{what}");
    }
    let now = reading(MORNING);
    let paid = shop.wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = shop.wallet.parties.cart(&paid, ("EUR", 1_000), now.wall);
    let payment = shop.wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    let answer = shop.hand_in(&shop.receipt(&shop.answer(&paid, Status::Executed))).await;
    assert_eq!(answer, Err(Reason::ReceiptInvalid), "it was paid, and names no payment");
    assert_eq!(shop.wallet.ledger.status(now.clone()).await.unwrap().holds, 1);
    shop.wallet.check(now, &[payment]).await;
}

#[tokio::test]
async fn a_free_action_is_explained_as_free_also_to_who_would_pay_it() {
    let shop = Shop::open().await;
    let explain = |ask| {
        let ask = ExplainAsk {
            agent: "travel".parse().unwrap(),
            merchant: LUX.parse::<MerchantId>().unwrap(),
            action: SEARCH.1.parse().unwrap(),
            ask,
        };
        let ledger = shop.wallet.ledger.clone();
        async move { ledger.explain(reading(MORNING), ask).await.unwrap() }
    };
    let intent = explain(Ask::Intent { price_max: None }).await;
    assert!(intent.free && intent.refusals.is_empty(), "{intent:?}");
    let total = money(("EUR", 1));
    let payment = explain(Ask::Payment { total, consent: Consent::Standing }).await;
    let reasons: Vec<_> = payment.refusals.iter().map(mandate_ledger::Refusal::reason).collect();
    assert_eq!((payment.free, reasons), (true, vec![Reason::ActionIsFree]));
}
