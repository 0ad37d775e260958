//! A quote: what a merchant's own API asks for one call, before the merchant commits to it in a cart.
//!
//! It is the answer to a question and no token: nobody signs it. It is read as strictly as a token, so that nothing is
//! ever signed which the merchant did not clearly say.

use thiserror::Error;

use super::cart::{CartClaims, LineItem, line_item};
use super::error::RuleError;
use super::member::{MemberError, Members, amount, array, text};
use crate::json::{JsonError, Object};
use crate::money::{Currency, Money};

/// Longest quote, in bytes.
pub const QUOTE_BYTES_MAX: usize = 64 * 1024;

/// Why bytes are not a quote.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuoteError {
    /// It is no strict JSON object.
    #[error("the quote {0}")]
    Json(#[source] JsonError),
    /// A member is missing, unknown, or out of its rules.
    #[error("the quote's {0}")]
    Member(#[source] MemberError),
    /// Its lines make no cart.
    #[error("the quote: {0}")]
    Rule(#[source] RuleError),
    /// It is too long.
    #[error("the quote has {actual} bytes; at most {QUOTE_BYTES_MAX} are read")]
    TooLarge {
        /// Its length in bytes.
        actual: usize,
    },
}

/// A price and what it is made of: lines that sum up to at least 1 minor unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    line_items: Vec<LineItem>,
    total: Money,
}

impl Quote {
    /// Makes a quote of 1 to [`super::LINE_ITEMS_MAX`] lines in one currency.
    ///
    /// # Errors
    ///
    /// [`QuoteError::Rule`] if the lines are too many, or sum up to nothing or to more than an amount can be.
    pub fn new(currency: Currency, line_items: Vec<LineItem>) -> Result<Self, QuoteError> {
        let amount = CartClaims::sum(&line_items).map_err(QuoteError::Rule)?;
        Ok(Self { line_items, total: Money { currency, amount } })
    }

    /// Reads `{"currency", "line_items"}`; a `total` in minor units may stand beside them, and then has to be their sum.
    ///
    /// # Errors
    ///
    /// [`QuoteError`] with the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, QuoteError> {
        if bytes.len() > QUOTE_BYTES_MAX {
            return Err(QuoteError::TooLarge { actual: bytes.len() });
        }
        let object = Object::parse(bytes).map_err(QuoteError::Json)?;
        let (currency, line_items, total) = Members::all(object, |members| {
            Ok((
                members.required("currency", text)?,
                members.required("line_items", array(line_item))?,
                members.optional("total", amount)?,
            ))
        })
        .map_err(QuoteError::Member)?;
        let quote = Self::new(currency, line_items)?;
        let sum = quote.total.amount;
        match total {
            Some(total) if total != sum => {
                Err(QuoteError::Rule(RuleError::TotalNotSum { sum, total }))
            }
            _ => Ok(quote),
        }
    }

    /// What the price is made of.
    #[must_use]
    pub fn line_items(&self) -> &[LineItem] {
        &self.line_items
    }

    /// The price: the sum of the lines, at least 1.
    #[must_use]
    pub fn total(&self) -> Money {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::super::LINE_ITEMS_MAX;
    use super::*;

    #[test]
    fn a_quote_is_a_currency_and_lines() {
        let quote = Quote::parse(
            br#"{"currency":"EUR","line_items":[{"title":"Room","quantity":2,"amount":18000},{"title":"Tax","quantity":1,"amount":0}],"total":18000}"#,
        )
        .unwrap();
        assert_eq!(quote.total().to_string(), "180.00 EUR");
        assert_eq!(quote.line_items().len(), 2);
    }

    /// What a provider gets wrong, and what its operator reads in the log.
    #[test]
    fn each_mistake_has_its_own_words() {
        let line = r#"{"title":"Room","quantity":1,"amount":1}"#;
        let many = vec![line; LINE_ITEMS_MAX + 1].join(",");
        for (text, words) in [
            ("", "the quote is not an object from its first byte on"),
            ("null", "the quote is not an object from its first byte on"),
            (r#"{"currency":"EUR"}"#, "the quote's `line_items` is missing"),
            (r#"{"line_items":[]}"#, "the quote's `currency` is missing"),
            (
                r#"{"currency":"EUR","line_items":[{"title":"Room","quantity":1,"amount":180.0}]}"#,
                "the quote holds a number that is not written as a plain whole number",
            ),
            (
                r#"{"currency":"EUR","line_items":[{"title":"Room","quantity":1,"amount":"180.00"}]}"#,
                "the quote's `line_items[0].amount` is not a whole number",
            ),
            (
                r#"{"currency":"EUR","line_items":[]}"#,
                "the quote: `line_items` has 0 lines; a cart has 1 to 32",
            ),
            (
                &format!(r#"{{"currency":"EUR","line_items":[{many}]}}"#),
                "the quote: `line_items` has 33 lines; a cart has 1 to 32",
            ),
            (
                &format!(r#"{{"currency":"EUR","line_items":[{line}],"total":2}}"#),
                "the quote: `total` is 2, and its lines sum up to 1",
            ),
            (
                r#"{"currency":"EUR","line_items":[{"title":"Room","quantity":1,"amount":0}]}"#,
                "the quote: `total` is 0; a paid action costs at least 1",
            ),
            (
                &format!(r#"{{"currency":"EUR","line_items":[{line}],"note":"x"}}"#),
                "the quote's `note` does not belong here",
            ),
        ] {
            assert_eq!(Quote::parse(text.as_bytes()).unwrap_err().to_string(), words, "{text}");
        }
        let currency = format!(r#"{{"currency":"XAU","line_items":[{line}]}}"#);
        let error = Quote::parse(currency.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("the quote's `currency`"), "{error}");
        let of_bytes = |bytes: usize| {
            let members = format!(r#""currency":"EUR","line_items":[{line}]}}"#);
            let spaces = " ".repeat(bytes - 1 - members.len());
            format!("{{{spaces}{members}").into_bytes()
        };
        Quote::parse(&of_bytes(QUOTE_BYTES_MAX)).unwrap();
        let long = Quote::parse(&of_bytes(QUOTE_BYTES_MAX + 1));
        assert!(matches!(long, Err(QuoteError::TooLarge { .. })));
    }
}
