//! The principal's yes: about one cart and one agent, until the cart runs out; it lifts no cap and moves no total.

use std::sync::Arc;

use mandate::{Cart, Mandate};
use mandate_ledger::{ApprovalAnswer, Outcome, PendingApproval, Replay};
use mandate_policy::{Reason, Rules};
use mandate_tests::CART_LIFE_S;
use mandate_tests::parties::WARES;
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, NoUsers, Wallet, reading};
use tempfile::TempDir;

/// Above this the principal is asked.
const ABOVE: &str = "[[approval]]\nabove = \"10.00 EUR\"\n";
/// More than that.
const LARGE: u64 = 5_000;
/// What all payments of a day may add up to.
const CAP: u64 = 8_000;

/// Open payments that an agent may have.
const UNSETTLED: u64 = 10;

struct Shop {
    wallet: Wallet,
    _folder: TempDir,
}

impl Shop {
    async fn open() -> Self {
        let caps = vec![Cap::spend("day", ("EUR", CAP))];
        let (folder, wallet) = Wallet::fresh([9; 32], UNSETTLED, caps);
        let mut shop = Self { wallet, _folder: folder };
        shop.obey(ABOVE).await;
        shop
    }

    fn rules(&self, more: &str) -> Rules {
        let caps = [Cap::spend("day", ("EUR", CAP))];
        let text = self.wallet.parties.toml(&PARIS, UNSETTLED, &caps);
        Rules::parse(&format!("{text}{more}"), &NoUsers).unwrap()
    }

    /// Puts the caps in force with these rules beside them.
    async fn obey(&mut self, more: &str) {
        let rules = self.rules(more);
        self.wallet.know(rules.digest(), vec![Cap::spend("day", ("EUR", CAP))]);
        self.wallet.ledger.reload(reading(MORNING), Arc::new(rules)).await.unwrap();
    }

    /// A cart of this price for an intent of that agent.
    async fn cart(&self, agent: &str, price: u64) -> Mandate<Cart> {
        let now = reading(MORNING);
        let intent = self.wallet.intent(now.clone(), agent, WARES[0], None).await.unwrap();
        self.wallet.parties.cart(&intent, ("EUR", price), now.wall)
    }

    async fn refused(&self, agent: &str, cart: &Mandate<Cart>) -> Option<Reason> {
        self.wallet.pay(reading(MORNING), agent, cart).await.err()
    }

    async fn pending(&self) -> Vec<PendingApproval> {
        self.wallet.ledger.pending_approvals(reading(MORNING), 0, 100).await.unwrap()
    }

    /// Answers about the one cart that waits.
    async fn answer(&self, answer: ApprovalAnswer) -> u64 {
        let pending = self.pending().await;
        let [waiting] = &*pending else { panic!("{pending:?}") };
        let seq = waiting.asked.seq;
        let said = self.say(MORNING, seq, answer).await;
        let Outcome::Granted(answered) = said else { panic!("{said:?}") };
        assert_eq!((answered.seq, answered.answer), (seq, Some(answer)));
        seq
    }

    async fn say(
        &self,
        seconds: u64,
        seq: u64,
        answer: ApprovalAnswer,
    ) -> Outcome<mandate_ledger::ApprovalAsked> {
        self.wallet.ledger.answer_approval(reading(seconds), 0, seq, answer).await.unwrap()
    }
}

#[tokio::test]
async fn a_cart_waits_until_the_principal_says_yes_and_is_paid_then() {
    let shop = Shop::open().await;
    let cart = shop.cart("travel", LARGE).await;
    for _ in 0..2 {
        assert_eq!(shop.refused("travel", &cart).await, Some(Reason::ApprovalRequired));
    }
    let pending = shop.pending().await;
    assert_eq!(pending.len(), 1, "asked twice, it waits once");
    assert_eq!(pending[0].cart, cart.as_str());
    assert_eq!(pending[0].asked.agent.as_str(), "travel");
    shop.answer(ApprovalAnswer::Approved).await;
    assert_eq!(shop.wallet.spent(reading(MORNING)).await, [(0, 0)], "a yes moves no total");
    assert!(shop.pending().await.is_empty());
    let payment = shop.wallet.pay(reading(MORNING), "travel", &cart).await.unwrap();
    let again = shop.wallet.pay(reading(MORNING), "travel", &cart).await.unwrap();
    assert_eq!(payment.as_str(), again.as_str());
    shop.wallet.check(reading(MORNING), &[payment]).await;
}

#[tokio::test]
async fn a_yes_is_about_one_cart_and_one_agent() {
    let shop = Shop::open().await;
    let cart = shop.cart("travel", LARGE).await;
    let other = shop.cart("travel", LARGE).await;
    assert_eq!(shop.refused("travel", &cart).await, Some(Reason::ApprovalRequired));
    shop.answer(ApprovalAnswer::Approved).await;
    assert_eq!(shop.refused("errands", &cart).await, Some(Reason::IntentUnknown));
    assert_eq!(shop.refused("travel", &other).await, Some(Reason::ApprovalRequired));
    shop.wallet.check(reading(MORNING), &[]).await;
}

#[tokio::test]
async fn what_no_entry_can_have_as_its_number_is_no_request() {
    let shop = Shop::open().await;
    let cart = shop.cart("travel", LARGE).await;
    assert_eq!(shop.refused("travel", &cart).await, Some(Reason::ApprovalRequired));
    for unknown in [99, 1 << 63, u64::MAX] {
        let said = shop.say(MORNING, unknown, ApprovalAnswer::Approved).await;
        let Outcome::Denied(refusal) = said else { panic!("{said:?}") };
        assert_eq!(refusal.reason(), Reason::FieldInvalid);
        assert!(refusal.to_string().contains("is no request for approval"), "{refusal}");
        let after =
            shop.wallet.ledger.pending_approvals(reading(MORNING), unknown, 100).await.unwrap();
        assert!(after.is_empty(), "{unknown}: {after:?}");
    }
    assert_eq!(shop.pending().await.len(), 1);
    shop.wallet.check(reading(MORNING), &[]).await;
}

#[tokio::test]
async fn a_no_stands() {
    let shop = Shop::open().await;
    let cart = shop.cart("travel", LARGE).await;
    assert_eq!(shop.refused("travel", &cart).await, Some(Reason::ApprovalRequired));
    let seq = shop.answer(ApprovalAnswer::Denied).await;
    assert_eq!(shop.refused("travel", &cart).await, Some(Reason::ApprovalDenied));
    let size = shop.wallet.ledger.head().size;
    let said = shop.say(MORNING, seq, ApprovalAnswer::Approved).await;
    assert!(matches!(said, Outcome::Denied(_)), "the first answer stands");
    let said = shop.say(MORNING, seq, ApprovalAnswer::Denied).await;
    assert!(matches!(said, Outcome::Granted(_)), "saying it again is no fault");
    assert_eq!(shop.wallet.ledger.head().size, size, "neither is an entry");
    assert_eq!(shop.refused("travel", &cart).await, Some(Reason::ApprovalDenied));
    shop.wallet.check(reading(MORNING), &[]).await;
}

#[tokio::test]
async fn a_yes_lifts_no_cap() {
    let shop = Shop::open().await;
    let (one, two) = (shop.cart("travel", LARGE).await, shop.cart("travel", LARGE).await);
    for cart in [&one, &two] {
        assert_eq!(shop.refused("travel", cart).await, Some(Reason::ApprovalRequired));
        shop.answer(ApprovalAnswer::Approved).await;
    }
    let paid = shop.wallet.pay(reading(MORNING), "travel", &one).await.unwrap();
    assert_eq!(shop.refused("travel", &two).await, Some(Reason::CapExceeded));
    // What a cap refuses anyway is not put before the principal.
    let hopeless = shop.cart("travel", CAP).await;
    assert_eq!(shop.refused("travel", &hopeless).await, Some(Reason::CapExceeded));
    assert!(shop.pending().await.is_empty());
    shop.wallet.check(reading(MORNING), &[paid]).await;
}

#[tokio::test]
async fn a_yes_ends_with_its_cart() {
    let shop = Shop::open().await;
    let cart = shop.cart("travel", LARGE).await;
    assert_eq!(shop.refused("travel", &cart).await, Some(Reason::ApprovalRequired));
    let seq = shop.pending().await[0].asked.seq;
    let late = MORNING + CART_LIFE_S;
    let said = shop.say(late, seq, ApprovalAnswer::Approved).await;
    assert!(matches!(said, Outcome::Denied(_)), "{said:?}");
    assert!(matches!(shop.say(late - 1, seq, ApprovalAnswer::Approved).await, Outcome::Granted(_)));
    assert_eq!(
        shop.wallet.pay(reading(late), "travel", &cart).await.err(),
        Some(Reason::CartExpired)
    );
    shop.wallet.check(reading(late), &[]).await;
}

#[tokio::test]
async fn an_answer_outlives_the_process_and_a_stricter_file_asks_no_second_time() {
    let mut shop = Shop::open().await;
    let (yes, no) = (shop.cart("travel", LARGE).await, shop.cart("travel", LARGE).await);
    assert_eq!(shop.refused("travel", &yes).await, Some(Reason::ApprovalRequired));
    shop.answer(ApprovalAnswer::Approved).await;
    assert_eq!(shop.refused("travel", &no).await, Some(Reason::ApprovalRequired));
    shop.answer(ApprovalAnswer::Denied).await;
    let Shop { wallet, _folder } = shop;
    shop = Shop { wallet: wallet.restart(reading(MORNING)).await, _folder };
    shop.obey("[[approval]]\nabove = \"0.01 EUR\"\n").await;
    let paid = shop.wallet.pay(reading(MORNING), "travel", &yes).await.unwrap();
    assert_eq!(shop.refused("travel", &no).await, Some(Reason::ApprovalDenied));
    // Without a rule that asks, a no is still a no.
    shop.obey("").await;
    assert_eq!(shop.refused("travel", &no).await, Some(Reason::ApprovalDenied));
    shop.wallet.check(reading(MORNING), &[paid]).await;
}

#[tokio::test]
async fn what_was_approved_stands_when_the_past_is_held_against_another_file() {
    let shop = Shop::open().await;
    let (small, large) = (shop.cart("travel", 900).await, shop.cart("travel", LARGE).await);
    let small = shop.wallet.pay(reading(MORNING), "travel", &small).await.unwrap();
    assert_eq!(shop.refused("travel", &large).await, Some(Reason::ApprovalRequired));
    shop.answer(ApprovalAnswer::Approved).await;
    shop.wallet.pay(reading(MORNING), "travel", &large).await.unwrap();
    let stricter = shop.rules("[[approval]]\nabove = \"5.00 EUR\"\n");
    let mut replay = Replay::new(Arc::new(stricter)).unwrap();
    let entries = shop.wallet.entries();
    let refused: Vec<_> =
        entries.iter().filter_map(|bytes| replay.step(bytes).unwrap()).map(|r| r.jti).collect();
    assert_eq!(refused, [small.claims().jti], "only what nobody said yes to");
}
