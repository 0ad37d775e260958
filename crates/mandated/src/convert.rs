//! Between the wire's messages and the types of the rooms, in both directions.
//!
//! A message that came in is taken apart field by field here, and nowhere else; what a field says wrong is a
//! [`Refusal::FieldInvalid`] that names it.

use std::fmt;
use std::str::FromStr;

use mandate::{Currency, MinorUnits, Money, UnixSeconds};
use mandate_ledger::{CapBudget, Refusal};
use mandate_proto::v1;
use prost_types::Timestamp;

/// A refusal of one field.
pub(crate) fn invalid(field: &'static str, problem: impl fmt::Display) -> Refusal {
    Refusal::FieldInvalid { field, problem: problem.to_string() }
}

/// Reads a text field that must be there.
pub(crate) fn required<T>(field: &'static str, text: &str) -> Result<T, Refusal>
where
    T: FromStr<Err: fmt::Display>,
{
    text.parse().map_err(|error| invalid(field, error))
}

/// Reads a text field that may be empty.
pub(crate) fn optional<T>(field: &'static str, text: &str) -> Result<Option<T>, Refusal>
where
    T: FromStr<Err: fmt::Display>,
{
    if text.is_empty() { Ok(None) } else { required(field, text).map(Some) }
}

/// Reads an amount.
pub(crate) fn money(field: &'static str, money: v1::Money) -> Result<Money, Refusal> {
    let v1::Money { currency, minor_units } = money;
    let currency: Currency = required(field, &currency)?;
    let units = u64::try_from(minor_units)
        .or(Err("minor_units is negative; an amount is 0 or more"))
        .map_err(|problem| invalid(field, problem))?;
    let amount = MinorUnits::new(units).map_err(|error| invalid(field, error))?;
    Ok(Money { currency, amount })
}

/// An amount as it goes over the wire.
pub(crate) fn money_out(money: Money) -> v1::Money {
    v1::Money {
        currency: money.currency.to_string(),
        // An amount is at most 2^53 − 1.
        minor_units: i64::try_from(money.amount.units()).unwrap_or(i64::MAX),
    }
}

/// A moment as it goes over the wire.
pub(crate) fn timestamp(time: UnixSeconds) -> Timestamp {
    // A moment is at most 2^53 − 1 seconds.
    Timestamp { seconds: i64::try_from(time.seconds()).unwrap_or(i64::MAX), nanos: 0 }
}

/// A cap and what is left of it, as it goes over the wire.
pub(crate) fn cap(budget: CapBudget) -> v1::CapBudget {
    let CapBudget {
        label: _,
        per,
        limit,
        spent,
        remaining,
        count_limit,
        count_used,
        resets_at,
        merchant,
        action,
        agent: _,
    } = budget;
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    v1::CapBudget {
        per,
        limit: limit.map(money_out),
        spent: spent.map(money_out),
        remaining: remaining.map(money_out),
        count_limit: count_limit.map_or(0, count),
        count_used: count(count_used),
        resets_at: resets_at.map(timestamp),
        merchant_id: merchant.map(String::from).unwrap_or_default(),
        action_sku: action.map(String::from).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(refusal: Refusal) -> (&'static str, String) {
        match refusal {
            Refusal::FieldInvalid { field, problem } => (field, problem),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_amount_is_exact_and_not_negative() {
        let wire = |minor_units| v1::Money { currency: "EUR".to_owned(), minor_units };
        let read = money("price_max", wire(25_000)).unwrap();
        assert_eq!(read.to_string(), "250.00 EUR");
        assert_eq!(money_out(read), wire(25_000));
        assert_eq!(problem(money("price_max", wire(-1)).unwrap_err()).0, "price_max");
        assert!(money("price_max", wire(1 << 53)).is_err());
        let gold = v1::Money { currency: "XAU".to_owned(), minor_units: 1 };
        assert!(money("price_max", gold).is_err());
    }

    #[test]
    fn an_empty_optional_field_is_absent() {
        assert_eq!(optional::<Currency>("currency", "").unwrap(), None);
        assert!(optional::<Currency>("currency", "eur").is_err());
    }
}
