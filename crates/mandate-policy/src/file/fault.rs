//! What is wrong with a `wallet.toml`: where, why, and the way out.

use std::fmt;
use std::path::Path;

use mandate::id::IdError;
use mandate::key::KeyError;
use mandate::text::TextError;
use mandate::{AgentName, AmountError, MerchantId, Sku};
use thiserror::Error;

use super::url::UrlError;
use crate::window::PerError;

/// Everything that is wrong with one file, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", lines(faults, ""))]
pub struct Faults {
    pub(super) faults: Vec<Fault>,
}

impl Faults {
    /// How many there are, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter()
    }

    /// One line a fault, as compilers write them: `path:line:column: field: message (did you mean …?)`.
    #[must_use]
    pub fn display(&self, path: &Path) -> impl fmt::Display {
        lines(&self.faults, &format!("{}:", path.display()))
    }
}

fn lines(faults: &[Fault], before: &str) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("{before}{fault}")).collect();
    lines.join("\n")
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) field: String,
    pub(super) kind: FaultKind,
    pub(super) suggestion: Option<String>,
}

impl Fault {
    /// Its line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Its column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The field, as in `cap[2].spend`: the second `[[cap]]` of the file. Empty for [`FaultKind::Syntax`].
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.kind
    }

    /// A stable name of what is wrong.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// What was meant, perhaps, as it would stand in the file.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, field, kind, suggestion } = self;
        write!(f, "{line}:{column}: ")?;
        if !field.is_empty() {
            write!(f, "{field}: ")?;
        }
        write!(f, "{kind}")?;
        suggestion.iter().try_for_each(|suggestion| write!(f, " (did you mean {suggestion}?)"))
    }
}

/// What may stand in a file only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Once {
    /// An action of a merchant, free or paid.
    Action,
    /// An agent's name, in the list of agents or in a merchant's.
    Agent,
    /// A key of a merchant.
    Key,
    /// A merchant's id.
    Merchant,
    /// An agent's uid.
    Uid,
}

impl fmt::Display for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Action => "this action is listed",
            Self::Agent => "this agent is listed",
            Self::Key => "this key is listed",
            Self::Merchant => "this merchant is listed",
            Self::Uid => "this uid belongs to an agent",
        })
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// A rule names an action that costs nothing.
    #[error(
        "{action} is a free action; rules are about paid ones, so this one could never apply: remove it"
    )]
    ActionFree {
        /// The action.
        action: Sku,
    },
    /// A rule names an action that cannot be paid for.
    #[error("{action} is not in `paid` of {}; the rule could never apply: list the action there or remove the rule", sellers(merchant.as_ref(), agent.as_ref()))]
    ActionUnsold {
        /// The action.
        action: Sku,
        /// The merchant of the rule, if it names one.
        merchant: Option<MerchantId>,
        /// The agent of the rule, if it names one.
        agent: Option<AgentName>,
    },
    /// A merchant has no action.
    #[error("has no action; list at least one in `free` or `paid`")]
    ActionsMissing,
    /// A rule names an agent and a merchant that is not for it.
    #[error(
        "{merchant} is not for agent {agent}; the rule could never apply: add the agent to the merchant's `agents` or remove the rule"
    )]
    AgentNotAdmitted {
        /// The agent.
        agent: AgentName,
        /// The merchant.
        merchant: MerchantId,
    },
    /// An agent that is not listed.
    #[error("{agent} is not a listed agent; list it under [[agent]]")]
    AgentUnlisted {
        /// The agent.
        agent: AgentName,
    },
    /// A merchant for nobody.
    #[error("is empty; name at least one agent, or leave it out to admit every listed one")]
    AgentsEmpty,
    /// An amount that is none.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// An amount as a bare number.
    #[error(
        "is a bare number; write the amount in quotes, with its currency, as in \"250.00 EUR\""
    )]
    AmountUnquoted,
    /// A cap that limits nothing.
    #[error("limits nothing; give it `spend`, `count`, or both")]
    CapEmpty,
    /// A number of payments in one payment.
    #[error(
        "counts nothing where per = \"payment\"; give the number of payments a cap of its own, as with per = \"day\""
    )]
    CountPerPayment,
    /// A cap of no payments.
    #[error("is 0; to stop payments, remove the action from `paid` or run: mandate freeze")]
    CountZero,
    /// A date that is not one day.
    #[error(
        "is not a plain date; write the last day of the consent without quotes and without a time, as in 2026-12-31"
    )]
    Date,
    /// A day before or after all others.
    #[error("is outside of 1970-01-01 to 9999-12-29")]
    DateRange,
    /// Something stands twice.
    #[error("{what} already on line {line}; remove one of the two")]
    Duplicate {
        /// What it is.
        what: Once,
        /// Where it stands first.
        line: usize,
    },
    /// An id that is none.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A whole number in another notation.
    #[error("is not in plain decimal; write it without sign, prefix, or underscore, as in 100")]
    IntegerForm,
    /// A whole number out of its range.
    #[error("is {actual}; it has to be from {min} to {max}")]
    IntegerRange {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
        /// The number as written.
        actual: String,
    },
    /// A list is longer than any real one.
    #[error("has {actual} entries; at most {limit} are read")]
    ItemsMax {
        /// The most.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// A public key that is none.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A merchant without keys.
    #[error(
        "is empty; without a key nothing of this merchant could be verified: list the public key that it publishes"
    )]
    KeysEmpty,
    /// A merchant that is not listed.
    #[error("{merchant} is not a listed merchant; list it under [[merchant]]")]
    MerchantUnlisted {
        /// The merchant.
        merchant: MerchantId,
    },
    /// A key or table that has to be there.
    #[error("is missing; add {example}")]
    Missing {
        /// How it is written.
        example: &'static str,
    },
    /// A window that is none.
    #[error(transparent)]
    Per(#[from] PerError),
    /// An unknown key store.
    #[error("is not a key store; use auto, secret-service, keyutils, or credential")]
    Store,
    /// It is no TOML.
    #[error("not TOML: {message}")]
    Syntax {
        /// The TOML parser's words.
        message: String,
    },
    /// A text that cannot be shown.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A text of nothing.
    #[error("is empty")]
    TextEmpty,
    /// An unknown time zone.
    #[error("is not an IANA time zone; use a name such as \"Europe/Paris\" or \"UTC\"")]
    Timezone,
    /// A life that is none.
    #[error("is not a life; write whole seconds or minutes, as in \"60s\" or \"5m\"")]
    TtlForm,
    /// A life out of its range.
    #[error("is {actual}; it has to be from 1s to {max_s}s")]
    TtlRange {
        /// The most, in seconds.
        max_s: u64,
        /// The life as written.
        actual: String,
    },
    /// A value of another type.
    #[error("is {found}; write {expected}")]
    Type {
        /// What it has to be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// An agent with both.
    #[error("has both `uid` and `user`; one of the two says who may connect: remove the other")]
    UidAndUser,
    /// An agent with neither.
    #[error("has neither `uid` nor `user`; one of the two says who may connect, as in uid = 1001")]
    UidMissing,
    /// A key that means nothing here.
    #[error("is not known here; {}", known_keys(known))]
    UnknownKey {
        /// The keys that are.
        known: &'static [&'static str],
    },
    /// An address that is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A user that this system does not list.
    #[error("is no user of this system; write the number that `id -u` prints, as in uid = 1001")]
    UserUnknown,
}

fn sellers(merchant: Option<&MerchantId>, agent: Option<&AgentName>) -> String {
    match (merchant, agent) {
        (Some(merchant), _) => merchant.to_string(),
        (None, Some(agent)) => format!("any merchant for agent {agent}"),
        (None, None) => "any merchant".to_owned(),
    }
}

fn known_keys(known: &[&str]) -> String {
    format!("the keys here are {}", known.join(", "))
}
