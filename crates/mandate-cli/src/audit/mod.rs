//! `mandate audit`: the journal, read and proven whole.

pub(crate) mod fact;
mod log;
mod show;
mod story;
mod tell;

use clap::Subcommand;
use mandate_terminal::audit;

use crate::context::Context;
use crate::failure::Failure;
use crate::journal::Journal;

/// What is asked of the journal.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List entries, one line each, the newest last
    Log(log::Arguments),
    /// Tell the whole story of one purchase
    Show(show::Arguments),
    /// Recompute chain, tree and totals from the entries and compare them; or check an export
    #[command(
        after_help = "Works while the wallet runs and while it is stopped. Exit code 1 if anything does not fit."
    )]
    Verify(audit::verify::Arguments),
    /// Write the journal up to its newest checkpoint into a folder that anyone can check
    #[command(
        after_help = "The folder holds C2SP tlog-tiles, the signed checkpoint, the public key, and the wallet.toml in force.\n\nExample:\n  mandate audit export wallet"
    )]
    Export(audit::export::Arguments),
    /// Prove one entry in a file, with the other side's tokens beside it
    #[command(
        after_help = "The file is a C2SP tlog-proof; `audit check` reads it with public keys alone.\n\nExample:\n  mandate audit prove JTI --out booking.tlog-proof"
    )]
    Prove(audit::prove::Arguments),
    /// Check a proof with public keys alone
    #[command(
        after_help = "Needs no wallet, no gateway and no journal. Exit code 1 if anything is not proven.\n\nA key \
                      without a name counts where it can be nobody else's. Several that could be one log's prove \
                      nothing: name them.\n\nExamples:\n  mandate audit check booking.tlog-proof --key \
                      mandate/wallet/ada=ada.jwk --key mandate/gateway/lux-hotels=lux.jwk"
    )]
    Check(audit::check::Arguments),
    /// Hold a wallet's and gateways' exports against each other, with public keys alone
    #[command(
        after_help = "Needs no wallet, no gateway and no journal. Exit code 1 if the logs do not agree.\n\nWhat one side signed \
                      after the other's export was made is counted as beyond it and is no fault; an export that is at \
                      least as large settles it.\n\nKeys without a name have to be those that signed the exports, each \
                      one of them. Give every key that a party had, and say of which log it is: \
                      `--key mandate/gateway/lux-hotels=lux.jwk`.\n\nExamples:\n  mandate audit reconcile wallet lux-hotels --key wallet/key --key lux-hotels/key"
    )]
    Reconcile(audit::reconcile::Arguments),
}

/// Answers one of them.
pub(crate) fn run(command: AuditCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        AuditCommand::Log(arguments) => log::run(&arguments, context),
        AuditCommand::Show(arguments) => show::run(&arguments, context),
        AuditCommand::Verify(audit::verify::Arguments { dir: Some(dir), keys }) => {
            audit::verify::run(&dir, &keys, context.ui)
        }
        AuditCommand::Verify(_) => {
            audit::whole::tell(Journal::open(&context.places)?.verify(), context.ui)
        }
        AuditCommand::Export(arguments) => {
            let journal = Journal::open(&context.places)?;
            let key = journal.owner()?.key;
            audit::export::run(&arguments, &journal, key, context.places.config(), context.ui)
        }
        AuditCommand::Prove(arguments) => {
            audit::prove::run(&arguments, &Journal::open(&context.places)?, context.ui)
        }
        AuditCommand::Check(arguments) => audit::check::run(&arguments, context.ui),
        AuditCommand::Reconcile(arguments) => audit::reconcile::run(&arguments, context.ui),
    }
}
