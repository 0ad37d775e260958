//! `mandate-gateway lock` and `unlock`.

use mandate_terminal::failure::Failure;
pub(crate) use mandate_terminal::lock::UnlockArguments;
use mandate_terminal::lock::{locked, unlocked, was_not_locked};

use super::context::Context;
use super::running::Running;
use crate::door::{self, Status};

/// Who is locked.
const DAEMON: &str = "the gateway";

/// What follows the options of `mandate-gateway lock`.
pub(crate) const LOCK_HELP: &str = "\
The key is wiped from the gateway's memory before this returns, and is not fetched again at a restart. Calls are
answered 503 meanwhile, and none reaches the API; one that was on its way to it goes on, and its receipt is signed
after the unlock. The key itself stays where it is kept.";

/// Has the key wiped.
pub(crate) fn lock(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let door::Locked { durable } = Running::expect(&context.places)?.post("/lock", &())?;
    locked(context.ui, DAEMON, durable)
}

/// Has the key fetched again.
pub(crate) fn unlock(
    arguments: &UnlockArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let running = Running::expect(&context.places)?;
    if !running.get::<Status>("/status")?.locked {
        return was_not_locked(context.ui, DAEMON);
    }
    let question = "Let the gateway have its key again, and take mandates as gateway.toml says?";
    if !arguments.yes && !context.is_confirmed(question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    let door::Unlocked { key_problem } = running.post("/unlock", &())?;
    unlocked(context.ui, DAEMON, key_problem)
}
