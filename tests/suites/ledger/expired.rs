//! A payment whose time is over, made again for its merchant's void: the bytes that were signed before, and no others.

use mandate::clock::ClockReading;
use mandate::{Mandate, Payment, Status};
use mandate_ledger::{Expired, Outcome, Redeemed, Refusal, Scope};
use mandate_policy::Reason;
use mandate_tests::parties::WARES;
use mandate_tests::tally::Cap;
use mandate_tests::wallet::{MORNING, Wallet, reading};
use tempfile::TempDir;

/// Longer than any payment lives, in seconds.
const LATER: u64 = MORNING + 301;

struct Shop {
    wallet: Wallet,
    _folder: TempDir,
}

fn shop() -> Shop {
    let caps = vec![Cap::spend("day", ("EUR", 10_000))];
    let (folder, wallet) = Wallet::fresh([6; 32], 16, caps);
    Shop { wallet, _folder: folder }
}

impl Shop {
    async fn freeze(&self) {
        self.wallet.ledger.freeze(reading(MORNING), 0, Scope::Wallet, None).await.unwrap();
    }

    /// The entry of the newest payment.
    fn seq(&self) -> u64 {
        let entries = self.wallet.entries();
        let at = entries
            .iter()
            .rposition(|entry| mandate_journal::Entry::parse(entry).unwrap().kind == "payment");
        u64::try_from(at.expect("a payment")).unwrap()
    }

    /// The payment once more, or why not.
    async fn again(&self, seconds: u64, seq: u64) -> Result<Mandate<Payment>, Refusal> {
        let Expired { permit, hash } =
            match self.wallet.ledger.expired(reading(seconds), seq).await.unwrap() {
                Outcome::Granted(expired) => expired,
                Outcome::Denied(refusal) => return Err(refusal),
            };
        let Redeemed::Signed(payment) = self.wallet.sign(permit) else { panic!("not signed") };
        assert_eq!(payment.hash(), hash);
        Ok(payment)
    }

    async fn refused(&self, seconds: u64, seq: u64) -> String {
        let refusal = self.again(seconds, seq).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::FieldInvalid);
        refusal.to_string()
    }
}

#[tokio::test]
async fn the_same_bytes_come_back_once_they_can_buy_nothing_also_while_frozen() {
    let shop = shop();
    let now = reading(MORNING);
    let payment = shop.wallet.buy(now.clone(), "travel", WARES[0], ("EUR", 1_000)).await.unwrap();
    let (seq, exp) = (shop.seq(), payment.claims().exp.seconds());
    assert!(shop.refused(exp, seq).await.contains("can be used until"));
    shop.freeze().await;
    let size = shop.wallet.entries().len();
    for seconds in [exp + 1, LATER] {
        assert_eq!(shop.again(seconds, seq).await.unwrap().as_str(), payment.as_str());
    }
    assert_eq!(shop.wallet.entries().len(), size, "it is no new payment");
    assert_eq!(shop.wallet.spent(now.clone()).await, [(1_000, 1)]);
    let void = shop.wallet.parties.receipt(&payment, Status::Void, reading(LATER).wall);
    shop.wallet.hand_in(reading(LATER), "travel", &void).await.unwrap();
    assert!(shop.refused(LATER, seq).await.contains("is no open hold"));
    // No entry can have the last two numbers.
    for unknown in [0, 99, 1 << 63, u64::MAX] {
        assert!(shop.refused(LATER, unknown).await.contains("is no open hold"), "{unknown}");
        let after = shop.wallet.ledger.holds(reading(LATER), unknown, 100).await.unwrap();
        assert!(after.is_empty(), "{unknown}: {after:?}");
    }
    shop.wallet.check(reading(LATER), &[payment]).await;
}

#[tokio::test]
async fn a_cart_gets_its_payment_again_up_to_the_last_second_of_it() {
    let shop = shop();
    let now = reading(MORNING);
    let intent = shop.wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = shop.wallet.parties.cart(&intent, ("EUR", 1_000), now.wall);
    let payment = shop.wallet.pay(now, "travel", &cart).await.unwrap();
    let exp = payment.claims().exp.seconds();
    let again = shop.wallet.pay(reading(exp), "travel", &cart).await.unwrap();
    assert_eq!(again.as_str(), payment.as_str());
    let late = shop.wallet.pay(reading(exp + 1), "travel", &cart).await;
    assert_eq!(late.err(), Some(Reason::CartAlreadyPaid));
}

#[tokio::test]
async fn what_was_never_signed_is_not_signed() {
    let shop = shop();
    let now = reading(MORNING);
    let intent = shop.wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = shop.wallet.parties.cart(&intent, ("EUR", 1_000), now.wall);
    let permit = shop.wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    let seq = shop.seq();
    assert!(shop.refused(LATER, seq).await.contains("was never signed"));
    shop.freeze().await;
    let Redeemed::Withheld(withheld) = shop.wallet.sign(permit) else { panic!("it was signed") };
    assert!(shop.refused(LATER, seq).await.contains("was never signed"));
    shop.wallet.ledger.withhold(now.clone(), withheld).await.unwrap();
    assert!(shop.refused(LATER, seq).await.contains("is no open hold"));
    shop.wallet.check(now, &[]).await;
}

#[tokio::test]
async fn a_ledger_that_is_not_believed_gives_nothing_out() {
    let shop = shop();
    shop.wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", 1_000)).await.unwrap();
    shop.wallet.ledger.distrust("a test says so".to_owned());
    let refusal = shop.again(LATER, shop.seq()).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::LedgerUnsafe);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_gives_nothing_out() {
    let shop = shop();
    shop.wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", 1_000)).await.unwrap();
    let ahead = ClockReading { wall: reading(LATER).wall, ..reading(MORNING) };
    let refused = shop.wallet.ledger.expired(ahead, shop.seq()).await.unwrap();
    let Outcome::Denied(refusal) = refused else { panic!("it can still be used") };
    assert_eq!(refusal.reason(), Reason::ClockUntrusted);
}
