//! `mandate freeze` and `mandate thaw`: entering is easy, leaving asks first.

use clap::Args;
use mandate::text::Purpose;
use mandate::{AgentName, MerchantId};
use mandate_ledger::Scope;
use mandate_proto::v1;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::time::local;
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
    thawed: String,
}

/// Stops minting.
pub(crate) fn freeze(
    arguments: FreezeArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let FreezeArguments { scoped, reason } = arguments;
    let scope = scoped.scope();
    let told = Control::connect(&context.places)?.freeze(v1::FreezeRequest {
        scope: wire(&scope),
        reason: reason.map(String::from).unwrap_or_default(),
    })?;
    let answer = Frozen { frozen: scope.to_string(), durable: told.durable };
    context.ui.answer(&answer, |ui| ui.line(format_args!("frozen: {scope}")))?;
    if !told.durable {
        let warning = "warning: the disk is full, so this freeze ends when mandated does; free some space and freeze again";
        context.ui.note(warning)?;
    }
    Ok(())
}

/// Ends a freeze, or confirms the clock.
pub(crate) fn thaw(arguments: ThawArguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let ThawArguments { scoped, clock, yes } = arguments;
    let scope = scoped.scope();
    let control = Control::connect(&context.places)?;
    let question = match &scope {
        _ if clock => format!("This machine's clock says {}. Is that right?", local(context.now)),
        Scope::Wallet => "Let the wallet mint again, under the caps of wallet.toml?".to_owned(),
        scope => format!("Let the wallet mint again for {scope}, under the caps of wallet.toml?"),
    };
    if !yes && !context.is_confirmed(&question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    control.thaw(v1::ThawRequest { scope: if clock { None } else { wire(&scope) }, clock })?;
    let thawed = if clock { "clock".to_owned() } else { scope.to_string() };
    let line = if clock { "the clock is confirmed".to_owned() } else { format!("thawed: {scope}") };
    context.ui.answer(&Thawed { thawed }, |ui| ui.line(line))
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
