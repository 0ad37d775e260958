//! What the gateway writes into its journal: one kind of entry per fact.
//!
//! An own token is kept as its header and claims, the bytes that were signed less `log`; a wallet's token is kept
//! whole. Nothing in here is secret, and no body of a call is kept.

use mandate::history::Rule;
use mandate::key::Jwk;
use mandate::{MerchantId, PolicyDigest, PrincipalId, RequestDigest};
use mandate_journal::{Entry, EntryError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::reason::Reason;

/// The kinds of entry, as the journal names them.
pub mod kind {
    /// A payment that was never presented is barred by a void.
    pub const BAR: &str = "bar";
    /// A cart: a price is promised.
    pub const CART: &str = "cart";
    /// The operator confirmed the clock.
    pub const CLOCK: &str = "clock";
    /// A principal's token contradicts one that its wallet signed before.
    pub const EQUIVOCATION: &str = "equivocation";
    /// The first entry.
    pub const INIT: &str = "init";
    /// The key was locked away.
    pub const LOCK: &str = "lock";
    /// A gateway.toml came into force.
    pub const POLICY: &str = "policy";
    /// A gateway.toml was refused.
    pub const POLICY_REFUSED: &str = "policy_refused";
    /// Calls over a limit, summed up.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// What became of a use.
    pub const RECEIPT: &str = "receipt";
    /// A call was refused although its mandate's signature verified.
    pub const REFUSAL: &str = "refusal";
    /// The key may be fetched again.
    pub const UNLOCK: &str = "unlock";
    /// A payment or free intent is used: from here on it cannot be used again.
    pub const USE: &str = "use";
}

/// The first entry: whose journal this is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// The merchant.
    pub merchant: MerchantId,
    /// The key in use.
    pub key: Jwk,
}

/// A gateway.toml came into force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// SHA-256 of the file.
    pub digest: PolicyDigest,
}

/// A gateway.toml was refused; the last good one stays in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRefused {
    /// SHA-256 of the file.
    pub digest: PolicyDigest,
    /// How many faults it has.
    pub faults: u64,
}

/// A price was promised, then signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cart {
    /// The token's header.
    pub header: Box<RawValue>,
    /// The token's claims less `log`.
    pub claims: Box<RawValue>,
    /// The intent it answers, whole.
    pub intent: String,
}

/// A mandate is used: written before the call reaches the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Use {
    /// The payment, or the intent of a free action, whole.
    pub mandate: String,
    /// The entry of the cart it pays; none for a free action.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cart_seq: Option<u64>,
    /// The call it is used for: a retry has to be the same one.
    pub request: RequestDigest,
}

/// Who said what became of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Decider {
    /// The operator of the gateway, by hand.
    Operator,
    /// The API, by the status of its answer.
    Upstream {
        /// The HTTP status.
        status: u16,
    },
}

/// What became of a use, for good.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The token's header.
    pub header: Box<RawValue>,
    /// The token's claims less `log`.
    pub claims: Box<RawValue>,
    /// The entry of the use.
    pub of_seq: u64,
    /// Who said so.
    pub by: Decider,
}

/// A payment that was never presented in its time is barred for ever.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bar {
    /// The header of the void.
    pub header: Box<RawValue>,
    /// The claims of the void less `log`.
    pub claims: Box<RawValue>,
    /// The payment, whole.
    pub mandate: String,
    /// The entry of the cart it was for.
    pub cart_seq: u64,
}

/// A principal's token contradicts one that its wallet signed before: both are the proof. Its key is used no longer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivocation {
    /// The principal.
    pub peer: PrincipalId,
    /// How they contradict each other.
    pub rule: Rule,
    /// The new token, whole: an intent or a payment.
    pub token: String,
    /// The one that it contradicts, whole.
    pub earlier: String,
    /// The entry that holds that one.
    pub earlier_seq: u64,
}

/// A call was refused; nothing reached the API.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// The sentence that was answered.
    pub message: String,
    /// The mandate, whole: its signature verified.
    pub mandate: String,
    /// The call it came with: method and path.
    pub call: String,
}

/// Calls of one principal that were over a limit since the last such entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimited {
    /// Whose mandates they carried.
    pub principal: PrincipalId,
    /// How many calls.
    pub calls: u64,
}

/// The operator confirmed the clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {}

/// The key was locked away: no mandate is used and nothing is signed until an [`Unlock`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Why the gateway did it of itself; nothing if the operator did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// The operator ended a lock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {}

/// An entry of a gateway's journal, read back.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant is the struct of its name")]
pub enum Event {
    Bar(Bar),
    Cart(Cart),
    Clock(Clock),
    Equivocation(Equivocation),
    Init(Init),
    Lock(Lock),
    Policy(Policy),
    PolicyRefused(PolicyRefused),
    RateLimited(RateLimited),
    Receipt(Receipt),
    Refusal(Refusal),
    Unlock(Unlock),
    Use(Use),
}

/// Why an entry is no event of a gateway.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum EventError {
    /// Its fields are not those of its kind.
    #[error(transparent)]
    Fields(#[from] EntryError),
    /// No gateway writes entries of this kind.
    #[error("{kind:?} is no kind of entry that a gateway writes")]
    KindUnknown {
        /// The kind.
        kind: String,
    },
}

impl Event {
    /// Reads an entry's own fields by its kind.
    ///
    /// # Errors
    ///
    /// [`EventError`] for a kind this gateway does not write, or fields that do not fit it.
    pub fn parse(entry: &Entry<'_>) -> Result<Self, EventError> {
        Ok(match entry.kind {
            kind::BAR => Self::Bar(entry.fields()?),
            kind::CART => Self::Cart(entry.fields()?),
            kind::CLOCK => Self::Clock(entry.fields()?),
            kind::EQUIVOCATION => Self::Equivocation(entry.fields()?),
            kind::INIT => Self::Init(entry.fields()?),
            kind::LOCK => Self::Lock(entry.fields()?),
            kind::POLICY => Self::Policy(entry.fields()?),
            kind::POLICY_REFUSED => Self::PolicyRefused(entry.fields()?),
            kind::RATE_LIMITED => Self::RateLimited(entry.fields()?),
            kind::RECEIPT => Self::Receipt(entry.fields()?),
            kind::REFUSAL => Self::Refusal(entry.fields()?),
            kind::UNLOCK => Self::Unlock(entry.fields()?),
            kind::USE => Self::Use(entry.fields()?),
            other => return Err(EventError::KindUnknown { kind: other.to_owned() }),
        })
    }
}
