//! The merchant's side: no call reaches an API without a mandate for exactly it.
//!
//! A mandate is verified offline, against keys that the merchant enrolled; a price is promised in a signed cart before
//! it is paid; a mandate is used once, durably, before the call goes to the API; and what became of it is a signed
//! receipt. It never holds a principal's key and knows nothing of a wallet's rules but what a payment says.

pub mod book;
mod check;
pub mod cli;
mod connector;
pub mod door;
mod files;
mod held;
mod judge;
mod key;
mod metrics;
mod proxy;
mod reason;
mod refusal;
mod route;
mod run;
mod server;
mod service;
mod settings;
mod shares;
mod supervised;

pub use held::Held;
pub use judge::Call;
pub use mandate_config::{KeyReference, KeyStore};
pub use proxy::{Proxy, ProxyError, UpstreamError};
pub use reason::Reason;
pub use refusal::{BODY_BYTES_MAX, HeaderFault, Refusal, Spent};
pub use route::{ROUTE_BYTES_MAX, Route, RouteError};
pub use run::{RunConfig, RunError, run};
pub use server::serve;
pub use service::{
    AnswerBody, BoxError, Gated, Gateway, GatewayLayer, ResolveError, Upstream, VerifiedBody,
    WrongKey,
};
pub use settings::{
    ACTIONS_MAX, Action, CONFIG_BYTES_MAX, ConfigError, EnrolError, Enrolment, Fault, FaultKind,
    Faults, GatewayFault, LIMIT_MAX, Limits, Loaded, Merchant, Price, Principal, Settings,
    TIMEOUT_S_MAX, Template, UpstreamAddress, load, load_candidate,
};
