//! `mandate lock` and `mandate unlock`: the key leaves the wallet's memory at a word, and comes back after a question.

use clap::Args;
use mandate_proto::v1;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::wallet::Control;
use crate::wire::non_empty;

/// What follows the options of `mandate lock`.
pub(crate) const LOCK_HELP: &str = "\
The key is wiped from the wallet's memory before this returns, and is not fetched again at a restart. Nothing is
signed meanwhile; receipts are taken and budgets told as ever. What was handed out before ends by itself within the
payment_ttl of wallet.toml and 30 seconds. The key itself stays where it is kept.";

/// Options of `mandate unlock`.
#[derive(Debug, Args)]
#[command(after_help = "The key is asked of its store again, with the checks of every start.")]
pub(crate) struct UnlockArguments {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Locked {
    locked: bool,
    durable: bool,
}

#[derive(Serialize)]
struct Unlocked {
    locked: bool,
    /// Whether this command ended a lock.
    was_locked: bool,
    /// Why the key is not at hand yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_problem: Option<String>,
}

/// Has the key wiped.
pub(crate) fn lock(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let told = Control::connect(&context.places)?.lock()?;
    let answer = Locked { locked: true, durable: told.durable };
    context.ui.answer(&answer, |ui| ui.line("locked: the key is wiped from memory"))?;
    if !told.durable {
        let warning = "warning: it could not be written down (is the disk full?), so this lock ends when mandated does; lock again once there is room";
        context.ui.note(warning)?;
    }
    Ok(())
}

/// Has the key fetched again.
pub(crate) fn unlock(
    arguments: &UnlockArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let control = Control::connect(&context.places)?;
    if !control.status()?.locked {
        let answer = Unlocked { locked: false, was_locked: false, key_problem: None };
        return context
            .ui
            .answer(&answer, |ui| ui.line("the wallet is not locked; nothing was changed"));
    }
    let question = "Let the wallet have its key again, and mint under the caps of wallet.toml?";
    if !arguments.yes && !context.is_confirmed(question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    let v1::UnlockResponse { key_problem } = control.unlock()?;
    let answer = Unlocked { locked: false, was_locked: true, key_problem: non_empty(key_problem) };
    context.ui.answer(&answer, |ui| ui.line("unlocked"))?;
    match &answer.key_problem {
        Some(problem) => {
            let warning = format_args!(
                "warning: there is no key yet, and the wallet goes on asking: {problem}"
            );
            context.ui.note(warning)
        }
        None => Ok(()),
    }
}
