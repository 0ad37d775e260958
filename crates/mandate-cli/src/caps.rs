//! Caps and what is left of them, as the wallet tells it.

use mandate::{Currency, MerchantId, Money, Sku, UnixSeconds};
use mandate_proto::v1;
use serde::Serialize;

use crate::failure::Failure;
use crate::time::local;
use crate::ui::{Align, Table};
use crate::wire::{non_empty, optional_money, time};

/// The window in which nothing adds up.
const PER_PAYMENT: &str = "payment";

/// One cap and what is left of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) struct CapLeft {
    per: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spent: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_limit: Option<u32>,
    count_used: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    resets_at: Option<UnixSeconds>,
}

impl CapLeft {
    /// Reads a cap from the wire.
    pub(crate) fn read(wire: v1::CapBudget) -> Result<Self, Failure> {
        let v1::CapBudget {
            per,
            limit,
            spent,
            remaining,
            count_limit,
            count_used,
            resets_at,
            merchant_id,
            action_sku,
        } = wire;
        Ok(Self {
            per,
            merchant: non_empty(merchant_id),
            action: non_empty(action_sku),
            limit: optional_money(limit.as_ref())?,
            spent: optional_money(spent.as_ref())?,
            remaining: optional_money(remaining.as_ref())?,
            // On the wire 0 means that payments are not counted.
            count_limit: Some(count_limit).filter(|limit| *limit > 0),
            count_used,
            resets_at: time(resets_at)?,
        })
    }

    /// Whether it counts what is asked about; a cap that names nothing counts everything.
    pub(crate) fn applies(&self, filter: &Filter) -> bool {
        fn fits(named: Option<&str>, asked: Option<&str>) -> bool {
            named.is_none() || asked.is_none() || named == asked
        }
        let Filter { merchant, action, currency } = filter;
        fits(self.merchant.as_deref(), merchant.as_ref().map(MerchantId::as_str))
            && fits(self.action.as_deref(), action.as_ref().map(Sku::as_str))
            && fits(self.limit.map(|limit| limit.currency.code()), currency.map(Currency::code))
    }

    fn cells(&self) -> [String; 7] {
        // A cap on one payment adds nothing up: nothing is spent of it, and all of it is left.
        let adds_up = self.per != PER_PAYMENT;
        let amount =
            |money: Option<Money>| money.map(|money| money.to_string()).unwrap_or_default();
        let payments = match self.count_limit {
            Some(limit) => format!("{} of {limit}", self.count_used),
            None if adds_up => self.count_used.to_string(),
            None => String::new(),
        };
        [
            self.per.clone(),
            [self.merchant.as_deref(), self.action.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
            amount(self.limit),
            amount(self.spent.filter(|_| adds_up)),
            amount(self.remaining.filter(|_| adds_up)),
            payments,
            self.resets_at.map(local).unwrap_or_default(),
        ]
    }
}

/// What caps are narrowed to.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// Those that count this merchant.
    pub(crate) merchant: Option<MerchantId>,
    /// Those that count this action.
    pub(crate) action: Option<Sku>,
    /// Those that count this currency.
    pub(crate) currency: Option<Currency>,
}

/// Caps as people read them.
pub(crate) fn table(caps: &[CapLeft]) -> Table {
    let mut table = Table::new([
        ("per", Align::Left),
        ("only for", Align::Left),
        ("limit", Align::Right),
        ("spent", Align::Right),
        ("left", Align::Right),
        ("payments", Align::Right),
        ("starts anew", Align::Left),
    ]);
    for cap in caps {
        table.row(cap.cells());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cap(merchant: &str, limit: Option<(&str, i64)>) -> CapLeft {
        let money = |units| {
            limit.map(|(code, _)| v1::Money { currency: code.to_owned(), minor_units: units })
        };
        CapLeft::read(v1::CapBudget {
            per: "day".to_owned(),
            limit: limit.and_then(|(_, units)| money(units)),
            spent: money(0),
            remaining: limit.and_then(|(_, units)| money(units)),
            count_limit: 0,
            count_used: 2,
            merchant_id: merchant.to_owned(),
            ..v1::CapBudget::default()
        })
        .unwrap()
    }

    #[test]
    fn a_cap_that_names_nothing_counts_everything() {
        let filter = |merchant: &str, currency: &str| Filter {
            merchant: Some(merchant.parse().unwrap()),
            action: None,
            currency: Some(currency.parse().unwrap()),
        };
        let wide = cap("", None);
        let narrow = cap("lux-hotels", Some(("EUR", 50_000)));
        assert!(wide.applies(&filter("books", "JPY")));
        assert!(narrow.applies(&filter("lux-hotels", "EUR")));
        assert!(!narrow.applies(&filter("books", "EUR")));
        assert!(!narrow.applies(&filter("lux-hotels", "JPY")));
        assert!(narrow.applies(&Filter::default()));
    }

    #[test]
    fn an_absent_limit_is_no_limit() {
        let cells = cap("lux-hotels", None).cells();
        assert_eq!(
            cells.map(|cell| cell.replace(' ', "")),
            ["day", "lux-hotels", "", "", "", "2", ""]
        );
    }
}
