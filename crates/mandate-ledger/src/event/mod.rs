//! What the wallet writes into its journal: one kind of entry per fact.
//!
//! An own token is kept as its header and claims, the bytes that were signed less `log`; a peer's token is kept
//! whole. Nothing in here is secret.

pub mod kind;

use mandate::history::Rule;
use mandate::key::Jwk;
use mandate::text::Purpose;
use mandate::{AgentName, CartHash, Jti, MerchantId, Money, PrincipalId, ReceiptHash, Sku};
use mandate_journal::{Entry, EntryError};
use mandate_policy::{PolicyDigest, Reason};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::request::{Call, IdempotencyKey, Scope};

/// The first entry: whose journal this is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// The principal.
    pub principal: PrincipalId,
    /// The key in use.
    pub key: Jwk,
}

/// A wallet.toml came into force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// SHA-256 of the file.
    pub digest: PolicyDigest,
}

/// A wallet.toml was refused; the last good one stays in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRefused {
    /// SHA-256 of the file.
    pub digest: PolicyDigest,
    /// How many faults it has.
    pub faults: u64,
}

/// An intent was minted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Who asked.
    pub agent: AgentName,
    /// The uid it asked from.
    pub uid: u32,
    /// The token's header.
    pub header: Box<RawValue>,
    /// The token's claims less `log`.
    pub claims: Box<RawValue>,
    /// The agent's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<Purpose>,
    /// The agent's name for the request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub idempotency_key: Option<IdempotencyKey>,
    /// The wallet.toml in force.
    pub policy: PolicyDigest,
}

/// One cap that counted a payment, as it stood before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapSeen {
    /// The cap in words.
    pub cap: String,
    /// Spent before, when the cap limits an amount.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub spent: Option<Money>,
    /// Payments before.
    pub count: u64,
}

/// A payment was reserved: from here on it counts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// Who asked.
    pub agent: AgentName,
    /// The uid it asked from.
    pub uid: u32,
    /// The token's header.
    pub header: Box<RawValue>,
    /// The token's claims less `log`.
    pub claims: Box<RawValue>,
    /// The merchant's cart, whole.
    pub cart: String,
    /// The entry of the intent it closes.
    pub intent_seq: u64,
    /// The merchant's keys at that moment: they verify its receipts for ever.
    pub keys: Vec<Jwk>,
    /// The caps that counted it.
    pub caps: Vec<CapSeen>,
    /// The wallet.toml in force.
    pub policy: PolicyDigest,
}

/// A request was refused. Nothing was minted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    /// Who asked; absent when no listed agent has that uid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentName>,
    /// The uid it asked from.
    pub uid: u32,
    /// What was called.
    pub call: Call,
    /// The stable reason.
    pub reason: Reason,
    /// The sentence that was answered.
    pub message: String,
    /// What it was about, as far as it was understood.
    pub about: About,
}

/// What a refused request was about, as far as it was understood and verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The merchant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub merchant: Option<MerchantId>,
    /// The action.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub action: Option<Sku>,
    /// The price.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total: Option<Money>,
    /// The cart, if its signature verified.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cart: Option<CartHash>,
    /// The entry of the intent that the cart or receipt names, if this wallet minted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub intent_seq: Option<u64>,
    /// The agent's words.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<Purpose>,
}

/// A cart that nothing stands against but the principal's yes. Nothing was minted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRequest {
    /// Who asked.
    pub agent: AgentName,
    /// The uid it asked from.
    pub uid: u32,
    /// The merchant's cart, whole.
    pub cart: String,
    /// The entry of the intent that it answers.
    pub intent_seq: u64,
}

/// The principal answered a request for approval.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The entry of the request.
    pub of_seq: u64,
    /// What was said.
    pub answer: ApprovalAnswer,
    /// Who said it.
    pub uid: u32,
}

/// What the principal says of one cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalAnswer {
    /// It may be paid by the agent that asked, until it runs out, under every cap.
    Approved,
    /// It is not paid.
    Denied,
}

impl std::fmt::Display for ApprovalAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
        })
    }
}

/// What a receipt did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It contradicts an earlier receipt; the amount counts and the merchant is frozen.
    Conflict,
    /// A void: the amount was given back.
    Released,
    /// The payment was executed, or the free action answered.
    Settled,
}

/// A merchant's receipt.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Who handed it in; absent when the principal did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentName>,
    /// The uid it was handed in from.
    pub uid: u32,
    /// The token, whole.
    pub receipt: String,
    /// Its hash.
    pub hash: ReceiptHash,
    /// The entry of the payment, or of the free intent, it answers.
    pub of_seq: u64,
    /// What it did.
    pub effect: Effect,
}

/// A merchant's token contradicts one that it signed before: both are the proof. The merchant is frozen.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Equivocation {
    /// Who handed it in; absent when the principal did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentName>,
    /// The uid it was handed in from.
    pub uid: u32,
    /// What was called.
    pub call: Call,
    /// The merchant.
    pub peer: MerchantId,
    /// How they contradict each other.
    pub rule: Rule,
    /// The new token, whole: a cart or a receipt.
    pub token: String,
    /// The one that it contradicts, whole.
    pub earlier: String,
    /// The entry that holds that one.
    pub earlier_seq: u64,
}

/// Minting was stopped.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// What was frozen.
    pub scope: Scope,
    /// Who did it.
    pub uid: u32,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Purpose>,
}

/// A freeze was ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thaw {
    /// What was thawed.
    pub scope: Scope,
    /// Who did it.
    pub uid: u32,
}

/// The key was locked away: nothing is signed until an [`Unlock`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Who did it.
    pub uid: u32,
}

/// A lock was ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// Who did it.
    pub uid: u32,
}

/// The principal confirmed the clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Who did it.
    pub uid: u32,
}

/// A freeze or a lock stopped a signature: that payment is never signed and its amount was given back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withheld {
    /// The entry of the payment.
    pub of_seq: u64,
    /// The payment's id.
    pub jti: Jti,
    /// The freeze that stopped it; absent when the key was locked away.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scope: Option<Scope>,
}

/// Calls that were over a limit since the last such entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimited {
    /// Who called.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentName>,
    /// The uid.
    pub uid: u32,
    /// How many calls.
    pub calls: u64,
}

/// An entry of the wallet's journal, read back.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each variant is the struct of its name")]
pub enum Event {
    Approval(Approval),
    ApprovalRequest(ApprovalRequest),
    Clock(Clock),
    Denial(Denial),
    Equivocation(Equivocation),
    Freeze(Freeze),
    Init(Init),
    Intent(Intent),
    Lock(Lock),
    Payment(Payment),
    Policy(Policy),
    PolicyRefused(PolicyRefused),
    RateLimited(RateLimited),
    Receipt(Receipt),
    Thaw(Thaw),
    Unlock(Unlock),
    Withheld(Withheld),
}

/// Why an entry is no event of a wallet.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum EventError {
    /// Its fields are not those of its kind.
    #[error(transparent)]
    Fields(#[from] EntryError),
    /// No wallet writes entries of this kind.
    #[error("{kind:?} is no kind of entry that a wallet writes")]
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
    /// [`EventError`] for a kind this wallet does not write, or fields that do not fit it.
    pub fn parse(entry: &Entry<'_>) -> Result<Self, EventError> {
        Ok(match entry.kind {
            kind::APPROVAL => Self::Approval(entry.fields()?),
            kind::APPROVAL_REQUEST => Self::ApprovalRequest(entry.fields()?),
            kind::CLOCK => Self::Clock(entry.fields()?),
            kind::DENIAL => Self::Denial(entry.fields()?),
            kind::EQUIVOCATION => Self::Equivocation(entry.fields()?),
            kind::FREEZE => Self::Freeze(entry.fields()?),
            kind::INIT => Self::Init(entry.fields()?),
            kind::INTENT => Self::Intent(entry.fields()?),
            kind::LOCK => Self::Lock(entry.fields()?),
            kind::PAYMENT => Self::Payment(entry.fields()?),
            kind::POLICY => Self::Policy(entry.fields()?),
            kind::POLICY_REFUSED => Self::PolicyRefused(entry.fields()?),
            kind::RATE_LIMITED => Self::RateLimited(entry.fields()?),
            kind::RECEIPT => Self::Receipt(entry.fields()?),
            kind::THAW => Self::Thaw(entry.fields()?),
            kind::UNLOCK => Self::Unlock(entry.fields()?),
            kind::WITHHELD => Self::Withheld(entry.fields()?),
            other => return Err(EventError::KindUnknown { kind: other.to_owned() }),
        })
    }
}

#[cfg(test)]
mod tests;
