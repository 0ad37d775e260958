//! `mandate-gateway lock` and `unlock`: the key leaves the gateway's memory at a word, and comes back after a question.

use clap::Args;
use mandate_terminal::failure::Failure;
use serde::Serialize;

use super::context::Context;
use super::running::Running;
use crate::door::{self, Status};

/// What follows the options of `mandate-gateway lock`.
pub(crate) const LOCK_HELP: &str = "\
The key is wiped from the gateway's memory before this returns, and is not fetched again at a restart. Calls are
answered 503 meanwhile, and none reaches the API; one that was on its way to it goes on, and its receipt is signed
after the unlock. The key itself stays where it is kept.";

/// Options of `mandate-gateway unlock`.
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
    let running = Running::expect(&context.places)?;
    let door::Locked { durable } = running.post("/lock", &())?;
    let answer = Locked { locked: true, durable };
    context.ui.answer(&answer, |ui| ui.line("locked: the key is wiped from memory"))?;
    if !durable {
        let warning = "warning: the entry could not be written (a full disk?), so this lock may end when the gateway does; mend that and lock again";
        context.ui.note(warning)?;
    }
    Ok(())
}

/// Has the key fetched again.
pub(crate) fn unlock(
    arguments: &UnlockArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let running = Running::expect(&context.places)?;
    if !running.get::<Status>("/status")?.locked {
        let answer = Unlocked { locked: false, was_locked: false, key_problem: None };
        return context
            .ui
            .answer(&answer, |ui| ui.line("the gateway is not locked; nothing was changed"));
    }
    let question = "Let the gateway have its key again, and take mandates as gateway.toml says?";
    if !arguments.yes && !context.is_confirmed(question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    let door::Unlocked { key_problem } = running.post("/unlock", &())?;
    let answer = Unlocked { locked: false, was_locked: true, key_problem };
    context.ui.answer(&answer, |ui| ui.line("unlocked"))?;
    match &answer.key_problem {
        Some(problem) => {
            let warning = format_args!(
                "warning: there is no key yet, and the gateway goes on asking: {problem}"
            );
            context.ui.note(warning)
        }
        None => Ok(()),
    }
}
