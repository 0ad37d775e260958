//! Who and what is listed, so that a rule about anything else, which could never apply, is refused.
//!
//! What could not be read is remembered too: a rule that names it is not a second fault.

use std::collections::BTreeSet;

use mandate::{AgentName, MerchantId, Sku};
use mandate_config::{Listed, Read, Table, Unreadable, id, quoted};

use super::fault::{Report, WalletFault};
use crate::rules::Selector;

/// What a merchant sells, and to whom, as far as it could be read.
#[derive(Debug)]
pub(super) struct Offer {
    /// Where its id stands.
    pub(super) line: usize,
    pub(super) free: Read<BTreeSet<Sku>>,
    pub(super) paid: Read<BTreeSet<Sku>>,
    pub(super) agents: Read<Option<BTreeSet<AgentName>>>,
}

impl Offer {
    /// Whether an agent may ask; if that is not known, it may.
    fn admits(&self, agent: &AgentName) -> bool {
        let agents = self.agents.as_ref().ok().and_then(Option::as_ref);
        agents.is_none_or(|agents| agents.contains(agent))
    }

    /// Whether an action is paid for; if that is not known, it is.
    fn sells(&self, action: &Sku) -> bool {
        self.paid.as_ref().map_or(true, |paid| paid.contains(action))
    }

    fn gives_away(&self, action: &Sku) -> bool {
        self.free.as_ref().is_ok_and(|free| free.contains(action))
    }
}

/// Everything that a rule may name.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) agents: Listed<AgentName, usize>,
    pub(super) merchants: Listed<MerchantId, Offer>,
    /// Actions as written that are none.
    pub(super) unreadable_actions: Unreadable,
}

impl Names {
    /// Reads what a rule is about, and refuses what could never be asked for.
    pub(super) fn selector(&self, table: &Table<'_>, report: &mut Report<'_>) -> Read<Selector> {
        let merchant = table.optional("merchant", report, |item, report| {
            self.merchants.find(item, report, |merchant| WalletFault::MerchantUnlisted { merchant })
        });
        let agent = table.optional("agent", report, |item, report| {
            self.agents.find(item, report, |agent| WalletFault::AgentUnlisted { agent })
        });
        let action = table.optional("action", report, |item, report| {
            self.unreadable_actions.check(item)?;
            id(item, report)
        });
        let selector = Selector { merchant: merchant?, action: action?, agent: agent? };
        self.reaches(&selector, table, report)?;
        Ok(selector)
    }

    /// Whether any request could be meant.
    fn reaches(&self, selector: &Selector, table: &Table<'_>, report: &mut Report<'_>) -> Read<()> {
        let Selector { merchant, action, agent } = selector;
        let one = merchant.as_ref().and_then(|id| self.merchants.entries.get(id));
        if let (Some(offer), Some(merchant), Some(agent)) = (one, merchant, agent)
            && !offer.admits(agent)
        {
            let (agent, merchant) = (agent.clone(), merchant.clone());
            let kind = WalletFault::AgentNotAdmitted { agent, merchant };
            return fault_at(table, "agent", report, kind, None);
        }
        let Some(action) = action else { return Ok(()) };
        if one.is_none() && !self.merchants.is_complete() {
            return Ok(());
        }
        let all = one.is_none().then_some(self.merchants.entries.values());
        let admitting = || {
            let offers = one.into_iter().chain(all.clone().into_iter().flatten());
            offers.filter(|offer| agent.as_ref().is_none_or(|agent| offer.admits(agent)))
        };
        if admitting().any(|offer| offer.sells(action)) {
            return Ok(());
        }
        if admitting().any(|offer| offer.gives_away(action)) {
            let kind = WalletFault::ActionFree { action: action.clone() };
            return fault_at(table, "action", report, kind, None);
        }
        let paid = admitting().filter_map(|offer| offer.paid.as_ref().ok()).flatten();
        let meant = report.nearest(action.as_str(), paid.map(Sku::as_str)).map(quoted);
        let (action, merchant, agent) = (action.clone(), merchant.clone(), agent.clone());
        let kind = WalletFault::ActionUnsold { action, merchant, agent };
        fault_at(table, "action", report, kind, meant)
    }
}

/// Notes a fault of a key that is there.
fn fault_at(
    table: &Table<'_>,
    key: &str,
    report: &mut Report<'_>,
    kind: WalletFault,
    meant: Option<String>,
) -> Read<()> {
    match table.item(key) {
        Some(item) => Err(item.fault_with(report, kind, meant)),
        None => Ok(()),
    }
}
