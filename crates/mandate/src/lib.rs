//! Mandates: short-lived credentials that name one merchant, one action and one price.
//!
//! This crate holds the vocabulary (amounts, ids, keys, digests) and the four tokens: intent, cart, payment and
//! receipt. It never does I/O, never reads a clock, never draws random numbers and never holds a private key.

pub mod digest;
pub mod id;
pub mod key;
pub mod money;
pub mod text;
pub mod time;

pub use digest::{
    CartHash, Head, IntentHash, KeyId, PaymentHash, ReceiptHash, RequestDigest, Root,
};
pub use id::{AgentName, Jti, MerchantId, PrincipalId, Sku};
pub use key::{KeySet, MerchantRole, PrincipalRole, PublicKey, Signature, Signer};
pub use money::{AmountError, Currency, MinorUnits, Money};
pub use time::UnixSeconds;
