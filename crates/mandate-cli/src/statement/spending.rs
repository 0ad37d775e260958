//! Where the money went: sums by merchant and action, in each currency by itself.

use std::collections::BTreeMap;

use mandate::{Currency, MerchantId, MinorUnits, Money, Sku};
use serde::Serialize;

use super::purchases::{Fate, Purchase, add};

/// Sums of payments in one currency.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Sums {
    /// How many payments were minted, whatever became of them.
    pub(super) payments: usize,
    /// What was executed; also where receipts contradict each other.
    pub(super) executed: Money,
    /// What is minted and not settled.
    pub(super) held: Money,
    /// What counts against the caps: executed and held.
    pub(super) counted: Money,
    /// What came back.
    pub(super) given_back: Money,
}

/// Sums of one merchant's action.
#[derive(Debug, Serialize)]
pub(super) struct SpendingLine {
    pub(super) merchant: MerchantId,
    pub(super) action: Sku,
    #[serde(flatten)]
    pub(super) sums: Sums,
}

/// Sums of a whole currency.
#[derive(Debug, Serialize)]
pub(super) struct Total {
    pub(super) currency: Currency,
    #[serde(flatten)]
    pub(super) sums: Sums,
}

/// Free actions of one merchant.
#[derive(Debug, Serialize)]
pub(super) struct FreeLine {
    pub(super) merchant: MerchantId,
    pub(super) action: Sku,
    /// How many intents were minted for it.
    pub(super) asked: usize,
    /// How many of them have a receipt.
    pub(super) answered: usize,
}

impl Sums {
    fn zero(currency: Currency) -> Self {
        let zero = Money { currency, amount: MinorUnits::ZERO };
        Self { payments: 0, executed: zero, held: zero, counted: zero, given_back: zero }
    }

    fn count(&mut self, purchase: &Purchase) {
        let amount = purchase.total.amount;
        let (part, counts) = match purchase.fate {
            Fate::Conflict | Fate::Executed => (&mut self.executed, true),
            Fate::Held => (&mut self.held, true),
            Fate::Void | Fate::Withheld => (&mut self.given_back, false),
        };
        part.amount = add(part.amount, amount);
        if counts {
            self.counted.amount = add(self.counted.amount, amount);
        }
        self.payments = self.payments.saturating_add(1);
    }
}

/// Adds purchases up: by currency, merchant and action, and by currency alone.
pub(super) fn sums(purchases: &[Purchase]) -> (Vec<SpendingLine>, Vec<Total>) {
    let mut lines: BTreeMap<_, Sums> = BTreeMap::new();
    let mut totals: BTreeMap<Currency, Sums> = BTreeMap::new();
    for purchase in purchases {
        let Purchase { merchant, action, total, .. } = purchase;
        let currency = total.currency;
        let zero = || Sums::zero(currency);
        lines.entry((currency, merchant, action)).or_insert_with(zero).count(purchase);
        totals.entry(currency).or_insert_with(zero).count(purchase);
    }
    let lines = lines.into_iter().map(|((_, merchant, action), sums)| SpendingLine {
        merchant: merchant.clone(),
        action: action.clone(),
        sums,
    });
    let totals = totals.into_iter().map(|(currency, sums)| Total { currency, sums });
    (lines.collect(), totals.collect())
}
