//! A caller's own name for a request: the same request under it gives the same bytes, and no other one is answered.

use mandate::{Intent, Mandate, Quantity, RequestDigest};
use mandate_ledger::{IntentAsk, Outcome, Redeemed};
use mandate_policy::Reason;
use mandate_tests::parties::{WARES, caller, money};
use mandate_tests::tally::Cap;
use mandate_tests::wallet::{Answer, MORNING, Wallet, fresh_jti, one_of, reading};
use tempfile::TempDir;

use crate::model::INTENT_LIFE_S;

struct Shop {
    wallet: Wallet,
    folder: TempDir,
}

fn shop() -> Shop {
    let caps = vec![Cap::spend("day", ("EUR", 10_000)), Cap::spend("day", ("JPY", 10_000))];
    let (folder, wallet) = Wallet::fresh([3; 32], 16, caps);
    Shop { wallet, folder }
}

/// A request that says something in each of its fields.
fn asked() -> IntentAsk {
    IntentAsk {
        price_max: Some(money(("EUR", 900))),
        request: Some(RequestDigest::of(b"POST /rooms")),
        purpose: Some("a room for one night".parse().unwrap()),
        idempotency_key: Some("room-1".parse().unwrap()),
        ..one_of(WARES[0])
    }
}

impl Shop {
    async fn mint(&self, seconds: u64, agent: &str, ask: IntentAsk) -> Answer<Mandate<Intent>> {
        let (now, by) = (reading(seconds), caller(agent));
        match self.wallet.ledger.mint_intent(now, &by, ask, fresh_jti()).await.unwrap() {
            Outcome::Denied(refusal) => Err(refusal.reason()),
            Outcome::Granted(permit) => match self.wallet.sign(permit) {
                Redeemed::Signed(intent) => Ok(intent),
                other => panic!("nothing stops this signature: {other:?}"),
            },
        }
    }
}

#[tokio::test]
async fn the_same_request_under_a_key_gives_the_same_bytes_until_they_run_out() {
    let shop = shop();
    let first = shop.mint(MORNING, "travel", asked()).await.unwrap();
    let size = shop.wallet.ledger.head().size;
    let last = MORNING + INTENT_LIFE_S;
    for seconds in [MORNING, last] {
        let again = shop.mint(seconds, "travel", asked()).await.unwrap();
        assert_eq!(again.as_str(), first.as_str());
    }
    assert_eq!(shop.wallet.ledger.head().size, size, "it is no new intent");
    let Shop { wallet, folder } = shop;
    let shop = Shop { wallet: wallet.restart(reading(MORNING)).await, folder };
    let again = shop.mint(MORNING, "travel", asked()).await.unwrap();
    assert_eq!(again.as_str(), first.as_str());
    let late = shop.mint(last + 1, "travel", asked()).await;
    assert_eq!(late.unwrap_err(), Reason::IntentExpired);
    shop.wallet.check(reading(last + 1), &[]).await;
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused_whatever_differs() {
    let other_merchant = one_of(WARES[2]).merchant;
    let changes: [(&str, IntentAsk); 9] = [
        ("merchant", IntentAsk { merchant: other_merchant, ..asked() }),
        ("action", IntentAsk { action: one_of(WARES[1]).action, ..asked() }),
        ("quantity", IntentAsk { quantity: Quantity::new(2).unwrap(), ..asked() }),
        ("no request", IntentAsk { request: None, ..asked() }),
        ("request", IntentAsk { request: Some(RequestDigest::of(b"GET /rooms")), ..asked() }),
        ("no price_max", IntentAsk { price_max: None, ..asked() }),
        ("amount", IntentAsk { price_max: Some(money(("EUR", 901))), ..asked() }),
        ("currency", IntentAsk { price_max: Some(money(("JPY", 900))), ..asked() }),
        ("purpose", IntentAsk { purpose: None, ..asked() }),
    ];
    let shop = shop();
    let first = shop.mint(MORNING, "travel", asked()).await.unwrap();
    for (what, ask) in changes {
        let answer = shop.mint(MORNING, "travel", ask).await;
        assert_eq!(answer.err(), Some(Reason::IdempotencyConflict), "{what}");
    }
    let again = shop.mint(MORNING, "travel", asked()).await.unwrap();
    assert_eq!(again.as_str(), first.as_str());
    shop.wallet.check(reading(MORNING), &[]).await;
}

#[tokio::test]
async fn another_key_is_another_request() {
    let shop = shop();
    let first = shop.mint(MORNING, "travel", asked()).await.unwrap();
    for key in [Some("room-2".parse().unwrap()), None] {
        let ask = IntentAsk { idempotency_key: key, ..asked() };
        let other = shop.mint(MORNING, "travel", ask).await.unwrap();
        assert_ne!(other.as_str(), first.as_str());
    }
}

#[tokio::test]
async fn each_agent_has_its_own_keys() {
    let shop = shop();
    let travel = shop.mint(MORNING, "travel", asked()).await.unwrap();
    let errands = shop.mint(MORNING, "errands", asked()).await.unwrap();
    assert_eq!(travel.claims().act.as_str(), "travel");
    assert_eq!(errands.claims().act.as_str(), "errands");
    for (agent, first) in [("travel", travel), ("errands", errands)] {
        let again = shop.mint(MORNING, agent, asked()).await.unwrap();
        assert_eq!(again.as_str(), first.as_str());
    }
}
