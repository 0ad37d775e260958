//! What is left under each cap, and what would be answered: told as the next payment would find it, and nothing changes.

use mandate::UnixSeconds;
use mandate_ledger::{BudgetFilter, CapBudget, ExplainAsk, Explanation, Scope};
use mandate_policy::{Ask, Consent, Reason};
use mandate_tests::parties::{WARES, Ware, caller, money};
use mandate_tests::tally::{Cap, Price};
use mandate_tests::wallet::{MORNING, Wallet, reading};
use mandate_tests::{LUX, RIVAL};
use tempfile::TempDir;

/// 2026-11-24T23:00:00Z: midnight in Paris.
const MIDNIGHT: u64 = MORNING + 13 * 3_600;
/// What was spent on a room.
const PRICE: u64 = 1_000;

struct Shop {
    wallet: Wallet,
    _folder: TempDir,
}

/// A wallet with a cap of every sort, on which one room was bought.
async fn shop() -> Shop {
    let caps = vec![
        Cap::spend("payment", ("EUR", 5_000)),
        Cap { count: Some(3), ..Cap::spend("day", ("EUR", 4_000)) },
        Cap { about: [Some("travel"), None, None], ..Cap::count("24h", 4) },
        Cap { about: [Some("errands"), None, None], ..Cap::spend("lifetime", ("EUR", 9_000)) },
        Cap { about: [None, Some(LUX), Some("book_room")], ..Cap::spend("week", ("EUR", 3_000)) },
        Cap { about: [None, Some(RIVAL), None], ..Cap::spend("month", ("JPY", 700)) },
    ];
    let (folder, wallet) = Wallet::fresh([2; 32], 16, caps);
    wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", PRICE)).await.unwrap();
    Shop { wallet, _folder: folder }
}

impl Shop {
    /// The caps that are told, by their windows.
    async fn told(&self, agent: Option<&str>, filter: BudgetFilter) -> Vec<String> {
        let by = agent.map(caller);
        let caps = self.wallet.ledger.budget(reading(MORNING), by.as_ref(), filter).await.unwrap();
        caps.into_iter().map(|cap| cap.per).collect()
    }

    async fn explain(&self, agent: &str, (merchant, action): Ware, ask: Ask) -> Explanation {
        let ask = ExplainAsk {
            agent: agent.parse().unwrap(),
            merchant: merchant.parse().unwrap(),
            action: action.parse().unwrap(),
            ask,
        };
        self.wallet.ledger.explain(reading(MORNING), ask).await.unwrap()
    }
}

fn payment(total: Price) -> Ask {
    Ask::Payment { total: money(total), consent: Consent::Standing }
}

fn reasons(explanation: &Explanation) -> Vec<Reason> {
    explanation.refusals.iter().map(mandate_ledger::Refusal::reason).collect()
}

fn windows(explanation: &Explanation) -> Vec<&str> {
    explanation.caps.iter().map(|cap| cap.per.as_str()).collect()
}

#[tokio::test]
async fn each_cap_tells_its_limit_what_is_left_and_when_it_starts_anew() {
    let shop = shop().await;
    let told =
        shop.wallet.ledger.budget(reading(MORNING), None, BudgetFilter::default()).await.unwrap();
    let [payment, day, trailing, lifetime, week, month] = told.try_into().unwrap();
    let euros = |amount| Some(money(("EUR", amount)));
    assert_eq!(
        day,
        CapBudget {
            label: "40.00 EUR and 3 payments per day".to_owned(),
            per: "day".to_owned(),
            limit: euros(4_000),
            spent: euros(PRICE),
            remaining: euros(4_000 - PRICE),
            count_limit: Some(3),
            count_used: 1,
            resets_at: Some(UnixSeconds::new(MIDNIGHT).unwrap()),
            merchant: None,
            action: None,
            agent: None,
        }
    );
    let told = |cap: &CapBudget| (cap.spent, cap.remaining, cap.count_used);
    assert_eq!(told(&payment), (euros(0), euros(5_000), 0), "nothing adds up in it");
    assert_eq!(told(&trailing), (None, None, 1));
    assert_eq!(told(&lifetime), (euros(0), euros(9_000), 0));
    assert_eq!(told(&week), (euros(PRICE), euros(3_000 - PRICE), 1));
    let yen = |amount| Some(money(("JPY", amount)));
    assert_eq!(told(&month), (yen(0), yen(700), 0));
    for cap in [&payment, &trailing, &lifetime] {
        assert_eq!(cap.resets_at, None, "{}", cap.label);
    }
    assert!(week.resets_at > day.resets_at && month.resets_at > day.resets_at);
    assert_eq!(trailing.agent.unwrap().as_str(), "travel");
    assert_eq!(week.merchant.unwrap().as_str(), LUX);
    assert_eq!(week.action.unwrap().as_str(), "book_room");
}

#[tokio::test]
async fn a_budget_tells_only_of_caps_that_could_bind_what_is_asked_about() {
    let shop = shop().await;
    let all = ["payment", "day", "24h", "lifetime", "week", "month"];
    let any = BudgetFilter::default();
    assert_eq!(shop.told(None, any.clone()).await, all);
    assert_eq!(
        shop.told(Some("travel"), any.clone()).await,
        ["payment", "day", "24h", "week", "month"]
    );
    assert_eq!(
        shop.told(Some("errands"), any.clone()).await,
        ["payment", "day", "lifetime", "week", "month"]
    );
    let merchant = BudgetFilter { merchant: Some(RIVAL.parse().unwrap()), ..any.clone() };
    assert_eq!(shop.told(None, merchant).await, ["payment", "day", "24h", "lifetime", "month"]);
    let action = BudgetFilter { action: Some("cancel_room".parse().unwrap()), ..any.clone() };
    assert_eq!(shop.told(None, action).await, ["payment", "day", "24h", "lifetime", "month"]);
    // A cap on a number counts every currency.
    let currency = BudgetFilter { currency: Some("JPY".parse().unwrap()), ..any };
    assert_eq!(shop.told(None, currency).await, ["24h", "month"]);
}

#[tokio::test]
async fn an_explanation_tells_everything_that_stands_against_a_request_and_writes_nothing() {
    let shop = shop().await;
    let size = shop.wallet.ledger.head().size;
    let fits = shop.explain("travel", WARES[0], payment(("EUR", 2_000))).await;
    assert_eq!((reasons(&fits), fits.free), (vec![], false));
    assert_eq!(windows(&fits), ["payment", "day", "24h", "week"]);
    assert_eq!(fits.caps[3].remaining, Some(money(("EUR", 3_000 - PRICE))));
    let dear = shop.explain("travel", WARES[0], payment(("EUR", 5_001))).await;
    assert_eq!(reasons(&dear), [Reason::CapExceeded; 3], "by the payment, the day and the week");
    let yen = shop.explain("errands", WARES[2], payment(("JPY", 700))).await;
    assert_eq!(
        (reasons(&yen), windows(&yen)),
        (vec![], vec!["payment", "day", "lifetime", "month"])
    );
    assert_eq!(shop.wallet.ledger.head().size, size);

    let now = reading(MORNING);
    shop.wallet.ledger.freeze(now.clone(), 0, Scope::Wallet, None).await.unwrap();
    let frozen = shop.explain("travel", WARES[0], payment(("EUR", 5_001))).await;
    let expected = [Reason::Frozen, Reason::CapExceeded, Reason::CapExceeded, Reason::CapExceeded];
    assert_eq!(reasons(&frozen), expected, "what is answered comes first");
    shop.wallet.check(now, &[]).await;
}
