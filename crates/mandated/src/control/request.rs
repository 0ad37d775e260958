//! What the principal asks, read from the wire.

use mandate::AgentName;
use mandate::text::Purpose;
use mandate_ledger::{ExplainAsk, Refusal, Scope};
use mandate_policy::{Ask, Consent, Rules};
use mandate_proto::v1;

use crate::convert::{invalid, money, optional, required};

/// What to freeze, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FreezeAsk {
    pub(super) scope: Scope,
    pub(super) reason: Option<Purpose>,
}

/// What to end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ThawAsk {
    /// The distrust of the clock.
    Clock,
    /// A freeze.
    Scope(Scope),
}

/// Reads a scope; an absent one is the whole wallet.
fn scope(message: Option<v1::Scope>) -> Result<Scope, Refusal> {
    let Some(v1::Scope { scope }) = message else { return Ok(Scope::Wallet) };
    match scope {
        Some(v1::scope::Scope::Agent(name)) => required("scope.agent", &name).map(Scope::Agent),
        Some(v1::scope::Scope::MerchantId(id)) => {
            required("scope.merchant_id", &id).map(Scope::Merchant)
        }
        // An empty scope may be one that this version does not know: freeze nothing by guessing.
        None => Err(invalid("scope", "names nothing; leave it out for the whole wallet")),
    }
}

/// Reads what to freeze.
pub(super) fn freeze(message: v1::FreezeRequest) -> Result<FreezeAsk, Refusal> {
    let v1::FreezeRequest { scope: covered, reason } = message;
    Ok(FreezeAsk { scope: scope(covered)?, reason: optional("reason", &reason)? })
}

/// Reads what to end.
pub(super) fn thaw(message: v1::ThawRequest) -> Result<ThawAsk, Refusal> {
    let v1::ThawRequest { scope: covered, clock } = message;
    match (clock, covered) {
        (true, None) => Ok(ThawAsk::Clock),
        (true, Some(_)) => {
            Err(invalid("clock", "cannot be joined with a scope; confirm the clock by itself"))
        }
        (false, covered) => scope(covered).map(ThawAsk::Scope),
    }
}

/// Reads a question about what would be answered.
pub(super) fn explain(message: v1::ExplainRequest, rules: &Rules) -> Result<ExplainAsk, Refusal> {
    let v1::ExplainRequest { agent, merchant_id, action_sku, amount } = message;
    let agent = match optional("agent", &agent)? {
        Some(agent) => agent,
        None => only_agent(rules)?,
    };
    let ask = match amount {
        Some(amount) => {
            Ask::Payment { total: money("amount", amount)?, consent: Consent::Standing }
        }
        None => Ask::Intent { price_max: None },
    };
    Ok(ExplainAsk {
        agent,
        merchant: required("merchant_id", &merchant_id)?,
        action: required("action_sku", &action_sku)?,
        ask,
    })
}

fn only_agent(rules: &Rules) -> Result<AgentName, Refusal> {
    match rules.agents() {
        [agent] => Ok(agent.name.clone()),
        agents => {
            let problem = format!("is needed: wallet.toml lists {} agents", agents.len());
            Err(invalid("agent", problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_scope_is_the_wallet_and_an_empty_one_is_refused() {
        let message = |scope| v1::FreezeRequest { scope, reason: String::new() };
        let ask = freeze(message(None)).unwrap();
        assert_eq!(ask, FreezeAsk { scope: Scope::Wallet, reason: None });
        assert!(freeze(message(Some(v1::Scope { scope: None }))).is_err());
        let named = v1::scope::Scope::MerchantId("lux-hotels".to_owned());
        let ask = freeze(message(Some(v1::Scope { scope: Some(named) }))).unwrap();
        assert_eq!(ask.scope.to_string(), "merchant lux-hotels");
    }

    #[test]
    fn confirming_the_clock_thaws_nothing() {
        let message = |scope| v1::ThawRequest { scope, clock: true };
        assert_eq!(thaw(message(None)).unwrap(), ThawAsk::Clock);
        let named = v1::scope::Scope::Agent("travel".to_owned());
        assert!(thaw(message(Some(v1::Scope { scope: Some(named) }))).is_err());
    }
}
