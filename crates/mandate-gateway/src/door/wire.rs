//! What is asked at the operator's door and what is answered, as both ends read it.

use std::net::SocketAddr;

use mandate::history::Rule;
use mandate::text::{Order, VoidReason};
use mandate::{Head, KeyId, MerchantId, PolicyDigest, PrincipalId, Root, UnixSeconds};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::book::Outcome;

/// Why a void is one, when the operator does not say.
const VOID_BY_HAND: &str = "the operator says that it was not executed";

/// What the gateway is, holds and obeys.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The merchant.
    pub merchant: MerchantId,
    /// The key that signs.
    pub kid: KeyId,
    /// Why that key is not at hand.
    pub key_problem: Option<String>,
    /// Whether it is locked away; `key_problem` says why.
    pub locked: bool,
    /// The book's file.
    pub book: String,
    /// Where it listens for calls.
    pub listen: SocketAddr,
    /// SHA-256 of the gateway.toml in force.
    pub settings: PolicyDigest,
    /// Why the newest gateway.toml is not in force.
    pub settings_problem: Option<String>,
    /// Why the clock is not believed.
    pub clock_problem: Option<String>,
    /// Why the journal is not believed.
    pub journal_problem: Option<String>,
    /// Why the journal's head is not remembered beside the key.
    pub memory_problem: Option<String>,
    /// Where its figures can be read over TCP.
    pub metrics_address: Option<SocketAddr>,
    /// Why they cannot be read where gateway.toml says.
    pub metrics_problem: Option<String>,
    /// The journal's head.
    pub head: Head,
    /// How many uses wait for what became of them.
    pub reserved: u64,
    /// What the system denied that would protect the key better, a sentence each.
    pub warnings: Vec<String>,
    /// Principals whose wallet's log contradicts itself under a key that is listed: the newest first.
    pub equivocations: Vec<Contradicted>,
    /// The systemd service that it runs in.
    pub unit: Option<Service>,
}

/// A systemd service.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Whether it is of a user's own manager.
    pub is_users: bool,
}

/// Two tokens of one principal whose heads of its wallet's log cannot both be true.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contradicted {
    /// The principal.
    pub principal: PrincipalId,
    /// The entry that holds both tokens, whole.
    pub seq: u64,
    /// The entry in which the earlier of the two came in.
    pub earlier_seq: u64,
    /// How they contradict each other.
    pub rule: Rule,
}

/// A page of entries.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// Each as it is stored and hashed.
    pub entries: Vec<Box<RawValue>>,
}

/// The newest checkpoint.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// A C2SP tlog-checkpoint; none if none was ever signed.
    pub checkpoint: Option<String>,
}

/// The way from an entry to a root (RFC 9162, section 2.1.3).
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionPath {
    /// Unpadded base64url of 32 bytes each, the leaf's sibling first.
    pub hashes: Vec<Root>,
}

/// A page of uses of which it is not known what became.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reserved {
    /// Oldest first; empty after the last one.
    pub uses: Vec<Waiting>,
}

/// One use that waits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Its entry.
    pub seq: u64,
    /// What it is known by: H(payment), or H(intent) of a free action.
    pub hash: String,
    /// When it was reserved.
    pub since: UnixSeconds,
    /// The mandate, whole.
    pub mandate: String,
}

/// What the operator says became of a use.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// What the use is known by.
    pub hash: String,
    /// What became of it.
    pub outcome: ResolveOutcome,
    /// The merchant's reference; only of what was executed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<Order>,
    /// Why it is void; only of what is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<VoidReason>,
}

/// What became of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolveOutcome {
    /// The API did it: the money stays.
    Executed,
    /// The API did not do it and never will: the money goes back.
    Void,
}

/// What does not belong together.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolveFault {
    /// An order of what is void.
    #[error("what is void has no order, only a reason")]
    Order,
    /// A reason of what was executed.
    #[error("what was executed has no reason, only an order")]
    Reason,
}

impl TryFrom<Resolve> for Outcome {
    type Error = ResolveFault;

    fn try_from(asked: Resolve) -> Result<Self, ResolveFault> {
        let Resolve { hash: _, outcome, order, reason } = asked;
        match (outcome, order, reason) {
            (ResolveOutcome::Executed, order, None) => Ok(Self::Executed { order }),
            (ResolveOutcome::Void, None, reason) => {
                Ok(Self::Void { reason: reason.unwrap_or_else(void_by_hand) })
            }
            (ResolveOutcome::Executed, _, Some(_)) => Err(ResolveFault::Reason),
            (ResolveOutcome::Void, Some(_), _) => Err(ResolveFault::Order),
        }
    }
}

#[expect(clippy::expect_used, reason = "a test reads the constant")]
fn void_by_hand() -> VoidReason {
    VOID_BY_HAND.parse().expect("a reason")
}

/// What was settled.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolved {
    /// The receipt. What was settled before keeps the receipt that it had.
    pub receipt: String,
}

/// Whether the journal fits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Checked {
    /// Something does not; no mandate is used from now on.
    Broken {
        /// The first thing that does not fit.
        fault: String,
    },
    /// All of it does.
    Whole {
        /// The head that the entries add up to.
        head: Head,
    },
}

/// The clock is believed from now on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// What it says.
    pub confirmed: UnixSeconds,
}

/// The key is wiped from memory.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// False when its entry could not be written (a full disk?): the lock holds, but maybe only until the gateway stops.
    pub durable: bool,
}

/// The key is asked of its store again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unlocked {
    /// Why it is not at hand yet, and the way out.
    pub key_problem: Option<String>,
}

/// Why nothing was done.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A stable word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_carries_only_what_is_its_own() {
        let read = |text: &str| {
            let asked: Resolve = serde_json::from_str(text).unwrap();
            Outcome::try_from(asked)
        };
        let order = "LUX-1".parse().unwrap();
        assert_eq!(
            read(r#"{"hash":"h","outcome":"executed","order":"LUX-1"}"#),
            Ok(Outcome::Executed { order: Some(order) })
        );
        let reason = void_by_hand();
        assert_eq!(read(r#"{"hash":"h","outcome":"void"}"#), Ok(Outcome::Void { reason }));
        assert_eq!(
            read(r#"{"hash":"h","outcome":"void","order":"LUX-1"}"#),
            Err(ResolveFault::Order)
        );
        assert_eq!(
            read(r#"{"hash":"h","outcome":"executed","reason":"no"}"#),
            Err(ResolveFault::Reason)
        );
    }
}
