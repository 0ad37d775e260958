//! `wallet.toml` as checked rules, and the pure decision over them.
//!
//! A file becomes [`Rules`] only whole: every fault in it is found at once, each with its line, its column and the way
//! out. [`decide`] holds one request against the rules and against what was spent; default deny, every matching rule
//! must hold, and the order of rules means nothing. This crate never reads a file or a clock.

mod decide;
mod denial;
mod file;
mod process;
mod reason;
mod rules;
mod window;

pub use mandate::digest::PolicyDigest;
pub use mandate_config::{KeyReference, KeyStore, URL_BYTES_MAX, UrlError, check_url};

pub use decide::{Allowed, Ask, Consent, Decision, Request, Spent, decide};
pub use denial::{Denial, Violation};
pub use file::{Fault, FaultKind, Faults, LIMIT_MAX, Users, WALLET_TOML_ITEMS_MAX, WalletFault};
pub use process::{
    EXE_PATH_BYTES_MAX, ExePath, ExePathError, UNIT_NAME_BYTES_MAX, UnitName, UnitNameError,
};
pub use reason::Reason;
pub use rules::{
    Agent, Approval, CAPS_BYTES_MAX, Cap, Limits, MERCHANT_KEYS_MAX, Merchant, Principal, Rules,
    Selector,
};
pub use window::{Per, PerError, Trailing, Window};
