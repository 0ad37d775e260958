//! Takes the members of a strict JSON object by name, and refuses what is left.

use std::str::FromStr;

use thiserror::Error;

use super::action::QuantityError;
use super::receipt::StatusError;
use crate::digest::{DigestError, Head};
use crate::id::IdError;
use crate::json::{Object, Value, excerpt};
use crate::money::{AmountError, MinorUnits, Money};
use crate::text::TextError;
use crate::time::{TimeError, UnixSeconds};

/// A member of a header or of the claims is missing, unknown or wrong.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("`{at}` {fault}")]
pub struct MemberError {
    /// Where it is, as in `line_items[2].amount`.
    pub at: String,
    /// What is wrong with it.
    #[source]
    pub fault: MemberFault,
}

/// What is wrong with a member.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemberFault {
    /// It is required and not there.
    #[error("is missing")]
    Missing,
    /// It is of another JSON type.
    #[error("is not {expected}")]
    Type {
        /// What it has to be.
        expected: &'static str,
    },
    /// Nothing by this name belongs here.
    #[error("does not belong here")]
    Unknown,
    /// Its value is out of the rules.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// Why a value is refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueError {
    /// An amount or a currency.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// A digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// An identifier.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A quantity.
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    /// The head of a log in which the token's own entry cannot be.
    #[error("is the head of an empty log")]
    Size,
    /// A receipt's status.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// A free text.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A moment.
    #[error(transparent)]
    Time(#[from] TimeError),
}

impl ValueError {
    /// A stable name of the fault.
    fn code(&self) -> &'static str {
        match self {
            Self::Amount(AmountError::CurrencyUnknown { .. }) => "currency_unknown",
            Self::Amount(_) => "amount_invalid",
            Self::Digest(_) => "digest_invalid",
            Self::Id(_) => "id_invalid",
            Self::Quantity(_) => "quantity_range",
            Self::Size => "log_empty",
            Self::Status(_) => "status_unknown",
            Self::Text(TextError::TooLong { .. }) => "text_too_long",
            Self::Text(_) => "text_character",
            Self::Time(_) => "time_range",
        }
    }
}

impl MemberError {
    /// A fault of the value at hand; [`MemberError::within`] names the way to it.
    fn here(fault: MemberFault) -> Self {
        Self { at: String::new(), fault }
    }

    fn expected(expected: &'static str) -> Self {
        Self::here(MemberFault::Type { expected })
    }

    fn value(error: impl Into<ValueError>) -> Self {
        Self::here(MemberFault::Value(error.into()))
    }

    /// The same fault, seen from one level further out.
    fn within(self, outer: &str) -> Self {
        let Self { at: inner, fault } = self;
        let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
        Self { at: format!("{outer}{dot}{inner}"), fault }
    }

    /// A stable name of the fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.fault {
            MemberFault::Missing => "member_missing",
            MemberFault::Type { .. } => "member_type",
            MemberFault::Unknown => "member_unknown",
            MemberFault::Value(error) => error.code(),
        }
    }
}

/// The members of one object that were not taken yet.
#[derive(Debug)]
pub struct Members<'a>(Object<'a>);

impl<'a> Members<'a> {
    /// Reads a whole object: what `read` does not take is refused by name.
    pub(super) fn all<T>(
        object: Object<'a>,
        read: impl FnOnce(&mut Self) -> Result<T, MemberError>,
    ) -> Result<T, MemberError> {
        let mut members = Self(object);
        let value = read(&mut members)?;
        match members.0.first_key() {
            Some(key) => Err(MemberError { at: excerpt(key), fault: MemberFault::Unknown }),
            None => Ok(value),
        }
    }

    /// Takes a member that has to be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, MemberError>,
    ) -> Result<T, MemberError> {
        self.optional(name, read)?
            .ok_or_else(|| MemberError::here(MemberFault::Missing).within(name))
    }

    /// Takes a member that may be left out; `null` is not a way to leave it out.
    pub(super) fn optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value<'a>) -> Result<T, MemberError>,
    ) -> Result<Option<T>, MemberError> {
        let value = self.0.take(name).map(read).transpose();
        value.map_err(|error| error.within(name))
    }
}

/// Reads a text into its type.
pub(super) fn text<T: FromStr<Err: Into<ValueError>>>(value: Value<'_>) -> Result<T, MemberError> {
    raw_text(value, |text| text.parse().map_err(MemberError::value))
}

/// Reads a text as it stands.
pub(super) fn raw_text<T>(
    value: Value<'_>,
    read: impl FnOnce(&str) -> Result<T, MemberError>,
) -> Result<T, MemberError> {
    match value {
        Value::Text(text) => read(&text),
        _ => Err(MemberError::expected("a text")),
    }
}

/// Reads a whole number.
#[expect(clippy::needless_pass_by_value, reason = "readers of all types have one signature")]
pub(super) fn integer(value: Value<'_>) -> Result<u64, MemberError> {
    match value {
        Value::Integer(number) => Ok(number),
        _ => Err(MemberError::expected("a whole number")),
    }
}

/// Reads a whole number into its type.
pub(super) fn number<T: TryFrom<u64, Error: Into<ValueError>>>(
    value: Value<'_>,
) -> Result<T, MemberError> {
    integer(value)?.try_into().map_err(MemberError::value)
}

/// Reads an object, and refuses what `read` does not take.
pub(super) fn object<'a, T>(
    read: impl FnOnce(&mut Members<'a>) -> Result<T, MemberError>,
) -> impl FnOnce(Value<'a>) -> Result<T, MemberError> {
    |value| match value {
        Value::Object(object) => Members::all(object, read),
        _ => Err(MemberError::expected("an object")),
    }
}

/// Reads each element of an array.
pub(super) fn array<'a, T>(
    read: impl Fn(Value<'a>) -> Result<T, MemberError>,
) -> impl FnOnce(Value<'a>) -> Result<Vec<T>, MemberError> {
    move |value| match value {
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            items
                .map(|(index, item)| read(item).map_err(|e| e.within(&format!("[{index}]"))))
                .collect()
        }
        _ => Err(MemberError::expected("an array")),
    }
}

/// Reads whole seconds since the epoch.
pub(super) fn time(value: Value<'_>) -> Result<UnixSeconds, MemberError> {
    number(value)
}

/// Reads minor units of a currency that stands beside them.
pub(super) fn amount(value: Value<'_>) -> Result<MinorUnits, MemberError> {
    number(value)
}

/// Reads `{currency, amount}`.
pub(super) fn money(value: Value<'_>) -> Result<Money, MemberError> {
    object(|members| {
        Ok(Money {
            currency: members.required("currency", text)?,
            amount: members.required("amount", amount)?,
        })
    })(value)
}

/// Reads `{size, root}`.
pub(super) fn head(value: Value<'_>) -> Result<Head, MemberError> {
    object(|members| {
        Ok(Head { size: members.required("size", integer)?, root: members.required("root", text)? })
    })(value)
}

/// Reads the head of a log that holds at least the token's own entry.
pub(super) fn own_head(value: Value<'_>) -> Result<Head, MemberError> {
    let head = head(value)?;
    if head.size == 0 {
        return Err(MemberError::value(ValueError::Size).within("size"));
    }
    Ok(head)
}
