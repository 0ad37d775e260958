//! `mandate freeze` and `mandate thaw`: entering is easy, leaving asks first.

use std::path::Path;

use clap::Args;
use mandate::text::Purpose;
use mandate::{AgentName, MerchantId, UnixSeconds};
use mandate_ledger::Scope;
use mandate_proto::v1;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::time::local;
use crate::ui::Ui;
use crate::wallet::Control;

const FREEZE_HELP: &str = "\
Nothing more is signed from the moment this returns. What was handed out before ends by itself within the
payment_ttl of wallet.toml and 30 seconds.

Example:
  mandate freeze --merchant lux-hotels --reason \"charged twice?\"";

/// What is meant: without an option, the whole wallet.
#[derive(Debug, Args)]
struct Scoped {
    /// Only this agent
    #[arg(long, value_name = "NAME", conflicts_with = "merchant")]
    agent: Option<AgentName>,
    /// Only this merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
}

impl Scoped {
    fn scope(&self) -> Scope {
        match (&self.agent, &self.merchant) {
            (Some(agent), _) => Scope::Agent(agent.clone()),
            (None, Some(merchant)) => Scope::Merchant(merchant.clone()),
            (None, None) => Scope::Wallet,
        }
    }
}

/// Options of `mandate freeze`.
#[derive(Debug, Args)]
#[command(after_help = FREEZE_HELP)]
pub(crate) struct FreezeArguments {
    #[command(flatten)]
    scoped: Scoped,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<Purpose>,
}

/// Options of `mandate thaw`.
#[derive(Debug, Args)]
#[command(after_help = "A freeze is ended by a thaw of the same scope.")]
pub(crate) struct ThawArguments {
    #[command(flatten)]
    scoped: Scoped,
    /// Confirm that the system's clock is right; thaws nothing
    #[arg(long, conflicts_with_all = ["agent", "merchant"])]
    clock: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Frozen {
    frozen: String,
    durable: bool,
}

#[derive(Serialize)]
struct Thawed {
    /// What was frozen and is not any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    thawed: Option<String>,
    /// What still is.
    frozen: Vec<String>,
}

#[derive(Serialize)]
struct Confirmed {
    /// The time that the principal vouched for.
    confirmed: UnixSeconds,
}

/// Stops minting.
pub(crate) fn freeze(
    arguments: FreezeArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let FreezeArguments { scoped, reason } = arguments;
    let scope = scoped.scope();
    let control = Control::connect(&context.places)?;
    let told = control.freeze(v1::FreezeRequest {
        scope: wire(&scope),
        reason: reason.map(String::from).unwrap_or_default(),
    })?;
    let answer = Frozen { frozen: scope.to_string(), durable: told.durable };
    context.ui.answer(&answer, |ui| ui.line(format_args!("frozen: {scope}")))?;
    if !told.durable {
        let warning = "warning: it could not be written down (is the disk full?), so this freeze ends when mandated does; freeze again once there is room";
        context.ui.note(warning)?;
    }
    // A name that was mistyped stops nobody. Only now: nothing may stand before the freeze itself.
    if let Some(problem) = not_listed(&scope, context.places.config()) {
        context.ui.note(format_args!("warning: {problem}"))?;
    }
    Ok(())
}

/// What is wrong with a scope that names nobody in wallet.toml; the file may be elsewhere, or bad.
fn not_listed(scope: &Scope, config: &Path) -> Option<String> {
    let rules = mandated::load(config).ok()?.rules;
    let agents = || rules.agents().iter().map(|agent| agent.name.as_str());
    let merchants = || rules.merchants().map(|merchant| merchant.id.as_str());
    let (is_listed, listed): (bool, Vec<&str>) = match scope {
        Scope::Wallet => return None,
        Scope::Agent(agent) => (agents().any(|name| name == agent.as_str()), agents().collect()),
        Scope::Merchant(merchant) => {
            (merchants().any(|id| id == merchant.as_str()), merchants().collect())
        }
    };
    (!is_listed).then(|| match listed.as_slice() {
        [] => format!("wallet.toml lists no {scope}, nor any other"),
        listed => format!("wallet.toml lists no {scope}, only: {}", listed.join(", ")),
    })
}

/// Ends a freeze, or confirms the clock.
pub(crate) fn thaw(arguments: ThawArguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let ThawArguments { scoped, clock, yes } = arguments;
    let scope = scoped.scope();
    let control = Control::connect(&context.places)?;
    if !clock {
        let frozen = control.status()?.frozen;
        if !frozen.contains(&scope.to_string()) {
            let answer = Thawed { thawed: None, frozen };
            return context.ui.answer(&answer, |ui| {
                ui.line(format_args!("{} is not frozen; nothing was changed", named(&scope)))?;
                still_frozen(&answer.frozen, ui)
            });
        }
    }
    let question = match &scope {
        _ if clock => format!("This machine's clock says {}. Is that right?", local(context.now)),
        Scope::Wallet => "Let the wallet mint again, under the caps of wallet.toml?".to_owned(),
        scope => format!("Let the wallet mint again for {scope}, under the caps of wallet.toml?"),
    };
    if !yes && !context.is_confirmed(&question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    control.thaw(v1::ThawRequest { scope: if clock { None } else { wire(&scope) }, clock })?;
    if clock {
        let answer = Confirmed { confirmed: context.now };
        return context.ui.answer(&answer, |ui| ui.line("the clock is confirmed"));
    }
    let answer = Thawed { thawed: Some(scope.to_string()), frozen: control.status()?.frozen };
    context.ui.answer(&answer, |ui| {
        ui.line(format_args!("thawed: {scope}"))?;
        still_frozen(&answer.frozen, ui)
    })
}

/// A thaw of one scope ends no other freeze.
fn still_frozen(frozen: &[String], ui: &mut Ui<'_>) -> Result<(), Failure> {
    frozen.iter().try_for_each(|scope| {
        ui.line(format_args!("still frozen: {scope}; end it with `{}`", way_to_thaw(scope)))
    })
}

/// The command that ends the freeze of a scope, as the wallet names it.
pub(crate) fn way_to_thaw(scope: &str) -> String {
    match scope.split_once(' ') {
        Some((what @ ("agent" | "merchant"), name)) => format!("mandate thaw --{what} {name}"),
        _ => "mandate thaw".to_owned(),
    }
}

/// A scope as the subject of a sentence.
fn named(scope: &Scope) -> String {
    match scope {
        Scope::Wallet => "the wallet as a whole".to_owned(),
        scope => scope.to_string(),
    }
}

/// A scope as it goes over the wire; absent for the whole wallet.
fn wire(scope: &Scope) -> Option<v1::Scope> {
    let scope = match scope {
        Scope::Wallet => return None,
        Scope::Agent(agent) => v1::scope::Scope::Agent(agent.to_string()),
        Scope::Merchant(merchant) => v1::scope::Scope::MerchantId(merchant.to_string()),
    };
    Some(v1::Scope { scope: Some(scope) })
}
