//! Money: whole minor units of a currency that has an ISO 4217 exponent.
//!
//! Nothing here rounds, converts or uses floats; all arithmetic is checked.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Largest integer that every JSON reader holds exactly: 2^53 − 1 (RFC 8259, section 6).
pub const EXACT_INTEGER_MAX: u64 = 9_007_199_254_740_991;

/// Why an amount cannot be read or computed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AmountError {
    /// Two amounts of different currencies met.
    #[error("{left} and {right} are different currencies; nothing is converted")]
    CurrencyMismatch {
        /// Currency of the first amount.
        left: Currency,
        /// Currency of the second amount.
        right: Currency,
    },
    /// The code is not an ISO 4217 currency with an exponent.
    #[error(
        "{code:?} is not an ISO 4217 currency with minor units (three capital letters, as in EUR)"
    )]
    CurrencyUnknown {
        /// The code as written.
        code: String,
    },
    /// The fraction does not have exactly the currency's digits.
    #[error("{currency} is written with exactly {expected} digits after the point, not {actual}")]
    Digits {
        /// The currency.
        currency: Currency,
        /// Digits its ISO 4217 exponent asks for.
        expected: usize,
        /// Digits that were written.
        actual: usize,
    },
    /// The result or the number is past 2^53 − 1 minor units.
    #[error("is past {EXACT_INTEGER_MAX} minor units")]
    Overflow,
    /// It is not `<amount> <currency>`.
    #[error("is not an amount and a currency, as in \"250.00 EUR\"")]
    Shape,
    /// A larger amount was taken from a smaller one.
    #[error("would fall below zero")]
    Underflow,
}

/// An ISO 4217 currency that has an exponent (XAU and the like have none and are refused).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Digits after the point: JPY 0, EUR 2, BHD 3.
    #[must_use]
    pub fn exponent(self) -> usize {
        self.0.exponent().map_or(0, usize::from)
    }
}

impl FromStr for Currency {
    type Err = AmountError;

    fn from_str(code: &str) -> Result<Self, AmountError> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| currency.exponent().is_some() && currency.code() == code)
            .map(Self)
            .ok_or_else(|| AmountError::CurrencyUnknown { code: code.chars().take(16).collect() })
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> Ordering {
        self.code().cmp(other.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl TryFrom<String> for Currency {
    type Error = AmountError;

    fn try_from(code: String) -> Result<Self, AmountError> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

/// A whole number of minor units, at most 2^53 − 1.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
pub struct MinorUnits(u64);

impl MinorUnits {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The least amount.
    pub const ONE: Self = Self(1);
    /// The largest amount.
    pub const MAX: Self = Self(EXACT_INTEGER_MAX);

    /// Takes a number of minor units.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`] past 2^53 − 1.
    pub fn new(units: u64) -> Result<Self, AmountError> {
        if units > EXACT_INTEGER_MAX {
            return Err(AmountError::Overflow);
        }
        Ok(Self(units))
    }

    /// The number of minor units.
    #[must_use]
    pub fn units(self) -> u64 {
        self.0
    }

    /// The sum.
    ///
    /// # Errors
    ///
    /// [`AmountError::Overflow`] past 2^53 − 1.
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        Self::new(self.0.checked_add(other.0).ok_or(AmountError::Overflow)?)
    }

    /// The difference.
    ///
    /// # Errors
    ///
    /// [`AmountError::Underflow`] if `other` is larger.
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Underflow)
    }
}

impl TryFrom<u64> for MinorUnits {
    type Error = AmountError;

    fn try_from(units: u64) -> Result<Self, AmountError> {
        Self::new(units)
    }
}

impl From<MinorUnits> for u64 {
    fn from(units: MinorUnits) -> Self {
        units.0
    }
}

/// An amount of one currency; as text `"250.00 EUR"`, `"500 JPY"`, `"1.250 BHD"`.
///
/// In tokens it is `{"currency": "EUR", "amount": 25000}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The currency.
    pub currency: Currency,
    /// The amount in its minor units.
    pub amount: MinorUnits,
}

impl Money {
    /// Adds two amounts of one currency.
    ///
    /// # Errors
    ///
    /// [`AmountError::CurrencyMismatch`] if they differ; [`AmountError::Overflow`] past 2^53 − 1.
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        if self.currency != other.currency {
            return Err(AmountError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            });
        }
        Ok(Self { currency: self.currency, amount: self.amount.checked_add(other.amount)? })
    }
}

/// Reads a run of ASCII digits; nothing else counts as a number here.
fn digits(text: &str) -> Result<u64, AmountError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AmountError::Shape);
    }
    text.parse().or(Err(AmountError::Overflow))
}

fn scale(currency: Currency) -> u64 {
    (0..currency.exponent()).fold(1, |scale: u64, _| scale.saturating_mul(10))
}

impl FromStr for Money {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (number, code) = text.split_once(' ').ok_or(AmountError::Shape)?;
        let currency: Currency = code.parse()?;
        let (major, minor) = match number.split_once('.') {
            Some((major, minor)) => (digits(major)?, (digits(minor)?, minor.len())),
            None => (digits(number)?, (0, 0)),
        };
        if number.len() > 1 && number.starts_with('0') && !number.starts_with("0.") {
            return Err(AmountError::Shape);
        }
        let (minor, actual) = minor;
        let expected = currency.exponent();
        if actual != expected || (expected == 0 && number.contains('.')) {
            return Err(AmountError::Digits { currency, expected, actual });
        }
        let units = major
            .checked_mul(scale(currency))
            .and_then(|units| units.checked_add(minor))
            .ok_or(AmountError::Overflow)?;
        Ok(Self { currency, amount: MinorUnits::new(units)? })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = scale(self.currency);
        let units = self.amount.units();
        let major = units.checked_div(scale).unwrap_or(units);
        let minor = units.checked_rem(scale).unwrap_or(0);
        match self.currency.exponent() {
            0 => write!(f, "{major} {}", self.currency),
            width => write!(f, "{major}.{minor:0width$} {}", self.currency),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(text: &str) -> Result<Money, AmountError> {
        text.parse()
    }

    #[test]
    fn amounts_have_exactly_the_digits_of_their_currency() {
        assert_eq!(money("250.00 EUR").unwrap().amount.units(), 25_000);
        assert_eq!(money("500 JPY").unwrap().amount.units(), 500);
        assert_eq!(money("1.250 BHD").unwrap().amount.units(), 1_250);
        assert!(matches!(
            money("250 EUR"),
            Err(AmountError::Digits { expected: 2, actual: 0, .. })
        ));
        assert!(matches!(
            money("10.005 EUR"),
            Err(AmountError::Digits { expected: 2, actual: 3, .. })
        ));
        assert!(matches!(
            money("500.0 JPY"),
            Err(AmountError::Digits { expected: 0, actual: 1, .. })
        ));
    }

    #[test]
    fn what_is_not_an_amount_is_refused() {
        for text in [
            "",
            "EUR",
            "1.00EUR",
            "-1.00 EUR",
            "+1.00 EUR",
            "01.00 EUR",
            "1,00 EUR",
            ".50 EUR",
            "1. EUR",
            "1.00  EUR",
            "1e2 JPY",
        ] {
            assert!(money(text).is_err(), "{text:?} was read as money");
        }
        for code in ["eur", "XAU", "EURO", "ZZZ"] {
            assert!(
                matches!(money(&format!("1.00 {code}")), Err(AmountError::CurrencyUnknown { .. })),
                "{code}"
            );
        }
        assert_eq!(money("90071992547409.92 EUR"), Err(AmountError::Overflow));
        assert!(money("90071992547409.91 EUR").is_ok());
    }

    proptest! {
        #[test]
        fn parse_undoes_print(units in 0..=EXACT_INTEGER_MAX, code in prop::sample::select(vec!["EUR", "JPY", "BHD", "CLF"])) {
            let money = Money { currency: code.parse().unwrap(), amount: MinorUnits::new(units).unwrap() };
            prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
        }
    }
}
