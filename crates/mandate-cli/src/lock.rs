//! `mandate lock` and `mandate unlock`.

use mandate_proto::v1;
pub(crate) use mandate_terminal::lock::UnlockArguments;
use mandate_terminal::lock::{locked, unlocked, was_not_locked};

use crate::context::Context;
use crate::failure::Failure;
use crate::wallet::Control;
use crate::wire::non_empty;

/// Who is locked.
const DAEMON: &str = "the wallet";

/// What follows the options of `mandate lock`.
pub(crate) const LOCK_HELP: &str = "\
The key is wiped from the wallet's memory before this returns, and is not fetched again at a restart. Nothing is
signed meanwhile; receipts are taken and budgets told as ever. What was handed out before ends by itself within the
payment_ttl of wallet.toml and 30 seconds. The key itself stays where it is kept.";

/// Has the key wiped.
pub(crate) fn lock(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let v1::LockResponse { durable } = Control::connect(&context.places)?.lock()?;
    locked(context.ui, DAEMON, durable)
}

/// Has the key fetched again.
pub(crate) fn unlock(
    arguments: &UnlockArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let control = Control::connect(&context.places)?;
    if !control.status()?.locked {
        return was_not_locked(context.ui, DAEMON);
    }
    let question = "Let the wallet have its key again, and mint under the caps of wallet.toml?";
    if !arguments.yes && !context.is_confirmed(question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    let v1::UnlockResponse { key_problem } = control.unlock()?;
    unlocked(context.ui, DAEMON, non_empty(key_problem))
}
