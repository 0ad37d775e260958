//! `mandate merchant list`: the merchants that wallet.toml lists.

use mandate::{KeyId, UnixSeconds};
use mandate_policy::{Merchant, Rules};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, bad_config};
use crate::time::local;
use crate::ui::{Table, Ui};

#[derive(Serialize)]
struct Listed<'r> {
    id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'r str>,
    keys: Vec<KeyId>,
    free: Vec<&'r str>,
    paid: Vec<&'r str>,
    /// The agents that may ask it, listed agents all.
    agents: Vec<&'r str>,
    /// The first second after the consent.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<UnixSeconds>,
}

impl<'r> Listed<'r> {
    fn of(merchant: &'r Merchant, rules: &'r Rules) -> Self {
        let all = || rules.agents().iter().map(|agent| agent.name.as_str()).collect();
        let named = merchant.agents.as_ref();
        Self {
            id: merchant.id.as_str(),
            url: merchant.url.as_deref(),
            keys: merchant.keys.iter().map(mandate::PublicKey::id).collect(),
            free: merchant.free.iter().map(mandate::Sku::as_str).collect(),
            paid: merchant.paid.iter().map(mandate::Sku::as_str).collect(),
            agents: named
                .map_or_else(all, |names| names.iter().map(mandate::AgentName::as_str).collect()),
            ends_at: merchant.until,
        }
    }
}

/// Shows what the file says, whether or not the wallet runs.
pub(super) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let rules = mandated::load(context.places.config()).map_err(|error| bad_config(&error))?.rules;
    let merchants: Vec<Listed<'_>> =
        rules.merchants().map(|merchant| Listed::of(merchant, &rules)).collect();
    let nothing = format!("no merchant is listed in {}", context.places.config().display());
    context.ui.answer(&merchants, |ui| match merchants.as_slice() {
        [] => ui.line(nothing),
        merchants => merchants.iter().try_for_each(|merchant| show(merchant, ui)),
    })
}

fn show(merchant: &Listed<'_>, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Listed { id, url, keys, free, paid, agents, ends_at } = merchant;
    let joined = |names: &[&str]| names.join(", ");
    let keys: Vec<String> = keys.iter().map(KeyId::to_string).collect();
    let rows = [
        ("  url", url.map(str::to_owned).unwrap_or_default()),
        ("  keys", keys.join(", ")),
        ("  free", joined(free)),
        ("  paid", joined(paid)),
        ("  agents", joined(agents)),
        ("  ends", ends_at.map(local).unwrap_or_default()),
    ];
    ui.line(id)?;
    ui.table(&Table::pairs(rows.into_iter().filter(|(_, value)| !value.is_empty())))
}
