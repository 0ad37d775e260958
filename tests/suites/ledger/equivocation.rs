//! A merchant whose log contradicts itself is noticed, frozen, and known by both of its tokens.

use std::sync::Arc;

use mandate::history::Rule;
use mandate::token::Status;
use mandate::{Cart, Kind, Mandate, MerchantRole, Payment, Receipt, UnverifiedMandate};
use mandate_journal::Entry;
use mandate_ledger::event::About;
use mandate_ledger::{Call, Equivocation, Event, HoldState, Scope, event};
use mandate_policy::Reason;
use mandate_tests::parties::{Parties, WARES, money};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{Answer, MORNING, Wallet, reading};
use mandate_tests::{LUX, Merchant};
use tempfile::TempDir;

const PRICE: u64 = 1_000;

struct Shop {
    wallet: Wallet,
    folder: TempDir,
}

fn caps() -> Vec<Cap> {
    vec![Cap::spend("day", ("EUR", 100_000))]
}

fn shop() -> Shop {
    let (folder, wallet) = Wallet::fresh([5; 32], 16, caps());
    Shop { wallet, folder }
}

impl Shop {
    fn lux(&self) -> &Merchant {
        &self.wallet.parties.lux
    }

    async fn buy(&self) -> Mandate<Payment> {
        self.wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", PRICE)).await.unwrap()
    }

    /// A cart of this merchant for a fresh intent.
    async fn quote(&self, by: &Merchant) -> Mandate<Cart> {
        let now = reading(MORNING);
        let intent = self.wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
        let title = "a room".parse().unwrap();
        let claims = by.cart(&intent, title, money(("EUR", PRICE)), now.wall).unwrap();
        by.sign_cart(&claims).unwrap()
    }

    async fn pay(&self, cart: &Mandate<Cart>) -> Answer<Mandate<Payment>> {
        self.wallet.pay(reading(MORNING), "travel", cart).await
    }

    /// A receipt of this merchant.
    fn receipt(
        &self,
        by: &Merchant,
        payment: &Mandate<Payment>,
        status: Status,
    ) -> Mandate<Receipt> {
        let now = reading(MORNING).wall;
        let claims = match status {
            Status::Executed => by.executed(payment, "A-1".parse().unwrap(), now),
            Status::Void => by.void(payment, "full".parse().unwrap(), now),
        };
        by.sign_receipt(&claims.unwrap()).unwrap()
    }

    async fn hand_in(&self, receipt: &Mandate<Receipt>) -> Answer<Status> {
        self.wallet.hand_in(reading(MORNING), "travel", receipt).await
    }

    async fn told(&self) -> (Vec<Equivocation>, Vec<Scope>) {
        let status = self.wallet.ledger.status(reading(MORNING)).await.unwrap();
        (status.equivocations, status.frozen)
    }

    async fn thaw(&self) {
        let scope = Scope::Merchant(LUX.parse().unwrap());
        self.wallet.ledger.thaw(reading(MORNING), 0, scope).await.unwrap();
    }

    fn events(&self) -> Vec<Event> {
        let entries = self.wallet.entries();
        entries.iter().map(|bytes| Event::parse(&Entry::parse(bytes).unwrap()).unwrap()).collect()
    }

    /// The proofs in the journal.
    fn proofs(&self) -> Vec<event::Equivocation> {
        let proof = |event| match event {
            Event::Equivocation(found) => Some(found),
            _ => None,
        };
        self.events().into_iter().filter_map(proof).collect()
    }

    /// The journal holds one proof, of these two tokens, and all that hangs on it is on disk.
    async fn check_proof(self, rule: Rule, earlier: &str, token: &str) -> Self {
        let frozen = [Scope::Merchant(LUX.parse().unwrap())];
        self.wallet.check(reading(MORNING), &[]).await;
        let before = self.told().await;
        assert_eq!((before.0.len(), before.1.as_slice()), (1, frozen.as_slice()));
        let Self { wallet, folder } = self;
        let shop = Self { wallet: wallet.restart(reading(MORNING)).await, folder };
        assert_eq!(shop.told().await, before);

        let [proof] = shop.proofs().try_into().unwrap();
        assert_eq!((proof.rule, proof.token.as_str()), (rule, token));
        assert_eq!(proof.earlier, earlier);
        assert_eq!((before.0[0].peer.as_str(), before.0[0].rule), (LUX, rule));
        assert_eq!(before.0[0].earlier_seq, proof.earlier_seq);
        let at = |seq: u64| shop.events()[usize::try_from(seq).unwrap()].clone();
        assert!(matches!(at(before.0[0].seq), Event::Equivocation(_)));
        match at(proof.earlier_seq) {
            Event::Payment(payment) => assert_eq!(payment.cart, earlier),
            Event::Receipt(receipt) => assert_eq!(receipt.receipt, earlier),
            other => panic!("{other:?}"),
        }
        shop
    }
}

fn verifies<K: Kind<Role = MerchantRole>>(by: &Merchant, token: &str) -> bool {
    UnverifiedMandate::<K>::parse(token).unwrap().verify(&by.trusted()).is_ok()
}

#[tokio::test]
async fn two_carts_of_one_size_are_a_fork() {
    let shop = shop();
    let fork = shop.lux().fork();
    let (first, second) = (shop.quote(shop.lux()).await, shop.quote(&fork).await);
    assert_eq!(first.head().size, second.head().size);
    let payment = shop.pay(&first).await.unwrap();
    assert_eq!(shop.pay(&second).await.err(), Some(Reason::Equivocation));
    let shop = shop.check_proof(Rule::SameSize, first.as_str(), second.as_str()).await;
    let proof = &shop.proofs()[0];
    assert!(verifies::<Cart>(shop.lux(), &proof.token));
    assert!(verifies::<Cart>(shop.lux(), &proof.earlier));
    // It counts nothing, and what was paid before can still be settled.
    assert_eq!(shop.wallet.spent(reading(MORNING)).await, [(PRICE, 1)]);
    assert_eq!(shop.pay(&second).await.err(), Some(Reason::Frozen));
    let receipt = shop.receipt(shop.lux(), &payment, Status::Void);
    assert_eq!(shop.hand_in(&receipt).await, Ok(Status::Void));
    shop.wallet.check(reading(MORNING), &[payment]).await;
}

#[tokio::test]
async fn a_backup_that_was_put_back_is_noticed_by_its_next_cart() {
    let shop = shop();
    let backup = shop.lux().fork();
    // These carts are never shown.
    for _ in 0..3 {
        drop(shop.quote(shop.lux()).await);
    }
    let payment = shop.buy().await;
    let receipt = shop.receipt(shop.lux(), &payment, Status::Executed);
    shop.hand_in(&receipt).await.unwrap();
    let cart = shop.quote(&backup).await;
    assert_eq!(shop.pay(&cart).await.err(), Some(Reason::Equivocation));
    shop.check_proof(Rule::Backwards, receipt.as_str(), cart.as_str()).await;
}

/// What is out of order by nobody's fault is fine.
#[tokio::test]
async fn an_honest_merchant_may_be_paid_and_answered_in_any_order() {
    let shop = shop();
    let mut carts = Vec::new();
    for _ in 0..4 {
        carts.push(shop.quote(shop.lux()).await);
    }
    let mut payments = Vec::new();
    for cart in carts.iter().rev() {
        payments.push(shop.pay(cart).await.unwrap());
    }
    let receipts: Vec<_> = payments
        .iter()
        .map(|payment| shop.receipt(shop.lux(), payment, Status::Executed))
        .collect();
    for receipt in receipts.iter().rev().chain(&receipts) {
        assert_eq!(shop.hand_in(receipt).await, Ok(Status::Executed));
    }
    assert_eq!(shop.told().await, (vec![], vec![]));
    shop.wallet.check(reading(MORNING), &payments).await;
}

/// It settles nothing: what the payment holds goes on counting.
#[tokio::test]
async fn a_receipt_of_a_forked_log_settles_nothing() {
    let shop = shop();
    let cart = shop.quote(shop.lux()).await;
    let payment = shop.pay(&cart).await.unwrap();
    let fork = shop.lux().fork();
    let first = shop.receipt(shop.lux(), &payment, Status::Executed);
    let other = shop.buy().await;
    shop.hand_in(&first).await.unwrap();
    let void = shop.receipt(&fork, &other, Status::Void);
    assert_eq!(void.head().size, first.head().size);
    assert_eq!(shop.hand_in(&void).await, Err(Reason::Equivocation));
    assert_eq!(shop.wallet.spent(reading(MORNING)).await, [(2 * PRICE, 2)]);
    let shop = shop.check_proof(Rule::SameSize, first.as_str(), void.as_str()).await;
    // Again: refused, but the proof is there. Also after a thaw, which stands.
    assert_eq!(shop.hand_in(&void).await, Err(Reason::Equivocation));
    shop.thaw().await;
    assert_eq!(shop.hand_in(&void).await, Err(Reason::Equivocation));
    assert_eq!((shop.proofs().len(), shop.told().await.1), (1, vec![]));
    // What was settled before is known, whatever the fork showed since.
    assert_eq!(shop.hand_in(&first).await, Ok(Status::Executed));
    assert_eq!((shop.proofs().len(), shop.told().await.1), (1, vec![]));
    let denials = shop.events().into_iter().filter(|event| match event {
        Event::Denial(denial) => denial.reason == Reason::Equivocation,
        _ => false,
    });
    assert_eq!(denials.count(), 2);
    let holds = shop.wallet.ledger.holds(reading(MORNING), 0, 10).await.unwrap();
    assert_eq!(holds.iter().map(|hold| hold.state).collect::<Vec<_>>(), [HoldState::Open]);
    // Another contradiction freezes again.
    let cart = shop.quote(&fork).await;
    assert_eq!(shop.pay(&cart).await.err(), Some(Reason::Equivocation));
    assert_eq!((shop.proofs().len(), shop.told().await.1.len()), (2, 1));
    shop.wallet.check(reading(MORNING), &[payment, other]).await;
}

/// What contradicts a token that is here in a proof alone is written down with that one.
#[tokio::test]
async fn a_token_that_was_refused_is_proof_against_the_next_one() {
    let shop = shop();
    let (one, other) = (shop.lux().fork(), shop.lux().fork());
    // This cart is never shown, so that the forks show a size that is smaller than what was paid, and new.
    drop(shop.quote(shop.lux()).await);
    let payment = shop.buy().await;
    let second = shop.quote(&one).await;
    assert_eq!(shop.pay(&second).await.err(), Some(Reason::Equivocation));
    shop.thaw().await;
    let intent_seq = u64::try_from(shop.wallet.entries().len()).unwrap();
    let third = shop.quote(&other).await;
    assert_eq!(shop.pay(&third).await.err(), Some(Reason::Equivocation));
    let [first_proof, proof] = shop.proofs().try_into().unwrap();
    assert_eq!((first_proof.rule, first_proof.token.as_str()), (Rule::Backwards, second.as_str()));
    assert_eq!((proof.rule, proof.token.as_str()), (Rule::SameSize, third.as_str()));
    assert_eq!(proof.earlier, second.as_str());
    // Shown again after a thaw, it is refused like anything else, with what it was about.
    shop.thaw().await;
    assert_eq!(shop.pay(&third).await.err(), Some(Reason::Equivocation));
    let Some(Event::Denial(denial)) = shop.events().pop() else { panic!("no denial") };
    assert_eq!(denial.call, Call::MintPayment);
    assert_eq!(
        denial.about,
        About {
            merchant: Some(LUX.parse().unwrap()),
            action: Some(third.claims().action.sku.clone()),
            total: Some(third.claims().total),
            cart: Some(third.hash()),
            intent_seq: Some(intent_seq),
            purpose: None,
        }
    );
    shop.wallet.check(reading(MORNING), &[payment]).await;
}

/// A token that says once more what another one said is not that one: its head is looked at.
#[tokio::test]
async fn the_same_outcome_in_a_token_of_a_forked_log_is_noticed() {
    let shop = shop();
    let payment = shop.buy().await;
    let fork = shop.lux().fork();
    let first = shop.receipt(shop.lux(), &payment, Status::Executed);
    let second = shop.receipt(&fork, &payment, Status::Executed);
    assert_eq!(shop.hand_in(&first).await, Ok(Status::Executed));
    assert_eq!(shop.hand_in(&second).await, Err(Reason::Equivocation));
    shop.check_proof(Rule::SameSize, first.as_str(), second.as_str()).await;
}

/// A second outcome of a payment counts as that, whatever else is wrong with it.
#[tokio::test]
async fn a_second_outcome_of_a_forked_log_is_a_conflict() {
    let shop = shop();
    let payment = shop.buy().await;
    let fork = shop.lux().fork();
    let void = shop.receipt(shop.lux(), &payment, Status::Void);
    let executed = shop.receipt(&fork, &payment, Status::Executed);
    shop.hand_in(&void).await.unwrap();
    assert_eq!(shop.hand_in(&executed).await, Err(Reason::ReceiptConflict));
    assert_eq!(shop.wallet.spent(reading(MORNING)).await, [(PRICE, 1)]);
    shop.wallet.check(reading(MORNING), &[payment]).await;
}

/// A merchant that lost its log starts a new one under a new key; the principal lists that key alone.
#[tokio::test]
async fn a_new_key_is_the_way_out() {
    let shop = shop();
    let fork = shop.lux().fork();
    shop.buy().await;
    let cart = shop.quote(&fork).await;
    assert_eq!(shop.pay(&cart).await.err(), Some(Reason::Equivocation));
    let Shop { wallet, folder } = shop;
    wallet.ledger.close().unwrap();
    // The same principal, with merchants of the same names and new keys.
    let parties = Arc::new(Parties::new([5; 32]));
    let wallet = Wallet::open(folder.path(), &parties, PARIS, 16, caps()).unwrap();
    wallet.sign_unhashed(reading(MORNING)).await;
    let shop = Shop { wallet, folder };
    let (told, frozen) = shop.told().await;
    assert_eq!((told, frozen.len()), (vec![], 1), "its key is not listed, and the thaw is missing");
    shop.thaw().await;
    let payment = shop.buy().await;
    let receipt = shop.receipt(shop.lux(), &payment, Status::Executed);
    assert_eq!(shop.hand_in(&receipt).await, Ok(Status::Executed));
}
