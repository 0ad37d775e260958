//! Reads `wallet.toml`: strictly, and all of it.
//!
//! Every fault is found at once, each with its line, its column and the way out, and one slip gives one fault: what
//! hangs on a value that could not be read is not judged. Never touches the file itself.

mod cap;
mod fault;
mod head;
mod names;
mod party;
mod until;

use mandate::PolicyDigest;
use mandate_config::{ITEMS_MAX, Read, Table, parse};

pub use fault::{Fault, FaultKind, Faults, WalletFault};

use crate::rules::Rules;
use fault::Report;

/// The most each of `[limits]` may be.
pub const LIMIT_MAX: u32 = 1_000_000;

/// The most tables or elements one list may have.
pub const WALLET_TOML_ITEMS_MAX: usize = ITEMS_MAX;

/// The tables of the file.
const TABLES: &[&str] =
    &["principal", "key", "mandates", "limits", "metrics", "agent", "merchant", "cap", "approval"];

/// The users of a system, by name.
pub trait Users {
    /// The uid of the user of that name, if there is one.
    fn uid(&self, name: &str) -> Option<u32>;
}

impl Rules {
    /// Reads the text of a `wallet.toml`.
    ///
    /// # Errors
    ///
    /// [`Faults`] with everything that is wrong with it.
    pub fn parse(text: &str, users: &impl Users) -> Result<Self, Faults> {
        let digest = PolicyDigest::of(text.as_bytes());
        parse(text, TABLES, |root, report| rules(root, digest, users, report))
    }
}

fn rules(
    root: &mut Table<'_>,
    digest: PolicyDigest,
    users: &impl Users,
    report: &mut Report<'_>,
) -> Read<Rules> {
    let head = head::read(root, report);
    let timezone = head.timezone.as_ref().map_err(|reported| *reported);
    let (agents, agent_names) = party::agents(root, users, timezone, report);
    let (merchants, names) = party::merchants(root, agent_names, timezone, report);
    let caps = cap::caps(root, &names, timezone, report);
    let approvals = cap::approvals(root, &names, report);
    Ok(Rules {
        digest,
        principal: head.principal?,
        timezone: head.timezone?,
        key: head.key?,
        intent_ttl_s: head.intent_ttl_s?,
        payment_ttl_s: head.payment_ttl_s?,
        limits: head.limits?,
        metrics_listen: head.metrics_listen?,
        agents: agents?,
        merchants: merchants?,
        caps: caps?,
        approvals: approvals?,
    })
}
