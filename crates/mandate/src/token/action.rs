//! What is done, how often, and in which exact call.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::member::{MemberError, number, object, text};
use crate::digest::RequestDigest;
use crate::id::{AgentName, Sku};
use crate::json::Value;

/// Most units of one action in one token.
pub const QUANTITY_MAX: u32 = 1_000;

/// A quantity is none or too many.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is {actual}; a quantity is 1 to {QUANTITY_MAX}")]
pub struct QuantityError {
    /// The number as given.
    pub actual: u64,
}

/// How many units of an action: 1 to [`QUANTITY_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Quantity(u32);

impl Quantity {
    /// One unit.
    pub const ONE: Self = Self(1);

    /// Takes a number of units.
    ///
    /// # Errors
    ///
    /// [`QuantityError`] if it is 0 or past [`QUANTITY_MAX`].
    pub fn new(units: u32) -> Result<Self, QuantityError> {
        match units {
            1..=QUANTITY_MAX => Ok(Self(units)),
            _ => Err(QuantityError { actual: units.into() }),
        }
    }

    /// The number of units.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for Quantity {
    type Error = QuantityError;

    fn try_from(units: u64) -> Result<Self, QuantityError> {
        u32::try_from(units).or(Err(QuantityError { actual: units })).and_then(Self::new)
    }
}

impl From<Quantity> for u64 {
    fn from(quantity: Quantity) -> Self {
        quantity.0.into()
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An action that may be bound to one exact request: in intents and receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// What is done.
    pub sku: Sku,
    /// How many units of it.
    pub quantity: Quantity,
    /// The call it is bound to, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestDigest>,
}

/// An action that is bound to one exact request: in carts and payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BoundAction {
    /// What is done.
    pub sku: Sku,
    /// How many units of it.
    pub quantity: Quantity,
    /// The call it is bound to.
    pub request: RequestDigest,
}

impl From<BoundAction> for Action {
    fn from(action: BoundAction) -> Self {
        let BoundAction { sku, quantity, request } = action;
        Self { sku, quantity, request: Some(request) }
    }
}

pub(super) fn action(value: Value<'_>) -> Result<Action, MemberError> {
    object(|members| {
        Ok(Action {
            sku: members.required("sku", text)?,
            quantity: members.required("quantity", number)?,
            request: members.optional("request", text)?,
        })
    })(value)
}

pub(super) fn bound_action(value: Value<'_>) -> Result<BoundAction, MemberError> {
    object(|members| {
        Ok(BoundAction {
            sku: members.required("sku", text)?,
            quantity: members.required("quantity", number)?,
            request: members.required("request", text)?,
        })
    })(value)
}

/// Reads `{sub}`, the acting party (RFC 8693, section 4.1).
pub(super) fn actor(value: Value<'_>) -> Result<AgentName, MemberError> {
    object(|members| members.required("sub", text))(value)
}

/// Writes an agent as `{sub}`.
pub(super) fn write_actor<S: Serializer>(agent: &AgentName, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Actor<'a> {
        sub: &'a AgentName,
    }
    Actor { sub: agent }.serialize(to)
}
