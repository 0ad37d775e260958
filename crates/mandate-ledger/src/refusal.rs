//! Refusals: a denial is a value, with a stable reason and a sentence that names the way out.

use mandate::history::Rule;
use mandate::token::{ParseError, VerifyError};
use mandate::{MerchantId, UnixSeconds};
use mandate_policy::{Denial, Reason};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::request::{Scope, Stop};
use mandate::clock::ClockFault;

/// What came of a request that could be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<T> {
    /// Yes.
    Granted(T),
    /// No, and why.
    Denied(Refusal),
}

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Minted; the merchant has not answered.
    Open,
    /// The merchant executed it.
    Executed,
    /// The merchant gave it up; the amount was given back.
    Void,
    /// The merchant signed both; the amount counts.
    Conflict,
}

impl std::fmt::Display for HoldState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Executed => "executed",
            Self::Void => "void",
            Self::Conflict => "in conflict",
        })
    }
}

/// Why a request is refused. Nothing was minted and no total moved.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The cart was paid, and that payment can no longer be handed out again.
    #[error(
        "this cart was paid before and its payment is {state} or past its time; record the receipt or void, then ask for a new quote"
    )]
    CartAlreadyPaid {
        /// What became of the payment.
        state: HoldState,
    },
    /// The cart is from a time that has not come.
    #[error(
        "cart: `iat` {} is more than 30 s ahead of this clock; the merchant's clock or this one is wrong", iat.utc()
    )]
    CartAhead {
        /// Its `iat`.
        iat: UnixSeconds,
    },
    /// The cart's time is over.
    #[error("cart: `exp` {} has passed; ask the merchant for a new quote", exp.utc())]
    CartExpired {
        /// Its `exp`.
        exp: UnixSeconds,
    },
    /// The cart is not a well-formed cart mandate.
    #[error("cart: {0}")]
    CartMalformed(ParseError),
    /// The cart does not fit its intent.
    #[error(
        "cart: `{field}` is not what the intent says; ask the merchant for a quote for this intent"
    )]
    CartMismatch {
        /// The claim that differs.
        field: &'static str,
    },
    /// The cart's signature does not verify under a listed key of that merchant.
    #[error("cart: {0}; only a key listed for this merchant in wallet.toml can sign its carts")]
    CartSignatureInvalid(VerifyError),
    /// The clock is not believed.
    #[error(
        "{0}; set the clock right, or have the principal confirm it with `mandate thaw --clock`"
    )]
    ClockUntrusted(ClockFault),
    /// The merchant shows two heads of its log that cannot both be true.
    #[error(
        "merchant {merchant} contradicts itself: {}; both tokens are kept as proof. If it lost its log, it has to start a new one under a new key, which the principal lists in place of the old one in wallet.toml, and then runs `mandate thaw --merchant {merchant}`", heads(*rule, *size, *earlier_size)
    )]
    Equivocation {
        /// The merchant.
        merchant: MerchantId,
        /// How they contradict each other.
        rule: Rule,
        /// Entries in its log, by the new token.
        size: u64,
        /// Entries in its log, by the one from before.
        earlier_size: u64,
    },
    /// A field of the request is wrong.
    #[error("{field}: {problem}")]
    FieldInvalid {
        /// The field, as the API names it.
        field: &'static str,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// A freeze covers the request.
    #[error("frozen ({scope}); only the principal can end it, with `mandate thaw`")]
    Frozen {
        /// What is frozen.
        scope: Scope,
    },
    /// The idempotency key was used with other fields.
    #[error("idempotency_key: was used before with other fields; use a new key for a new request")]
    IdempotencyConflict,
    /// The intent was closed by a payment for another cart.
    #[error("the intent was already used for another cart; mint a new intent for a new purchase")]
    IntentAlreadyPaid,
    /// The intent ran out.
    #[error("the intent ran out at {}; mint a new intent", exp.utc())]
    IntentExpired {
        /// Its `exp`.
        exp: UnixSeconds,
    },
    /// No such intent of this agent.
    #[error(
        "cart: `intent` is not an intent this wallet minted for this agent; quote a fresh intent"
    )]
    IntentUnknown,
    /// The key is not at hand.
    #[error("the signing key is not available: {problem}")]
    KeyUnavailable {
        /// Why, and the way out.
        problem: String,
    },
    /// The ledger is not believed. Why is told to the principal alone: it names files of the wallet.
    #[error(
        "the wallet's ledger is not believed; `mandate status` tells the principal why and what to do"
    )]
    LedgerUnsafe,
    /// The principal locked the key away.
    #[error("the wallet is locked by its principal, who alone can end that, with `mandate unlock`")]
    Locked,
    /// The merchant is not listed.
    #[error("merchant {merchant} is not listed in wallet.toml; only the principal can list it")]
    MerchantNotAllowed {
        /// The merchant asked for.
        merchant: MerchantId,
    },
    /// The rules say no.
    #[error("{0}")]
    Policy(Denial),
    /// Too many calls.
    #[error("too many calls; wait {retry_after_ms} ms (limits.{limit} in wallet.toml)")]
    RateLimited {
        /// How long to wait, milliseconds.
        retry_after_ms: u64,
        /// Which limit, as wallet.toml names it.
        limit: &'static str,
    },
    /// The merchant signed two different outcomes of one payment.
    #[error(
        "the merchant signed both `executed` and `void` for this payment; both are kept, the amount counts, and the merchant is frozen"
    )]
    ReceiptConflict,
    /// The receipt is malformed, unsigned, or of no payment of this wallet.
    #[error("receipt: {problem}")]
    ReceiptInvalid {
        /// What is wrong.
        problem: String,
    },
}

/// What two heads say of one log.
fn heads(rule: Rule, size: u64, earlier_size: u64) -> String {
    match rule {
        Rule::Backwards => format!(
            "its log was of size {earlier_size} in a token from before, and is of size {size} in this one"
        ),
        Rule::SameSize => {
            format!("two of its tokens are each the last entry of a log of size {size}")
        }
    }
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Freeze(scope) => Self::Frozen { scope },
            Stop::Lock => Self::Locked,
        }
    }
}

impl Refusal {
    /// The stable reason on the wire and in the journal.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::CartAlreadyPaid { .. } => Reason::CartAlreadyPaid,
            Self::CartExpired { .. } => Reason::CartExpired,
            Self::CartMalformed(_) => Reason::CartMalformed,
            Self::CartAhead { .. } | Self::CartMismatch { .. } => Reason::CartMismatch,
            Self::CartSignatureInvalid(_) => Reason::CartSignatureInvalid,
            Self::ClockUntrusted(_) => Reason::ClockUntrusted,
            Self::Equivocation { .. } => Reason::Equivocation,
            Self::FieldInvalid { .. } => Reason::FieldInvalid,
            Self::Frozen { .. } => Reason::Frozen,
            Self::IdempotencyConflict => Reason::IdempotencyConflict,
            Self::IntentAlreadyPaid => Reason::IntentAlreadyPaid,
            Self::IntentExpired { .. } => Reason::IntentExpired,
            Self::IntentUnknown => Reason::IntentUnknown,
            Self::KeyUnavailable { .. } | Self::Locked => Reason::KeyUnavailable,
            Self::LedgerUnsafe => Reason::LedgerUnsafe,
            Self::MerchantNotAllowed { .. } => Reason::MerchantNotAllowed,
            Self::Policy(denial) => denial.reason(),
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::ReceiptConflict => Reason::ReceiptConflict,
            Self::ReceiptInvalid { .. } => Reason::ReceiptInvalid,
        }
    }
}
