//! The kinds of faults, and their stable names.

use std::error::Error as StdError;

use mandate::AmountError;
use mandate::id::IdError;
use mandate::key::KeyError;
use mandate::text::TextError;
use thiserror::Error;

use crate::once::Once;
use crate::url::UrlError;

/// A fault that only one side's file can have, told beside those that any file can have.
///
/// Its text follows the field in a message, and says what to do: `is empty; name at least one agent`.
pub trait OwnFault: StdError + Clone + PartialEq + Eq + 'static {
    /// A stable name.
    fn code(&self) -> &'static str;

    /// Whether it lies in one value alone, so that it is sure even where other lines could not be read.
    fn stands_alone(&self) -> bool;
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FaultKind<F: OwnFault> {
    /// An amount that is none.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// An amount as a bare number.
    #[error(
        "is a bare number; write the amount in quotes, with its currency, as in \"250.00 EUR\""
    )]
    AmountUnquoted,
    /// Something stands twice.
    #[error("{} already on line {line}; remove one of the two", what.said())]
    Duplicate {
        /// What it is.
        what: Once,
        /// Where it stands first.
        line: usize,
    },
    /// An id that is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A whole number in another notation.
    #[error("is not in plain decimal; write it without sign, prefix, or underscore, as in 100")]
    IntegerForm,
    /// A whole number out of its range.
    #[error("is {actual}; it has to be from {min} to {max}")]
    IntegerRange {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// The number as written.
        actual: String,
    },
    /// A list is longer than any real one.
    #[error("has {actual} entries; at most {limit} are read")]
    ItemsMax {
        /// The most.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// A public key that is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A party without keys.
    #[error(
        "is empty; without a key nothing of this {whose} could be verified: list the public key that it publishes"
    )]
    KeysEmpty {
        /// The party: a merchant, a principal.
        whose: &'static str,
    },
    /// A key or table that has to be there.
    #[error("is missing; add {example}")]
    Missing {
        /// How it is written.
        example: &'static str,
    },
    /// A socket address that other machines may reach.
    #[error(
        "can be reached from other machines, and whoever reaches it reads the figures; listen on this machine alone"
    )]
    NotLoopback,
    /// What only this side's file can have.
    #[error(transparent)]
    Own(#[from] F),
    /// A socket address that is none.
    #[error(
        "is not an address to listen on; write an IP address and a port, as in \"127.0.0.1:8402\""
    )]
    SocketAddress,
    /// An unknown key store.
    #[error("is not a key store; use auto, secret-service, keyutils, or credential")]
    Store,
    /// It is no TOML.
    #[error("not TOML: {message}")]
    Syntax {
        /// The TOML parser's words.
        message: String,
    },
    /// A text that cannot be shown.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A text of nothing.
    #[error("is empty")]
    TextEmpty,
    /// A life that is none.
    #[error("is not a life; write whole seconds or minutes, as in \"60s\" or \"5m\"")]
    TtlForm,
    /// A life out of its range.
    #[error("is {actual}; it has to be from {min_s}s to {max_s}s")]
    TtlRange {
        /// The least, in seconds.
        min_s: u64,
        /// The most, in seconds.
        max_s: u64,
        /// The life as written.
        actual: String,
    },
    /// A value of another type.
    #[error("is {found}; write {expected}")]
    Type {
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A key that means nothing here.
    #[error("is not known here; {}", known_keys(known))]
    UnknownKey {
        /// The keys that are.
        known: &'static [&'static str],
    },
    /// An address that is none.
    #[error(transparent)]
    Url(#[from] UrlError),
}

impl<F: OwnFault> FaultKind<F> {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Amount(AmountError::CurrencyUnknown { .. }) => "currency_unknown",
            Self::Amount(AmountError::Digits { .. }) => "amount_digits",
            Self::Amount(AmountError::Overflow) => "amount_above_max",
            Self::Amount(_) => "amount_form",
            Self::AmountUnquoted => "amount_unquoted",
            Self::Duplicate { what, .. } => what.code(),
            Self::Id(_) => "id_invalid",
            Self::IntegerForm => "integer_form",
            Self::IntegerRange { .. } => "integer_range",
            Self::ItemsMax { .. } => "items_above_max",
            Self::Key(_) => "key_invalid",
            Self::KeysEmpty { .. } => "keys_empty",
            Self::Missing { .. } => "missing",
            Self::NotLoopback => "not_loopback",
            Self::Own(own) => own.code(),
            Self::SocketAddress => "socket_address_form",
            Self::Store => "store_unknown",
            Self::Syntax { .. } => "syntax",
            Self::Text(TextError::TooLong { .. }) => "text_too_long",
            Self::Text(_) => "text_character",
            Self::TextEmpty => "text_empty",
            Self::TtlForm => "ttl_form",
            Self::TtlRange { .. } => "ttl_range",
            Self::Type { .. } => "type",
            Self::UnknownKey { .. } => "unknown_key",
            Self::Url(UrlError::TooLong { .. }) => "url_too_long",
            Self::Url(_) => "url_invalid",
        }
    }

    /// Whether it lies in one value alone, so that it is sure even where other lines could not be read.
    pub(crate) fn stands_alone(&self) -> bool {
        match self {
            Self::Amount(_)
            | Self::AmountUnquoted
            | Self::Id(_)
            | Self::IntegerForm
            | Self::IntegerRange { .. }
            | Self::Key(_)
            | Self::NotLoopback
            | Self::SocketAddress
            | Self::Store
            | Self::Text(_)
            | Self::TtlForm
            | Self::TtlRange { .. }
            | Self::Url(_) => true,
            Self::Own(own) => own.stands_alone(),
            Self::Duplicate { .. }
            | Self::ItemsMax { .. }
            | Self::KeysEmpty { .. }
            | Self::Missing { .. }
            | Self::Syntax { .. }
            | Self::TextEmpty
            | Self::Type { .. }
            | Self::UnknownKey { .. } => false,
        }
    }
}

fn known_keys(known: &[&str]) -> String {
    format!("the keys here are {}", known.join(", "))
}
