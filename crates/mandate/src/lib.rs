//! Mandates: short-lived credentials that name one merchant, one action and one price.
//!
//! This crate holds the vocabulary (amounts, ids, keys, digests) and the four tokens: intent, cart, payment and
//! receipt. It never does I/O, never reads a clock, never draws random numbers and never holds a private key.

pub mod clock;
pub mod digest;
pub mod discovery;
pub mod history;
mod http;
pub mod id;
mod json;
mod jws;
pub mod key;
pub mod money;
#[cfg(test)]
mod testing;
pub mod text;
pub mod time;
pub mod token;

pub use digest::{
    CartHash, Head, IntentHash, KeyId, PaymentHash, PolicyDigest, ReceiptHash, RequestDigest, Root,
    TokenHash,
};
pub use http::request_digest;
pub use id::{AgentName, Jti, MerchantId, PrincipalId, Sku};
pub use key::{KeySet, MerchantRole, PrincipalRole, PublicKey, Signature, Signer};
pub use money::{AmountError, Currency, MinorUnits, Money};
pub use time::UnixSeconds;
pub use token::{
    Action, BoundAction, CLOCK_SKEW_S, CapClaim, Cart, CartClaims, Draft, DraftError, Intent,
    IntentClaims, IssueError, Kind, Life, Limit, LineItem, Mandate, ParseError, Payment,
    PaymentClaims, Quantity, QuantityError, Receipt, ReceiptClaims, Status, TOKEN_BYTES_MAX,
    UnverifiedMandate, VerifyError,
};
