//! What is left, and what would be answered: reads that write nothing.

use std::sync::Arc;

use mandate::{AgentName, Money};
use mandate_journal::StoreError;
use mandate_policy::{Cap, Decision, Denial, Per, Request, Rules, Spent, Violation, decide};

use crate::desk::Desk;
use crate::refusal::Refusal;
use crate::request::{BudgetFilter, CapBudget, ExplainAsk, Explanation};

impl Desk<'_, '_> {
    /// The caps that apply to an agent (or to anyone), narrowed by a filter, in the order of wallet.toml.
    pub(crate) fn budget(
        &mut self,
        agent: Option<&AgentName>,
        filter: &BudgetFilter,
    ) -> Result<Vec<CapBudget>, StoreError> {
        let rules = Arc::clone(&self.rules);
        let now = self.now.wall;
        let (db, accounts) = self.tx.db_and_projection_mut();
        let spent = accounts.spent(db, &rules, now)?;
        let caps = rules.caps().iter().zip(spent);
        Ok(caps
            .filter(|(cap, _)| applies(cap, agent, filter))
            .map(|(cap, spent)| left_of(&rules, cap, *spent, now))
            .collect())
    }

    pub(crate) fn explain(&mut self, ask: &ExplainAsk) -> Result<Explanation, StoreError> {
        let rules = Arc::clone(&self.rules);
        let now = self.now.wall;
        let mut refusals: Vec<Refusal> =
            self.barred(&ask.agent, &ask.merchant).into_iter().collect();
        let request = Request {
            agent: &ask.agent,
            merchant: &ask.merchant,
            action: &ask.action,
            ask: ask.ask,
        };
        let (spent, unsettled) = self.spent(&ask.agent)?;
        let free = match decide(&rules, &request, spent, unsettled, now) {
            Decision::Allow(allowed) => allowed.free,
            Decision::Deny(Denial { violations }) => {
                let free = violations.contains(&Violation::ActionIsFree);
                let single = |violation| Refusal::Policy(Denial { violations: vec![violation] });
                refusals.extend(violations.into_iter().map(single));
                free
            }
        };
        let caps = rules
            .caps()
            .iter()
            .zip(spent)
            .filter(|(cap, _)| cap.matches(&ask.agent, &ask.merchant, &ask.action))
            .map(|(cap, spent)| left_of(&rules, cap, *spent, now))
            .collect();
        Ok(Explanation { refusals, caps, free })
    }
}

fn applies(cap: &Cap, agent: Option<&AgentName>, filter: &BudgetFilter) -> bool {
    fn fits<T: PartialEq>(selector: Option<&T>, asked: Option<&T>) -> bool {
        match (selector, asked) {
            (Some(selector), Some(asked)) => selector == asked,
            _ => true,
        }
    }
    fits(cap.selector().agent.as_ref(), agent)
        && fits(cap.selector().merchant.as_ref(), filter.merchant.as_ref())
        && fits(cap.selector().action.as_ref(), filter.action.as_ref())
        && fits(cap.spend().map(|spend| spend.currency).as_ref(), filter.currency.as_ref())
}

fn left_of(rules: &Rules, cap: &Cap, spent: Spent, now: mandate::UnixSeconds) -> CapBudget {
    let money = |amount| cap.spend().map(|limit| Money { currency: limit.currency, amount });
    let remaining =
        cap.spend().map(|limit| limit.amount.checked_sub(spent.amount).unwrap_or_default());
    let window = (cap.per() != Per::Payment).then(|| cap.window(rules.timezone(), now));
    CapBudget {
        label: cap.label().to_owned(),
        per: cap.per().to_string(),
        limit: cap.spend(),
        spent: money(spent.amount),
        remaining: remaining.and_then(money),
        count_limit: cap.count(),
        count_used: spent.count,
        resets_at: window.and_then(|window| window.until),
        merchant: cap.selector().merchant.clone(),
        action: cap.selector().action.clone(),
        agent: cap.selector().agent.clone(),
    }
}
