//! One request against the rules and what was spent: a pure function.

use std::collections::BTreeSet;

use mandate::{AgentName, Currency, MerchantId, MinorUnits, Money, Sku, UnixSeconds};

use crate::denial::{Denial, Violation};
use crate::rules::{Cap, Rules, has_ended};
use crate::window::Per;

/// What an agent asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Who asks.
    pub agent: &'a AgentName,
    /// Whom it is for.
    pub merchant: &'a MerchantId,
    /// What is to be done.
    pub action: &'a Sku,
    /// An intent or a payment.
    pub ask: Ask,
}

/// An intent or a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The right to ask for a quote. Reserves nothing.
    Intent {
        /// What the agent is ready to pay, if it says so.
        price_max: Option<Money>,
    },
    /// The right to pay one cart.
    Payment {
        /// The cart's total.
        total: Money,
        /// What the principal said of this very cart.
        consent: Consent,
    },
}

/// What the principal said of one cart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Yes. It stands in for the `[[approval]]` rules and lifts no cap.
    Given,
    /// Nothing yet: what wallet.toml says is all there is.
    Standing,
}

/// What one cap has counted in its window, open holds included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// The amount, in the cap's currency; nothing for a cap that only counts.
    pub amount: MinorUnits,
    /// The payments.
    pub count: u64,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Allowed),
    /// No, and everything that stands against it.
    Deny(Denial),
}

/// A yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The caps that count it, as places in [`Rules::caps`].
    pub caps: Vec<usize>,
    /// Whether the action is free: an intent is all it takes.
    pub free: bool,
}

/// Decides about one request.
///
/// `spent` has one element for each of [`Rules::caps`], in that order, for the windows that `now` is in; a missing one
/// means that nothing is known, and unknown means no. `unsettled` is how many payments of the agent are open.
#[must_use]
pub fn decide(
    rules: &Rules,
    request: &Request<'_>,
    spent: &[Spent],
    unsettled: u64,
    now: UnixSeconds,
) -> Decision {
    let free = match listed(rules, request, now) {
        Ok(free) => free,
        Err(violation) => return Decision::Deny(Denial::new(vec![violation])),
    };
    if free {
        return match request.ask {
            Ask::Intent { .. } => Decision::Allow(Allowed { caps: Vec::new(), free }),
            Ask::Payment { .. } => Decision::Deny(Denial::new(vec![Violation::ActionIsFree])),
        };
    }
    let caps = Caps { rules, request, spent, now };
    let (currency, violations) = match request.ask {
        Ask::Intent { price_max: None } => (None, caps.any_currency()),
        Ask::Intent { price_max: Some(price) } => {
            // Nothing that needs a payment costs nothing.
            let amount = price.amount.max(MinorUnits::ONE);
            (Some(price.currency), caps.against(Money { amount, ..price }))
        }
        Ask::Payment { total, consent } => {
            let mut violations = caps.against(total);
            violations.extend(too_many_unsettled(rules, unsettled));
            if consent == Consent::Standing {
                violations.extend(approval(rules, request, total));
            }
            (Some(total.currency), violations)
        }
    };
    if violations.is_empty() {
        Decision::Allow(Allowed {
            caps: caps.counting(currency).map(|(index, _)| index).collect(),
            free,
        })
    } else {
        Decision::Deny(Denial::new(violations))
    }
}

/// Whether the action is free, if agent, merchant and action are listed and their consent has not ended.
fn listed(rules: &Rules, request: &Request<'_>, now: UnixSeconds) -> Result<bool, Violation> {
    let agent = rules.agent(request.agent);
    if agent.is_none_or(|agent| has_ended(agent.until, now)) {
        return Err(Violation::AgentUnknown);
    }
    let merchant = rules.merchant(request.merchant).filter(|merchant| {
        let for_agent =
            merchant.agents.as_ref().is_none_or(|agents| agents.contains(request.agent));
        for_agent && !has_ended(merchant.until, now)
    });
    let Some(merchant) = merchant else {
        return Err(Violation::MerchantNotAllowed { merchant: request.merchant.clone() });
    };
    if merchant.free.contains(request.action) {
        return Ok(true);
    }
    if merchant.paid.contains(request.action) {
        return Ok(false);
    }
    let (merchant, action) = (request.merchant.clone(), request.action.clone());
    Err(Violation::ActionNotAllowed { merchant, action })
}

fn too_many_unsettled(rules: &Rules, open: u64) -> Option<Violation> {
    let limit = u64::from(rules.limits().unsettled);
    (open >= limit).then_some(Violation::TooManyUnsettled { limit, open })
}

/// An approval that matches in another currency only cannot say what is small: then the principal is asked.
fn approval(rules: &Rules, request: &Request<'_>, total: Money) -> Option<Violation> {
    let mut matching = rules
        .approvals()
        .iter()
        .filter(|rule| rule.selector.matches(request.agent, request.merchant, request.action))
        .peekable();
    matching.peek()?;
    let (mut in_currency, mut above) = (false, false);
    for rule in matching.filter(|rule| rule.above.currency == total.currency) {
        in_currency = true;
        above |= total.amount > rule.above.amount;
    }
    (above || !in_currency).then_some(Violation::ApprovalRequired { total })
}

/// The caps of the rules, as one request meets them.
struct Caps<'a> {
    rules: &'a Rules,
    request: &'a Request<'a>,
    spent: &'a [Spent],
    now: UnixSeconds,
}

impl<'a> Caps<'a> {
    /// The caps that match the request, whatever their currency.
    fn matching(&self) -> impl Iterator<Item = (usize, &'a Cap)> {
        let Request { agent, merchant, action, .. } = *self.request;
        let caps = self.rules.caps().iter().enumerate();
        caps.filter(move |(_, cap)| cap.matches(agent, merchant, action))
    }

    /// The caps that count a payment in this currency; in any, if none is given.
    fn counting(&self, currency: Option<Currency>) -> impl Iterator<Item = (usize, &'a Cap)> {
        self.matching().filter(move |(_, cap)| match (cap.spend(), currency) {
            (Some(spend), Some(currency)) => spend.currency == currency,
            _ => true,
        })
    }

    /// The currencies in which something may be spent at all.
    fn granted(&self) -> BTreeSet<Currency> {
        let granting = self.matching().filter(|(_, cap)| cap.grants(self.now));
        granting.filter_map(|(_, cap)| cap.spend()).map(|spend| spend.currency).collect()
    }

    /// What stands against paying `price`.
    fn against(&self, price: Money) -> Vec<Violation> {
        if !self.granted().contains(&price.currency) {
            return vec![Violation::CurrencyNotCapped { currency: Some(price.currency) }];
        }
        self.counting(Some(price.currency))
            .flat_map(|(index, cap)| self.exceeded(index, cap, price))
            .collect()
    }

    /// What stands against paying anything, in the currency that has the least against it.
    fn any_currency(&self) -> Vec<Violation> {
        let granted = self.granted();
        if granted.is_empty() {
            return vec![Violation::CurrencyNotCapped { currency: None }];
        }
        let least = |currency| Money { currency, amount: MinorUnits::ONE };
        let against = granted.into_iter().map(|currency| self.against(least(currency)));
        against.min_by_key(Vec::len).unwrap_or_default()
    }

    /// How one cap is passed by one more payment of `price`.
    fn exceeded(&self, index: usize, cap: &Cap, price: Money) -> Vec<Violation> {
        // What is not known counts as everything.
        let unknown = Spent { amount: MinorUnits::MAX, count: u64::MAX };
        let spent = self.spent.get(index).copied().unwrap_or(unknown);
        let spent = if cap.per() == Per::Payment { Spent::default() } else { spent };
        let resets_at = || cap.window(self.rules.timezone(), self.now).until;
        let money = |amount| Money { currency: price.currency, amount };
        let label = || cap.label().to_owned();
        let amount = cap.spend().filter(|limit| {
            let sum = spent.amount.checked_add(price.amount);
            sum.map_or(true, |sum| sum > limit.amount)
        });
        let amount = amount.map(|limit| Violation::CapExceeded {
            label: label(),
            per: cap.per(),
            asked: price,
            limit,
            spent: money(spent.amount),
            remaining: money(limit.amount.checked_sub(spent.amount).unwrap_or_default()),
            resets_at: resets_at(),
        });
        let count = cap.count().filter(|limit| spent.count >= *limit);
        let count = count.map(|limit| Violation::CountExceeded {
            label: label(),
            per: cap.per(),
            limit,
            spent: spent.count,
            resets_at: resets_at(),
        });
        amount.into_iter().chain(count).collect()
    }
}
