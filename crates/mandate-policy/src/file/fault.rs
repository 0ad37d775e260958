//! What only a `wallet.toml` can have wrong.

use mandate::token::CAPS_MAX;
use mandate::{AgentName, MerchantId, Sku};
use mandate_config::{Once, OwnFault};
use thiserror::Error;

use crate::process::{ExePathError, UnitNameError};
use crate::rules::CAPS_BYTES_MAX;
use crate::window::PerError;

/// Everything that is wrong with one `wallet.toml`.
pub type Faults = mandate_config::Faults<WalletFault>;

/// One thing that is wrong with a `wallet.toml`.
pub type Fault = mandate_config::Fault<WalletFault>;

/// What is wrong with a `wallet.toml`.
pub type FaultKind = mandate_config::FaultKind<WalletFault>;

/// The faults of a `wallet.toml`, as they are found.
pub(super) type Report<'t> = mandate_config::Report<'t, WalletFault>;

/// An action of a merchant, free or paid.
pub(super) const ACTION: Once = Once::new("action_duplicate", "this action is listed");

/// An agent's name, in the list of agents or in a merchant's.
pub(super) const AGENT: Once = Once::new("agent_duplicate", "this agent is listed");

/// A merchant's id.
pub(super) const MERCHANT: Once = Once::new("merchant_duplicate", "this merchant is listed");

/// An agent's uid.
pub(super) const UID: Once = Once::new("uid_duplicate", "this uid belongs to an agent");

/// What only a `wallet.toml` can have wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WalletFault {
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
    /// A cap that limits nothing.
    #[error("limits nothing; give it `spend`, `count`, or both")]
    CapEmpty,
    /// More caps may cover one payment than its journal entry has room for.
    #[error(
        "with this cap, those that may cover one payment take {actual} bytes of its journal entry; at most {CAPS_BYTES_MAX} are allowed: remove caps, or have them name different merchants, actions or agents"
    )]
    CapsCovering {
        /// How much they take, in bytes.
        actual: usize,
    },
    /// More caps may cover one payment than it can tell its merchant of.
    #[error(
        "with this cap, {actual} caps that name {merchant} may cover one payment; at most {CAPS_MAX} are allowed, as each payment tells the merchant of them: remove some, or have them name different actions or agents"
    )]
    CapsTold {
        /// The merchant.
        merchant: MerchantId,
        /// How many there are.
        actual: usize,
    },
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
    /// A program that cannot be one.
    #[error(transparent)]
    Exe(#[from] ExePathError),
    /// A merchant that is not listed.
    #[error("{merchant} is not a listed merchant; list it under [[merchant]]")]
    MerchantUnlisted {
        /// The merchant.
        merchant: MerchantId,
    },
    /// A window that is none.
    #[error(transparent)]
    Per(#[from] PerError),
    /// An unknown time zone.
    #[error("is not an IANA time zone; use a name such as \"Europe/Paris\" or \"UTC\"")]
    Timezone,
    /// An agent with both.
    #[error("has both `uid` and `user`; one of the two says who may connect: remove the other")]
    UidAndUser,
    /// An agent with neither.
    #[error("has neither `uid` nor `user`; one of the two says who may connect, as in uid = 1001")]
    UidMissing,
    /// A unit that cannot be one.
    #[error(transparent)]
    Unit(#[from] UnitNameError),
    /// A user that this system does not list.
    #[error("is no user of this system; write the number that `id -u` prints, as in uid = 1001")]
    UserUnknown,
}

impl OwnFault for WalletFault {
    fn code(&self) -> &'static str {
        match self {
            Self::ActionFree { .. } => "action_free",
            Self::ActionUnsold { .. } => "action_not_sold",
            Self::ActionsMissing => "actions_missing",
            Self::AgentNotAdmitted { .. } => "agent_not_admitted",
            Self::AgentUnlisted { .. } => "agent_unlisted",
            Self::AgentsEmpty => "agents_empty",
            Self::CapEmpty => "cap_empty",
            Self::CapsCovering { .. } => "caps_covering",
            Self::CapsTold { .. } => "caps_told",
            Self::CountPerPayment => "count_per_payment",
            Self::CountZero => "count_zero",
            Self::Date => "date_form",
            Self::DateRange => "date_range",
            Self::Exe(_) => "exe_path",
            Self::MerchantUnlisted { .. } => "merchant_unlisted",
            Self::Per(_) => "per_unknown",
            Self::Timezone => "timezone_unknown",
            Self::UidAndUser => "uid_and_user",
            Self::UidMissing => "uid_missing",
            Self::Unit(_) => "unit_name",
            Self::UserUnknown => "user_unknown",
        }
    }

    fn stands_alone(&self) -> bool {
        match self {
            Self::CountZero
            | Self::Date
            | Self::DateRange
            | Self::Exe(_)
            | Self::Per(_)
            | Self::Timezone
            | Self::Unit(_)
            | Self::UserUnknown => true,
            Self::ActionFree { .. }
            | Self::ActionUnsold { .. }
            | Self::ActionsMissing
            | Self::AgentNotAdmitted { .. }
            | Self::AgentUnlisted { .. }
            | Self::AgentsEmpty
            | Self::CapEmpty
            | Self::CapsCovering { .. }
            | Self::CapsTold { .. }
            | Self::CountPerPayment
            | Self::MerchantUnlisted { .. }
            | Self::UidAndUser
            | Self::UidMissing => false,
        }
    }
}

fn sellers(merchant: Option<&MerchantId>, agent: Option<&AgentName>) -> String {
    match (merchant, agent) {
        (Some(merchant), _) => merchant.to_string(),
        (None, Some(agent)) => format!("any merchant for agent {agent}"),
        (None, None) => "any merchant".to_owned(),
    }
}
