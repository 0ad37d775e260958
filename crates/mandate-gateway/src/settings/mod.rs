//! `gateway.toml` as checked settings.
//!
//! The file is read as strictly as `wallet.toml`: every fault at once, each with its place and the way out. Nothing here
//! touches the file itself.

mod action;
mod enrol;
mod fault;
mod file;
mod load;
mod price;
mod principal;
mod route;
mod template;
mod upstream;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use mandate::discovery::{Discovery, OfferedAction, PriceKind, Requirement};
use mandate::key::Jwk;
use mandate::text::Title;
use mandate::{
    KeySet, MerchantId, Money, PolicyDigest, PrincipalId, PrincipalRole, PublicKey, Sku,
};
use mandate_config::{KeyReference, parse};

pub use enrol::EnrolError;
pub use fault::{Fault, FaultKind, Faults, GatewayFault};
pub(crate) use load::check_reload;
pub use load::{CONFIG_BYTES_MAX, ConfigError, Loaded, load, load_candidate};
pub use template::Template;
pub use upstream::UpstreamAddress;

use crate::route::Route;

/// The most each number of `[limits]` may be.
pub const LIMIT_MAX: u32 = 1_000_000;

/// The longest each timeout of `[limits]` may be, in seconds.
pub const TIMEOUT_S_MAX: u64 = 300;

/// The most actions one gateway may offer.
pub const ACTIONS_MAX: usize = 1_000;

/// Everything the gateway is told by its operator.
#[derive(Debug, Clone)]
pub struct Settings {
    /// SHA-256 of the file.
    pub digest: PolicyDigest,
    /// The merchant.
    pub merchant: Merchant,
    /// Which key signs carts, receipts and checkpoints.
    pub key: KeyReference,
    /// Where the gateway listens.
    pub listen: SocketAddr,
    /// The API behind it.
    pub upstream: UpstreamAddress,
    /// How long a cart lives, in seconds.
    pub cart_ttl_s: u64,
    /// What is offered; no two routes overlap.
    pub actions: Vec<Action>,
    /// Whose mandates are accepted.
    pub enrolment: Enrolment,
    /// What one principal, one call and the whole may take.
    pub limits: Limits,
    /// Where the gateway's figures may be read over TCP: an address of this machine alone.
    pub metrics_listen: Option<SocketAddr>,
}

/// Who sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merchant {
    /// Its id: the `aud` of every mandate for it.
    pub id: MerchantId,
    /// Its name, for people.
    pub name: Title,
}

/// One action on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its SKU.
    pub sku: Sku,
    /// The call that stands for it.
    pub route: Route,
    /// What it costs.
    pub price: Price,
    /// Whether an intent for it has to carry the digest of its request.
    pub request_required: bool,
}

/// What an action costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Price {
    /// The same for each unit.
    Fixed(Money),
    /// Nothing: an intent is enough.
    Free,
    /// What the API says for each call, asked with POST at this path.
    Quote(Route),
}

/// Whose mandates are accepted.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The principals that are listed.
    pub principals: BTreeMap<PrincipalId, Principal>,
    /// Whether any `did:key` is accepted beside them.
    pub open: bool,
}

/// A principal that is listed.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The keys that sign its mandates.
    pub keys: KeySet<PrincipalRole>,
    /// What the merchant calls it, perhaps a customer's number.
    pub account: Option<Title>,
}

impl Enrolment {
    /// The keys that a principal's mandates may be signed with; `None` if it is not accepted.
    #[must_use]
    pub fn keys(&self, principal: &PrincipalId) -> Option<KeySet<PrincipalRole>> {
        match self.principals.get(principal) {
            Some(listed) => Some(listed.keys.clone()),
            None if self.open => principal.did_key().map(|key| KeySet::new([key])),
            None => None,
        }
    }
}

/// What one principal, one call and the whole may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one principal each second.
    pub requests_per_s: u32,
    /// Calls of one principal at once, before the rate counts.
    pub burst: u32,
    /// Calls of one principal that are under way.
    pub in_flight: u32,
    /// Connections at once.
    pub connections: u32,
    /// How long a client may take to send its headers and its body, each.
    pub client_timeout: Duration,
    /// How long the API may take to begin an answer.
    pub upstream_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_s: 50,
            burst: 100,
            in_flight: 32,
            connections: 1_024,
            client_timeout: Duration::from_secs(15),
            upstream_timeout: Duration::from_secs(30),
        }
    }
}

impl Settings {
    /// Reads the text of a `gateway.toml`.
    ///
    /// # Errors
    ///
    /// [`Faults`] with everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Faults> {
        let digest = PolicyDigest::of(text.as_bytes());
        parse(text, file::TABLES, |root, report| file::settings(root, digest, report))
    }

    /// The action that a call stands for.
    #[must_use]
    pub fn action(&self, method: &Method, path: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.route.matches(method, path))
    }

    /// What the merchant publishes about itself.
    #[must_use]
    pub fn discovery(&self, key: &PublicKey) -> Discovery {
        self.discovery_with(vec![Jwk::from(key)])
    }

    fn discovery_with(&self, keys: Vec<Jwk>) -> Discovery {
        let actions = self.actions.iter().map(|action| OfferedAction {
            sku: action.sku.clone(),
            route: action.route.to_string(),
            price: match &action.price {
                Price::Fixed(money) => PriceKind::Fixed(*money),
                Price::Free => PriceKind::Free,
                Price::Quote(_) => PriceKind::Quote,
            },
            request: action.request_required.then_some(Requirement::Required),
        });
        Discovery {
            id: self.merchant.id.clone(),
            name: self.merchant.name.clone(),
            keys,
            actions: actions.collect(),
        }
    }
}
