//! Any month of any wallet: what a page adds up is what the ledger counts.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use mandate::clock::{BootTime, ClockReading};
use mandate::token::Status;
use mandate::{Mandate, Payment, UnixSeconds};
use mandate_ledger::{Redeemed, Scope, StoppedLedger};
use mandate_policy::Reason;
use mandate_tests::parties::{AGENTS, Parties, WARES};
use mandate_tests::tally::{Cap, PARIS, Price};
use mandate_tests::wallet::Wallet;
use proptest::prelude::*;
use proptest::sample::select;
use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::page::{Amount, amounts, mandate};

/// Two minutes before December 2026 in Paris.
const START: u64 = 1_796_079_480;
/// Every month that a sequence of steps can reach.
const MONTHS: [&str; 9] = [
    "2026-11", "2026-12", "2027-01", "2027-02", "2027-03", "2027-04", "2027-05", "2027-06",
    "2027-07",
];
const CURRENCIES: [&str; 2] = ["EUR", "JPY"];
const STEPS_MAX: usize = 28;
const CASES: u32 = 24;
/// More than any sequence spends.
const MUCH: u64 = 1_000_000;

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Buy { agent: &'static str, ware: usize, price: Price, stopped: bool },
    HandIn { payment: prop::sample::Index, executed: bool },
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let buy = (select(&AGENTS), 0..WARES.len(), select(&CURRENCIES), 1_u64..5_000, any::<u8>());
    let buy = buy.prop_map(|((agent, _), ware, currency, amount, luck)| Step::Buy {
        agent,
        ware,
        price: (currency, amount),
        stopped: luck < 25,
    });
    let hand_in = (any::<prop::sample::Index>(), any::<bool>())
        .prop_map(|(payment, executed)| Step::HandIn { payment, executed });
    let pass = select(vec![1, 59, 60, 61, 3_600, 86_400, 7 * 86_400]).prop_map(Step::Pass);
    prop_oneof![4 => buy, 4 => hand_in, 2 => pass]
}

/// A cap of each ware in each currency for ever, and of each currency over every kind of window.
fn caps() -> Vec<Cap> {
    let mut caps = Vec::new();
    for currency in CURRENCIES {
        for (merchant, action) in WARES {
            let about = [None, Some(merchant), Some(action)];
            caps.push(Cap { about, ..Cap::spend("lifetime", (currency, MUCH)) });
        }
        for per in ["month", "day", "week", "90m", "25h", "40d"] {
            caps.push(Cap::spend(per, (currency, MUCH)));
        }
    }
    caps
}

fn clock(wall: u64) -> ClockReading {
    let boot = BootTime {
        id: "b0".parse().expect("hexadecimal"),
        elapsed_ms: (wall - START + 60) * 1_000,
    };
    ClockReading { wall: UnixSeconds::new(wall).expect("a moment"), boot }
}

/// What the ledger says at the end.
struct Truth {
    folder: TempDir,
    now: u64,
    /// What each cap has counted, in their order.
    spent: Vec<u64>,
    /// What is held, by currency.
    held: BTreeMap<String, u64>,
}

async fn buy(wallet: &Wallet, now: u64, step: &Step) -> Option<Mandate<Payment>> {
    let Step::Buy { agent, ware, price, stopped } = *step else { return None };
    let intent = wallet.intent(clock(now), agent, WARES[ware], None).await.ok()?;
    let cart = wallet.parties.cart(&intent, price, clock(now).wall);
    let permit = wallet.reserve(clock(now), agent, &cart).await.ok()?;
    if stopped {
        wallet.ledger.freeze(clock(now), 0, Scope::Wallet, None).await.expect("an answer");
    }
    match wallet.sign(permit) {
        Redeemed::Signed(payment) => Some(payment),
        Redeemed::Withheld(withheld) => {
            wallet.ledger.withhold(clock(now), withheld).await.expect("an answer");
            wallet.ledger.thaw(clock(now), 0, Scope::Wallet).await.expect("an answer");
            None
        }
        other => panic!("{other:?}"),
    }
}

async fn lived(steps: Vec<Step>) -> Truth {
    let folder = tempfile::tempdir().expect("a folder");
    let parties = Arc::new(Parties::new([7; 32]));
    Wallet::create(folder.path(), &parties, START);
    let unsettled = u64::try_from(STEPS_MAX).expect("a number");
    let toml = parties.toml(&PARIS, unsettled, &caps());
    fs::write(folder.path().join("wallet.toml"), toml).expect("a file");
    let wallet = Wallet::open(folder.path(), &parties, PARIS, unsettled, caps()).expect("a ledger");
    let (mut now, mut payments) = (START, Vec::new());
    for step in &steps {
        match step {
            Step::Buy { .. } => payments.extend(buy(&wallet, now, step).await),
            Step::HandIn { payment, executed } if !payments.is_empty() => {
                let payment = payment.get(&payments);
                let status = if *executed { Status::Executed } else { Status::Void };
                let receipt = parties.receipt(payment, status, clock(now).wall);
                let agent = payment.claims().act.to_string();
                let answer = wallet.hand_in(clock(now), &agent, &receipt).await;
                // Against an earlier receipt it is a conflict, and its merchant is frozen: that ends here.
                assert!(matches!(answer, Ok(_) | Err(Reason::ReceiptConflict)), "{answer:?}");
                let merchant = Scope::Merchant(payment.claims().aud.clone());
                wallet.ledger.thaw(clock(now), 0, merchant).await.expect("an answer");
            }
            Step::HandIn { .. } => {}
            Step::Pass(seconds) => now += seconds,
        }
    }
    wallet.check(clock(now), &payments).await;
    let spent = wallet.spent(clock(now)).await.into_iter().map(|(amount, _)| amount).collect();
    let Wallet { ledger, .. } = wallet;
    let alone = mandate_tests::alone();
    ledger.close().expect("an orderly end");
    let mut held = BTreeMap::new();
    let stopped = StoppedLedger::open(folder.path()).expect("a ledger");
    for hold in stopped.holds(0, STEPS_MAX).expect("holds") {
        let total = hold.total();
        *held.entry(total.currency.to_string()).or_default() += total.amount.units();
    }
    drop(stopped);
    drop(alone);
    Truth { folder, now, spent, held }
}

/// The page of one month.
fn page(truth: &Truth, month: &str) -> Vec<Amount> {
    let folder = truth.folder.path();
    let file = folder.join("page.html");
    let html = file.to_str().expect("UTF-8");
    let arguments = ["statement", "--month", month, "--html", html];
    let alone = mandate_tests::alone();
    mandate(&folder.join("wallet.toml"), folder, truth.now, &arguments).yes();
    drop(alone);
    amounts(&fs::read_to_string(file).expect("a page"))
}

fn sum<'a>(amounts: impl IntoIterator<Item = &'a Amount>, fits: impl Fn(&Amount) -> bool) -> u64 {
    amounts.into_iter().filter(|amount| fits(amount)).map(|amount| amount.minor).sum()
}

fn agree(truth: &Truth) {
    let pages = MONTHS.map(|month| page(truth, month));
    for page in &pages {
        let used: Vec<_> =
            page.iter().filter(|a| a.sum == "used_now").map(|amount| amount.minor).collect();
        assert_eq!(used, truth.spent, "what is used now, cap by cap");
        for currency in CURRENCIES {
            // Each table of the page adds up to the same.
            let total = |name: &str| {
                sum(page, |a| a.sum == name && a.currency == currency && a.is_of_a_currency)
            };
            let rows = |name: &str| {
                sum(page, |a| a.sum == name && a.currency == currency && a.of.is_some())
            };
            for name in ["executed", "held", "counted", "given_back"] {
                assert_eq!(total(name), rows(name), "{name} in {currency}");
            }
            let lines = |fates: &[&str]| {
                let is_one =
                    |fate: &Option<String>| fate.as_deref().is_some_and(|f| fates.contains(&f));
                sum(page, |a| a.currency == currency && is_one(&a.fate))
            };
            assert_eq!(total("counted"), total("executed") + total("held"));
            assert_eq!(total("executed"), lines(&["executed", "conflict"]));
            assert_eq!(total("held"), lines(&["held"]));
            assert_eq!(total("given_back"), lines(&["void", "withheld"]));
        }
    }
    // All months together are the life of the wallet.
    let everything: Vec<_> = pages.iter().flatten().collect();
    for (cap, spent) in caps().iter().zip(&truth.spent) {
        let (Some((currency, _)), [_, Some(merchant), Some(action)]) = (cap.spend, cap.about)
        else {
            continue;
        };
        let of = Some((merchant.to_owned(), action.to_owned()));
        let counted = sum(everything.iter().copied(), |a| {
            a.sum == "counted" && a.currency == currency && a.of == of
        });
        assert_eq!(counted, *spent, "{action} of {merchant} in {currency}");
    }
    for currency in CURRENCIES {
        let held = sum(everything.iter().copied(), |a| {
            a.sum == "held" && a.currency == currency && a.is_of_a_currency
        });
        assert_eq!(held, truth.held.get(currency).copied().unwrap_or(0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var_os("PROPTEST_CASES").map_or(CASES, |_| ProptestConfig::default().cases),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_sum_is_the_ledgers(steps in prop::collection::vec(step(), 1..STEPS_MAX)) {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        agree(&runtime.block_on(lived(steps)));
    }
}
