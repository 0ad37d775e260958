//! The four tokens: intent, cart, payment and receipt.
//!
//! A token is a compact JWS. It comes in as an [`UnverifiedMandate`], which only [`UnverifiedMandate::verify`] turns
//! into a [`Mandate`]; it goes out from a [`Draft`], whose bytes are journaled before they are signed. Every rule that
//! a token can be judged by alone is checked in both directions by one function per kind.
//!
//! Not judged here: the time (each side has its own rules; see [`Life`]), and whether a token fits another one.

mod action;
mod cart;
mod draft;
mod error;
mod header;
mod intent;
mod kind;
mod life;
mod member;
mod payment;
mod quote;
mod receipt;
mod signed;
#[cfg(test)]
mod tests;

pub use action::{Action, BoundAction, QUANTITY_MAX, Quantity, QuantityError};
pub use cart::{CartClaims, LINE_ITEMS_MAX, LineItem};
pub use draft::{Draft, DraftError, IssueError};
pub use error::{ParseError, Part, RuleError};
pub use intent::{IntentClaims, Limit};
pub use kind::{Cart, Intent, Kind, Payment, Receipt};
pub use life::{CART_LIFE_S_MAX, INTENT_LIFE_S_MAX, Life, PAYMENT_LIFE_S_MAX};
pub use member::{MemberError, MemberFault, ValueError};
pub use payment::{CAPS_MAX, CapClaim, PaymentClaims};
pub use quote::{QUOTE_BYTES_MAX, Quote, QuoteError};
pub use receipt::{ReceiptClaims, Status, StatusError};
pub use signed::{Mandate, UnverifiedMandate, VerifyError};

pub use crate::json::JsonError;
pub use crate::jws::Segment;

/// Longest token, in bytes of its compact form.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// Difference between two clocks that a check of a token's times may forgive, in seconds.
pub const CLOCK_SKEW_S: u64 = 30;
