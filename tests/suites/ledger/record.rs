//! What the journal keeps beside the tokens: each refusal and what it was about, and what a decision rested on.

use mandate::key::Jwk;
use mandate::token::Status;
use mandate_journal::Entry;
use mandate_ledger::event::{self, About, CapSeen};
use mandate_ledger::{Call, Event, HoldState, IntentAsk, Outcome, Refusal, ledger_path};
use mandate_policy::{PolicyDigest, Reason};
use mandate_tests::LUX;
use mandate_tests::parties::{WARES, caller, money};
use mandate_tests::tally::Cap;
use mandate_tests::wallet::{MORNING, Wallet, fresh_jti, one_of, reading};
use rusqlite::Connection;
use tempfile::TempDir;

const PRICE: u64 = 1_000;

struct Shop {
    wallet: Wallet,
    folder: TempDir,
}

fn shop() -> Shop {
    let caps = vec![
        Cap::spend("payment", ("EUR", 4_000)),
        Cap::spend("day", ("EUR", 5_000)),
        Cap { about: [Some("travel"), None, None], ..Cap::count("24h", 9) },
        Cap { about: [Some("errands"), None, None], ..Cap::count("24h", 9) },
    ];
    let (folder, wallet) = Wallet::fresh([2; 32], 16, caps);
    Shop { wallet, folder }
}

impl Shop {
    fn event(&self, seq: usize) -> Event {
        Event::parse(&Entry::parse(&self.wallet.entries()[seq]).unwrap()).unwrap()
    }

    fn last(&self) -> Event {
        self.event(self.wallet.entries().len() - 1)
    }

    /// The last entry is this refusal of that call by the travel agent; what it was about.
    fn denied(&self, call: Call, refusal: &Refusal) -> About {
        let Event::Denial(denial) = self.last() else { panic!("{:?}", self.last()) };
        assert_eq!((denial.agent, denial.uid), (caller("travel").agent, caller("travel").uid));
        assert_eq!((denial.call, denial.reason), (call, refusal.reason()));
        assert_eq!(denial.message, refusal.to_string());
        denial.about
    }
}

#[tokio::test]
async fn a_refusal_is_kept_with_what_it_was_about() {
    let (shop, now, travel) = (shop(), reading(MORNING), caller("travel"));
    let ledger = &shop.wallet.ledger;
    let about = About {
        merchant: Some(LUX.parse().unwrap()),
        action: Some("book_room".parse().unwrap()),
        ..About::default()
    };

    let (price_max, purpose) = (Some(money(("EUR", 4_001))), Some("a suite".parse().unwrap()));
    let ask = IntentAsk { price_max, purpose, ..one_of(WARES[0]) };
    let purpose = ask.purpose.clone();
    let minted = ledger.mint_intent(now.clone(), &travel, ask, fresh_jti()).await.unwrap();
    let Outcome::Denied(refusal) = minted else { panic!("{minted:?}") };
    assert_eq!(
        shop.denied(Call::MintIntent, &refusal),
        About { total: price_max, purpose, ..about.clone() }
    );

    let intent_seq = u64::try_from(shop.wallet.entries().len()).unwrap();
    let intent = shop.wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let dear = shop.wallet.parties.cart(&intent, ("EUR", 4_001), now.wall);
    let reserved = ledger.reserve(now.clone(), &travel, dear.clone(), fresh_jti()).await.unwrap();
    let Outcome::Denied(refusal) = reserved else { panic!("{reserved:?}") };
    let about = About { intent_seq: Some(intent_seq), ..about };
    assert_eq!(
        shop.denied(Call::MintPayment, &refusal),
        About { total: Some(dear.claims().total), cart: Some(dear.hash()), ..about.clone() }
    );

    let cart = shop.wallet.parties.cart(&intent, ("EUR", PRICE), now.wall);
    let payment = shop.wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    let lux = &shop.wallet.parties.lux;
    let mut claims = lux.executed(&payment, "A-1".parse().unwrap(), now.wall).unwrap();
    claims.total = Some(money(("EUR", PRICE - 1)));
    let receipt = lux.sign_receipt(&claims).unwrap();
    let answer = ledger.record_receipt(now.clone(), &travel, receipt).await.unwrap();
    let Outcome::Denied(refusal) = answer else { panic!("{answer:?}") };
    assert_eq!(
        shop.denied(Call::RecordReceipt, &refusal),
        About { total: claims.total, cart: Some(cart.hash()), ..about }
    );

    let refusal = Refusal::RateLimited { retry_after_ms: 20, limit: "burst" };
    let told = ledger.deny(now.clone(), &travel, Call::GetBudget, refusal).await.unwrap();
    assert_eq!(told.reason(), Reason::RateLimited);
    assert_eq!(shop.denied(Call::GetBudget, &told), About::default());
    shop.wallet.check(now, &[payment]).await;
}

#[tokio::test]
async fn a_payment_is_kept_with_the_keys_and_the_caps_as_they_stood_before_it() {
    let (shop, now) = (shop(), reading(MORNING));
    for before in [0, 1] {
        let intent = shop.wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
        let at = shop.wallet.entries().len();
        let cart = shop.wallet.parties.cart(&intent, ("EUR", PRICE), now.wall);
        shop.wallet.pay(now.clone(), "travel", &cart).await.unwrap();
        let Event::Payment(kept) = shop.event(at) else { panic!("{:?}", shop.event(at)) };
        assert_eq!((kept.agent.as_str(), kept.uid), ("travel", caller("travel").uid));
        assert_eq!(kept.cart, cart.as_str());
        assert_eq!(kept.intent_seq, u64::try_from(at).unwrap() - 1);
        assert_eq!(kept.keys, [Jwk::from(&shop.wallet.parties.lux.public_key())]);
        assert_eq!(kept.policy, shop.wallet.ledger.rules().digest());
        let seen: Vec<_> = kept
            .caps
            .into_iter()
            .map(|CapSeen { cap, spent, count }| (cap, spent, count))
            .collect();
        let euros = |amount| Some(money(("EUR", amount)));
        let expected = [
            ("40.00 EUR per payment", euros(0), 0),
            ("50.00 EUR per day", euros(before * PRICE), before),
            ("9 payments per 24h, agent travel", None, before),
        ];
        assert_eq!(seen, expected.map(|(cap, spent, count)| (cap.to_owned(), spent, count)));
    }
}

#[tokio::test]
async fn a_file_that_was_refused_and_calls_over_a_limit_are_kept() {
    let (shop, now) = (shop(), reading(MORNING));
    let digest = PolicyDigest::of(b"[[cap]]");
    shop.wallet.ledger.reload_refused(now.clone(), digest, 3).await.unwrap();
    match shop.last() {
        Event::PolicyRefused(event::PolicyRefused { digest: kept, faults: 3 }) => {
            assert_eq!(kept, digest);
        }
        other => panic!("{other:?}"),
    }
    shop.wallet.ledger.rate_limited(now.clone(), &caller("travel"), 71).await.unwrap();
    match shop.last() {
        Event::RateLimited(event::RateLimited { agent, uid, calls: 71 }) => {
            assert_eq!((agent, uid), (caller("travel").agent, caller("travel").uid));
        }
        other => panic!("{other:?}"),
    }
    shop.wallet.check(now, &[]).await;
}

/// A version that counted in other rows would not find what an earlier one wrote.
#[tokio::test]
async fn each_payment_is_counted_under_its_minute_its_utc_day_and_all_time() {
    let Shop { wallet, folder } = shop();
    wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", PRICE)).await.unwrap();
    let Wallet { ledger, .. } = wallet;
    ledger.close().unwrap();
    let db = Connection::open(ledger_path(folder.path())).unwrap();
    let mut rows = db.prepare("SELECT level, at, amount, count FROM total ORDER BY level").unwrap();
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    let rows: Vec<(u64, u64, u64, u64)> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(
        rows,
        [(0, MORNING / 60, PRICE, 1), (1, MORNING / 86_400, PRICE, 1), (2, 0, PRICE, 1)]
    );
}

/// The void of a payment ends what the agent may have open, and says so to whoever asks again.
#[tokio::test]
async fn a_cart_that_was_paid_says_what_became_of_its_payment() {
    let (shop, now) = (shop(), reading(MORNING));
    let intent = shop.wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = shop.wallet.parties.cart(&intent, ("EUR", PRICE), now.wall);
    let payment = shop.wallet.pay(now.clone(), "travel", &cart).await.unwrap();
    let void = shop.wallet.parties.receipt(&payment, Status::Void, now.wall);
    shop.wallet.hand_in(now.clone(), "travel", &void).await.unwrap();
    let ledger = &shop.wallet.ledger;
    let asked = ledger.reserve(now.clone(), &caller("travel"), cart, fresh_jti()).await.unwrap();
    let Outcome::Denied(refusal) = asked else { panic!("{asked:?}") };
    assert_eq!(refusal, Refusal::CartAlreadyPaid { state: HoldState::Void });
    shop.wallet.check(now, &[payment]).await;
}
