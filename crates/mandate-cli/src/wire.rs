//! Between the wire's messages and the types that people and programs are shown.
//!
//! What the daemon answers is read as strictly as what it is asked: an answer that cannot be read is no answer.

use std::fmt;

use mandate::{MinorUnits, Money, UnixSeconds};
use mandate_proto::v1;
use prost_types::Timestamp;

use crate::failure::Failure;
use crate::wallet::WALLET;

/// An amount as it came.
pub(crate) fn money(wire: &v1::Money) -> Result<Money, Failure> {
    let currency = wire.currency.parse().map_err(unreadable)?;
    let units = u64::try_from(wire.minor_units).map_err(unreadable)?;
    Ok(Money { currency, amount: MinorUnits::new(units).map_err(unreadable)? })
}

/// An amount that may be absent.
pub(crate) fn optional_money(wire: Option<&v1::Money>) -> Result<Option<Money>, Failure> {
    wire.map(money).transpose()
}

/// An amount as it goes.
pub(crate) fn money_out(money: Money) -> v1::Money {
    v1::Money {
        currency: money.currency.to_string(),
        // An amount is at most 2^53 − 1.
        minor_units: i64::try_from(money.amount.units()).unwrap_or(i64::MAX),
    }
}

/// A moment that may be absent.
pub(crate) fn time(wire: Option<Timestamp>) -> Result<Option<UnixSeconds>, Failure> {
    let read = |time: Timestamp| {
        let seconds = u64::try_from(time.seconds).map_err(unreadable)?;
        UnixSeconds::new(seconds).map_err(unreadable)
    };
    wire.map(read).transpose()
}

/// A text that may be empty.
pub(crate) fn non_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn unreadable(error: impl fmt::Display) -> Failure {
    Failure::Remote { peer: WALLET, problem: format!("its answer cannot be read ({error})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_keeps_its_minor_units() {
        let wire = v1::Money { currency: "JPY".to_owned(), minor_units: 500 };
        let read = money(&wire).unwrap();
        assert_eq!(read.to_string(), "500 JPY");
        assert_eq!(money_out(read), wire);
    }

    #[test]
    fn what_is_no_amount_and_no_moment_is_no_answer() {
        let negative = v1::Money { currency: "EUR".to_owned(), minor_units: -1 };
        assert!(matches!(money(&negative), Err(Failure::Remote { .. })));
        assert!(matches!(money(&v1::Money::default()), Err(Failure::Remote { .. })));
        let before_1970 = Timestamp { seconds: -1, nanos: 0 };
        assert!(matches!(time(Some(before_1970)), Err(Failure::Remote { .. })));
        assert!(matches!(time(None), Ok(None)));
    }
}
