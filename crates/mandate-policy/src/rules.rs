//! What a good `wallet.toml` says.
//!
//! [`Rules`] come from [`Rules::parse`] alone, so everything here fits together: every name that is mentioned is listed,
//! no two agents share a name or a uid, and every amount has a currency with minor units.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use jiff::tz::TimeZone;
use mandate::text::Text;
use mandate::{
    AgentName, KeySet, MerchantId, MerchantRole, Money, PolicyDigest, PrincipalId, Sku, UnixSeconds,
};
use mandate_config::KeyReference;

use crate::process::{ExePath, UnitName};
use crate::window::{Per, Window};

/// The most that the caps covering one payment may take in its journal entry, in bytes.
///
/// An entry of 65,535 bytes also holds the cart, the payment's claims and the merchant's keys.
pub const CAPS_BYTES_MAX: usize = 40 * 1_024;

/// The most keys one merchant may have: each payment's entry holds them.
pub const MERCHANT_KEYS_MAX: usize = 64;

/// What a journal entry says of a cap beside its label, at most, in bytes.
const CAP_NUMBERS_BYTES_MAX: usize = 100;

/// Everything one `wallet.toml` says, in force whole or not at all.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(crate) digest: PolicyDigest,
    pub(crate) principal: Principal,
    pub(crate) timezone: TimeZone,
    pub(crate) key: KeyReference,
    pub(crate) intent_ttl_s: u64,
    pub(crate) payment_ttl_s: u64,
    pub(crate) limits: Limits,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) merchants: BTreeMap<MerchantId, Merchant>,
    pub(crate) caps: Vec<Cap>,
    pub(crate) approvals: Vec<Approval>,
}

impl Rules {
    /// The digest of the file.
    #[must_use]
    pub fn digest(&self) -> PolicyDigest {
        self.digest
    }

    /// Whose wallet it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Where days begin.
    #[must_use]
    pub fn timezone(&self) -> &TimeZone {
        &self.timezone
    }

    /// Which key signs.
    #[must_use]
    pub fn key(&self) -> &KeyReference {
        &self.key
    }

    /// How long an intent lives, in seconds.
    #[must_use]
    pub fn intent_ttl_s(&self) -> u64 {
        self.intent_ttl_s
    }

    /// How long a payment lives, in seconds; never longer than its cart.
    #[must_use]
    pub fn payment_ttl_s(&self) -> u64 {
        self.payment_ttl_s
    }

    /// What each agent may do at a time.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Where the wallet's figures may be read over TCP: an address of this machine alone.
    #[must_use]
    pub fn metrics_listen(&self) -> Option<SocketAddr> {
        self.metrics_listen
    }

    /// The listed agents, in the order of the file.
    #[must_use]
    pub fn agents(&self) -> &[Agent] {
        &self.agents
    }

    /// The listed agent of a uid.
    #[must_use]
    pub fn agent_by_uid(&self, uid: u32) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.uid == uid)
    }

    /// The listed agent of a name.
    #[must_use]
    pub fn agent(&self, name: &AgentName) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.name == *name)
    }

    /// A listed merchant.
    #[must_use]
    pub fn merchant(&self, id: &MerchantId) -> Option<&Merchant> {
        self.merchants.get(id)
    }

    /// The listed merchants, in the order of their ids.
    pub fn merchants(&self) -> impl Iterator<Item = &Merchant> {
        self.merchants.values()
    }

    /// The caps, in the order of the file.
    #[must_use]
    pub fn caps(&self) -> &[Cap] {
        &self.caps
    }

    /// The approvals, in the order of the file.
    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }
}

/// Whose wallet it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// For people; the key is the identity.
    pub name: Text<80>,
    /// A stable id, if one was chosen; else the `did:key` of the first key.
    pub id: Option<PrincipalId>,
}

/// What each agent may do at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Calls a second, in the long run.
    pub requests_per_s: u32,
    /// Calls at once after a pause.
    pub burst: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Payments minted and not yet settled.
    pub unsettled: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests_per_s: 50, burst: 100, in_flight: 32, unsettled: 16 }
    }
}

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: AgentName,
    /// The uid it connects with.
    pub uid: u32,
    /// The one program that it runs; any if none is named.
    pub exe: Option<ExePath>,
    /// The one systemd unit that it runs in; any if none is named.
    pub unit: Option<UnitName>,
    /// The first second after the consent; none if it does not end.
    pub until: Option<UnixSeconds>,
}

/// Who may be asked, and for what.
#[derive(Debug, Clone)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// Where its API is.
    pub url: Option<String>,
    /// The keys that sign its carts and receipts.
    pub keys: KeySet<MerchantRole>,
    /// Actions for which an intent is enough.
    pub free: BTreeSet<Sku>,
    /// Actions that need a cart and a payment.
    pub paid: BTreeSet<Sku>,
    /// The agents that may ask it; all listed ones if none are named.
    pub agents: Option<BTreeSet<AgentName>>,
    /// The first second after the consent; none if it does not end.
    pub until: Option<UnixSeconds>,
}

/// What a rule is about; nothing named means everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// The one merchant.
    pub merchant: Option<MerchantId>,
    /// The one action.
    pub action: Option<Sku>,
    /// The one agent.
    pub agent: Option<AgentName>,
}

impl Selector {
    /// Whether a request of this agent, merchant and action is meant.
    #[must_use]
    pub fn matches(&self, agent: &AgentName, merchant: &MerchantId, action: &Sku) -> bool {
        fn fits<T: PartialEq>(named: Option<&T>, asked: &T) -> bool {
            named.is_none_or(|named| named == asked)
        }
        fits(self.merchant.as_ref(), merchant)
            && fits(self.action.as_ref(), action)
            && fits(self.agent.as_ref(), agent)
    }
}

impl fmt::Display for Selector {
    /// `, merchant lux-hotels, action book_room`; nothing if nothing is named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { merchant, action, agent } = self;
        merchant.iter().try_for_each(|id| write!(f, ", merchant {id}"))?;
        action.iter().try_for_each(|sku| write!(f, ", action {sku}"))?;
        agent.iter().try_for_each(|name| write!(f, ", agent {name}"))
    }
}

/// How much may be spent, or how often, over what time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    label: String,
    per: Per,
    spend: Option<Money>,
    count: Option<u64>,
    selector: Selector,
    until: Option<UnixSeconds>,
}

impl Cap {
    /// Puts a cap together; it limits an amount, a number of payments, or both.
    pub(crate) fn new(
        per: Per,
        spend: Option<Money>,
        count: Option<u64>,
        selector: Selector,
        until: Option<UnixSeconds>,
    ) -> Self {
        let amount = spend.map(|spend| spend.to_string());
        let payments = count.map(|count| match count {
            1 => "1 payment".to_owned(),
            _ => format!("{count} payments"),
        });
        let limits: Vec<String> = amount.into_iter().chain(payments).collect();
        let label = format!("{} per {per}{selector}", limits.join(" and "));
        Self { label, per, spend, count, selector, until }
    }

    /// The cap in words: `500.00 EUR and 3 payments per day, merchant lux-hotels`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// How much a payment's journal entry takes to name it, at most, in bytes.
    #[must_use]
    pub fn entry_bytes_max(&self) -> usize {
        self.label.len().saturating_add(CAP_NUMBERS_BYTES_MAX)
    }

    /// Over what time it counts.
    #[must_use]
    pub fn per(&self) -> Per {
        self.per
    }

    /// The most that may be spent. Beside it, [`Cap::count`] counts payments in this currency only.
    #[must_use]
    pub fn spend(&self) -> Option<Money> {
        self.spend
    }

    /// The most payments there may be, at least 1.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.count
    }

    /// What it is about.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Whether it counts requests of this agent, merchant and action, in its currency if it has one.
    #[must_use]
    pub fn matches(&self, agent: &AgentName, merchant: &MerchantId, action: &Sku) -> bool {
        self.selector.matches(agent, merchant, action)
    }

    /// The merchant that each payment tells of it, for the merchant to hold as well: the one that it names.
    #[must_use]
    pub fn is_told_to(&self) -> Option<&MerchantId> {
        self.selector.merchant.as_ref().filter(|_| self.per != Per::Payment)
    }

    /// Whether it still allows spending, beside limiting it. A cap whose consent ended keeps its limit.
    #[must_use]
    pub fn grants(&self, now: UnixSeconds) -> bool {
        self.per != Per::Payment && self.spend.is_some() && !has_ended(self.until, now)
    }

    /// The window that `now` is in.
    #[must_use]
    pub fn window(&self, timezone: &TimeZone, now: UnixSeconds) -> Window {
        self.per.window(timezone, now)
    }
}

/// Above which amount the principal has to say yes first. It never lifts a cap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The most that needs no yes.
    pub above: Money,
    /// What it is about.
    pub selector: Selector,
}

/// Whether a consent is over: `until` is the first second after it.
pub(crate) fn has_ended(until: Option<UnixSeconds>, now: UnixSeconds) -> bool {
    until.is_some_and(|until| now >= until)
}
