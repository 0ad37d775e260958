//! What is asked of the ledger, and by whom.

use std::fmt;
use std::str::FromStr;

use mandate::text::Purpose;
use mandate::{AgentName, Currency, MerchantId, Money, Quantity, RequestDigest, Sku, UnixSeconds};
use mandate_policy::Ask;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::refusal::Refusal;

/// What a lock is called among the stops; no scope is called so.
const LOCK: &str = "lock";
/// Longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 64;

/// Who calls, as the kernel tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The listed agent of that uid; `None` when there is none.
    pub agent: Option<AgentName>,
    /// The peer's uid when it connected.
    pub uid: u32,
}

/// The calls of the wallet's API, by their names on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// What is left under the caps.
    GetBudget,
    /// Whose wallet it is.
    GetPrincipal,
    /// Mint an intent.
    MintIntent,
    /// Mint a payment.
    MintPayment,
    /// Hand in a receipt.
    RecordReceipt,
}

impl Call {
    /// Every call.
    pub const ALL: [Self; 5] = [
        Self::GetBudget,
        Self::GetPrincipal,
        Self::MintIntent,
        Self::MintPayment,
        Self::RecordReceipt,
    ];

    /// The method's name in `mandate.v1.Wallet`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GetBudget => "GetBudget",
            Self::GetPrincipal => "GetPrincipal",
            Self::MintIntent => "MintIntent",
            Self::MintPayment => "MintPayment",
            Self::RecordReceipt => "RecordReceipt",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a freeze covers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    Wallet,
    /// One agent.
    Agent(AgentName),
    /// One merchant.
    Merchant(MerchantId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet => f.write_str("wallet"),
            Self::Agent(agent) => write!(f, "agent {agent}"),
            Self::Merchant(merchant) => write!(f, "merchant {merchant}"),
        }
    }
}

/// What stops a signature.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// The principal locked the key away, and with it every signature.
    Lock,
    /// A freeze.
    Freeze(Scope),
}

impl Stop {
    /// Everything that could stop a signature for the pair, the widest first.
    pub(crate) fn covering(agent: &AgentName, merchant: &MerchantId) -> [Self; 4] {
        [
            Self::Lock,
            Self::Freeze(Scope::Wallet),
            Self::Freeze(Scope::Agent(agent.clone())),
            Self::Freeze(Scope::Merchant(merchant.clone())),
        ]
    }
}

/// As its row names it: `lock`, or the scope of the freeze.
impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock => f.write_str(LOCK),
            Self::Freeze(scope) => scope.fmt(f),
        }
    }
}

impl FromStr for Stop {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text == LOCK { Ok(Self::Lock) } else { text.parse().map(Self::Freeze) }
    }
}

/// The text is not a scope.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("a scope is `wallet`, `agent <name>` or `merchant <id>`")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        match text.split_once(' ') {
            None if text == "wallet" => Ok(Self::Wallet),
            Some(("agent", name)) => name.parse().map(Self::Agent).or(Err(ScopeError)),
            Some(("merchant", id)) => id.parse().map(Self::Merchant).or(Err(ScopeError)),
            _ => Err(ScopeError),
        }
    }
}

/// A caller's own name for one request, kept for ever in the scope of the agent.
///
/// 1 to 64 printable ASCII characters, the space among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdempotencyKey(Box<str>);

/// The text is not an idempotency key.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("an idempotency key has 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters")]
pub struct IdempotencyKeyError;

impl IdempotencyKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = IdempotencyKeyError;

    fn from_str(text: &str) -> Result<Self, IdempotencyKeyError> {
        if text.is_empty()
            || text.len() > IDEMPOTENCY_KEY_BYTES_MAX
            || !text.bytes().all(|b| matches!(b, b' '..=b'~'))
        {
            return Err(IdempotencyKeyError);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for IdempotencyKey {
    type Error = IdempotencyKeyError;

    fn try_from(text: String) -> Result<Self, IdempotencyKeyError> {
        text.parse()
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0.into()
    }
}

/// What an agent asks an intent for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentAsk {
    /// The merchant the intent is for.
    pub merchant: MerchantId,
    /// The action.
    pub action: Sku,
    /// How many.
    pub quantity: Quantity,
    /// No cart above this is paid for the intent.
    pub price_max: Option<Money>,
    /// The one HTTP request it is for.
    pub request: Option<RequestDigest>,
    /// The agent's words for the journal.
    pub purpose: Option<Purpose>,
    /// Same key and fields give the same bytes.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// A question about what would be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainAsk {
    /// Who would ask.
    pub agent: AgentName,
    /// The merchant.
    pub merchant: MerchantId,
    /// The action.
    pub action: Sku,
    /// An intent or a payment.
    pub ask: Ask,
}

/// The answer to an [`ExplainAsk`].
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Everything that stands against it, the reported one first; empty means yes.
    pub refusals: Vec<Refusal>,
    /// The caps that would count it.
    pub caps: Vec<CapBudget>,
    /// Whether the action is free.
    pub free: bool,
}

/// Narrows a budget; each field is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BudgetFilter {
    /// Only caps that apply to this merchant.
    pub merchant: Option<MerchantId>,
    /// Only caps that apply to this action.
    pub action: Option<Sku>,
    /// Only caps that count this currency.
    pub currency: Option<Currency>,
}

/// One cap and what is left of it; open holds count as spent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapBudget {
    /// The cap in words.
    pub label: String,
    /// The window: `payment`, `day`, `week`, `month`, `lifetime`, or the length of one up to now: `90m`, `24h`, `7d`.
    pub per: String,
    /// The most that may be spent.
    pub limit: Option<Money>,
    /// What was spent.
    pub spent: Option<Money>,
    /// What is left.
    pub remaining: Option<Money>,
    /// The most payments.
    pub count_limit: Option<u64>,
    /// How many payments there were.
    pub count_used: u64,
    /// When a calendar window starts anew.
    pub resets_at: Option<UnixSeconds>,
    /// The only merchant it counts.
    pub merchant: Option<MerchantId>,
    /// The only action it counts.
    pub action: Option<Sku>,
    /// The only agent it counts.
    pub agent: Option<AgentName>,
}
