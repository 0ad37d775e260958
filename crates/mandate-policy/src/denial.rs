//! Why the rules say no.

use std::cmp::Reverse;

use jiff::Timestamp;
use mandate::{Currency, MerchantId, MinorUnits, Money, Sku, UnixSeconds};
use thiserror::Error;

use crate::reason::Reason;
use crate::window::Per;

/// A no, with everything that stands against the request. Nothing in it goes beyond the caller's own request and budget.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .violations.first().map_or_else(|| "refused".to_owned(), ToString::to_string))]
pub struct Denial {
    /// What stands against it, the reported one first; never empty.
    pub violations: Vec<Violation>,
}

impl Denial {
    /// Puts what no wait can mend first, so that a caller does not wait in vain.
    pub(crate) fn new(mut violations: Vec<Violation>) -> Self {
        violations.sort_by_cached_key(Violation::rank);
        Self { violations }
    }

    /// The stable reason of the reported violation.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.violations.first().map_or(Reason::AgentUnknown, Violation::reason)
    }
}

/// One rule that a request breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// The action needs an intent only, and was to be paid.
    #[error("this action is free: present the intent itself, no payment is needed")]
    ActionIsFree,
    /// The action is not listed for this merchant.
    #[error(
        "action {action} is not listed for merchant {merchant} in wallet.toml; only the principal can list it"
    )]
    ActionNotAllowed {
        /// The merchant.
        merchant: MerchantId,
        /// The action.
        action: Sku,
    },
    /// The caller is no listed agent, or its consent ended.
    #[error("this uid is not an agent listed in wallet.toml; only the principal can list it")]
    AgentUnknown,
    /// The principal said no to this cart.
    #[error("the principal said no to this cart; do not ask for it again")]
    ApprovalDenied,
    /// The principal has to say yes first.
    #[error("{total} needs the principal's yes first; ask them, or ask for less")]
    ApprovalRequired {
        /// The price.
        total: Money,
    },
    /// The amount would pass a cap.
    #[error("{} under the cap of {label}: {spent} spent, {remaining} left{}", unfit(*asked), self.waits(*resets_at))]
    CapExceeded {
        /// The cap in words.
        label: String,
        /// Over what time it counts.
        per: Per,
        /// What was asked for: the least amount where no price is known.
        asked: Money,
        /// The most that may be spent.
        limit: Money,
        /// What was spent, open holds included.
        spent: Money,
        /// What is left.
        remaining: Money,
        /// When its calendar window starts anew.
        resets_at: Option<UnixSeconds>,
    },
    /// One more payment would pass a cap.
    #[error("one more payment does not fit under the cap of {label}: {spent} made{}", self.waits(*resets_at))]
    CountExceeded {
        /// The cap in words.
        label: String,
        /// Over what time it counts.
        per: Per,
        /// The most payments.
        limit: u64,
        /// How many there were, open holds included.
        spent: u64,
        /// When its calendar window starts anew.
        resets_at: Option<UnixSeconds>,
    },
    /// No cap grants anything in this currency.
    #[error("{}", not_capped(*currency))]
    CurrencyNotCapped {
        /// The currency; `None` if no currency is granted at all.
        currency: Option<Currency>,
    },
    /// The merchant is not listed, not for this agent, or its consent ended.
    #[error(
        "merchant {merchant} is not listed in wallet.toml for this agent; only the principal can list it"
    )]
    MerchantNotAllowed {
        /// The merchant.
        merchant: MerchantId,
    },
    /// The price is above the intent's own limit.
    #[error(
        "the price is above the intent's own limit of {limit}; mint an intent with a higher price_max if it is right"
    )]
    PriceAboveLimit {
        /// The intent's limit.
        limit: Money,
    },
    /// Too many payments are not settled.
    #[error(
        "{open} payments are not settled and {limit} may be; hand in receipts with RecordReceipt first (limits.unsettled)"
    )]
    TooManyUnsettled {
        /// The most that may be open.
        limit: u64,
        /// How many are.
        open: u64,
    },
}

/// Where no price is known, the least amount stands in for it: nobody asked for so little.
fn unfit(asked: Money) -> String {
    if asked.amount == MinorUnits::ONE {
        format!("not even {asked} fits")
    } else {
        format!("{asked} does not fit")
    }
}

fn not_capped(currency: Option<Currency>) -> String {
    let what =
        currency.map_or_else(|| "nothing".to_owned(), |currency| format!("nothing in {currency}"));
    format!(
        "{what} may be spent on this: no [[cap]] in wallet.toml grants it; only the principal can add one"
    )
}

impl Violation {
    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::ActionIsFree => Reason::ActionIsFree,
            Self::ActionNotAllowed { .. } => Reason::ActionNotAllowed,
            Self::AgentUnknown => Reason::AgentUnknown,
            Self::ApprovalDenied => Reason::ApprovalDenied,
            Self::ApprovalRequired { .. } => Reason::ApprovalRequired,
            Self::CapExceeded { .. } => Reason::CapExceeded,
            Self::CountExceeded { .. } => Reason::CountExceeded,
            Self::CurrencyNotCapped { .. } => Reason::CurrencyNotCapped,
            Self::MerchantNotAllowed { .. } => Reason::MerchantNotAllowed,
            Self::PriceAboveLimit { .. } => Reason::PriceAboveLimit,
            Self::TooManyUnsettled { .. } => Reason::TooManyUnsettled,
        }
    }

    /// Whether the passing of time alone may mend it: a window moves on, and what was asked for fits into an empty one.
    #[must_use]
    pub fn mends_with_time(&self) -> bool {
        match self {
            Self::CapExceeded { per, asked, limit, .. } => {
                per.moves_on() && asked.amount <= limit.amount
            }
            Self::CountExceeded { per, .. } => per.moves_on(),
            _ => false,
        }
    }

    /// Until when it stands; nothing where that is not known, or where no wait can mend it.
    fn waits(&self, resets_at: Option<UnixSeconds>) -> String {
        let at = resets_at.filter(|_| self.mends_with_time()).map(UnixSeconds::seconds);
        let shown = at.and_then(|at| Timestamp::from_second(i64::try_from(at).ok()?).ok());
        shown.map(|at| format!(" until {at}")).unwrap_or_default()
    }

    /// The order in which violations are reported, whatever the order of the rules.
    ///
    /// Among caps, one that no wait can mend comes first, then the one that resets last.
    fn rank(&self) -> (u8, Reverse<UnixSeconds>, u8, String) {
        let cap = |kind, resets_at: Option<UnixSeconds>, label: &String| {
            let until = if self.mends_with_time() {
                resets_at.unwrap_or(UnixSeconds::EPOCH)
            } else {
                UnixSeconds::MAX
            };
            (6, Reverse(until), kind, label.clone())
        };
        let plain = |rank| (rank, Reverse(UnixSeconds::EPOCH), 0, String::new());
        match self {
            Self::AgentUnknown => plain(0),
            Self::MerchantNotAllowed { .. } => plain(1),
            Self::ActionNotAllowed { .. } => plain(2),
            Self::ActionIsFree => plain(3),
            Self::PriceAboveLimit { .. } => plain(4),
            Self::CurrencyNotCapped { .. } => plain(5),
            Self::CapExceeded { resets_at, label, .. } => cap(0, *resets_at, label),
            Self::CountExceeded { resets_at, label, .. } => cap(1, *resets_at, label),
            Self::ApprovalDenied => plain(7),
            Self::TooManyUnsettled { .. } => plain(8),
            Self::ApprovalRequired { .. } => plain(9),
        }
    }
}
