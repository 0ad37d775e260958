//! What two logs held against each other show.

use std::collections::BTreeMap;
use std::fmt;

use mandate::{Head, Jti, Root};
use serde::Serialize;
use serde_json::Value;

use crate::log::Log;
use crate::token::Typ;

/// What is wrong with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// An entry says something else than the token that was signed from it, or than the root that was signed over it.
    Altered,
    /// Entries stand in the proven past that were not there.
    Extra,
    /// A log keeps a token that its peer did not sign.
    ForeignTokenInvalid,
    /// An entry that was signed is nowhere.
    Missing,
    /// An entry stands at another place than the one it was signed at.
    Reordered,
    /// The log was cut back behind a size it had signed.
    RolledBack,
    /// Two heads were signed that cannot both be true.
    TwoHistories,
}

impl FindingKind {
    /// Its stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Extra => "extra",
            Self::ForeignTokenInvalid => "foreign_token_invalid",
            Self::Missing => "missing",
            Self::Reordered => "reordered",
            Self::RolledBack => "rolled_back",
            Self::TwoHistories => "two_histories",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signed token that proves something about its signer's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// `intent`, `cart`, `payment` or `receipt`.
    pub typ: &'static str,
    /// Its id.
    pub jti: Jti,
    /// H of it.
    pub hash: Root,
    /// The head in its `log`.
    pub log: Head,
    /// Whose log keeps it.
    pub held_by: Log,
    /// The entry of that log that does.
    pub held_in: u64,
}

/// A claim in which an entry and a token differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name.
    pub claim: String,
    /// What the entry says.
    pub entry: Option<Value>,
    /// What the signed token says.
    pub token: Option<Value>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whose log it is wrong in.
    pub fault: Log,
    /// What.
    pub kind: FindingKind,
    /// The first entry of that log that is concerned.
    pub from: u64,
    /// The last one; mostly the same.
    pub to: u64,
    /// In one sentence.
    pub what: String,
    /// In which claims an altered entry differs from the token.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<Difference>,
    /// The tokens that prove it.
    pub evidence: Vec<Evidence>,
}

/// Where the stories of two logs part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parting {
    /// The log that is not what was signed.
    pub log: Log,
    /// The log that keeps the tokens which say so.
    pub against: Log,
    /// The largest size before it that is proven; 0 if none is.
    pub agreed: u64,
    /// The first size that is disproven.
    pub parted: u64,
}

/// How one log fares under the other's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The log.
    pub log: Log,
    /// Its signed head.
    pub head: Head,
    /// Tokens of it that its peers keep and that it bears out.
    pub proven: u64,
    /// Tokens of it that were signed after this export was made, or after a cut: an export at least as large tells.
    pub beyond: u64,
    /// The largest size that those were signed at; 0 if there are none.
    pub beyond_size: u64,
    /// Tokens in it of logs that were not handed in, also of those that a party had before under another key.
    pub unasked: u64,
}

/// All that two or more logs show when they are held against each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// What is wrong, in the order of logs and entries; nothing in honest logs.
    pub findings: Vec<Finding>,
    /// Where stories part.
    pub partings: Vec<Parting>,
    /// Each log.
    pub logs: Vec<Tally>,
    /// Purchases whose executed receipt both sides have.
    pub purchases: u64,
    /// What they cost, in minor units by currency.
    pub totals_minor: BTreeMap<String, u64>,
}

impl Reconciliation {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Which token of which kind and id, for sentences.
pub(super) fn named(typ: Typ, jti: Jti) -> String {
    format!("{typ} {jti}")
}
