//! `mandate audit`: the journal, read and proven whole.

pub(crate) mod fact;
mod log;
mod show;
mod story;
mod tell;
mod verify;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// What is asked of the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List entries, one line each, the newest last
    Log(log::Arguments),
    /// Tell the whole story of one purchase
    Show(show::Arguments),
    /// Recompute chain, tree and totals from the entries and compare them
    #[command(
        after_help = "Works while the wallet runs and while it is stopped. Exit code 1 if anything does not fit."
    )]
    Verify,
}

/// Answers one of them.
pub(crate) fn run(command: AuditCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        AuditCommand::Log(arguments) => log::run(&arguments, context),
        AuditCommand::Show(arguments) => show::run(&arguments, context),
        AuditCommand::Verify => verify::run(context),
    }
}
