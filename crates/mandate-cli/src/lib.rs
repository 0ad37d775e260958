//! `mandate`: what the principal says to the wallet, and what an auditor asks of its journal.
//!
//! Commands that steer speak to the running daemon. Those that read the ledger speak to it while it runs and open the
//! file while it is stopped, never both. Nothing is decided here, and no private byte is ever shown.

mod agent;
mod approvals;
mod audit;
mod backup;
mod budget;
mod caps;
mod command;
mod config;
mod context;
mod doctor;
mod explain;
mod failure;
mod fetch;
mod freeze;
mod holds;
mod init;
mod input;
mod journal;
mod key;
mod lock;
mod merchant;
mod metrics;
mod places;
mod record;
mod restore;
mod selectors;
mod settle;
mod statement;
mod status;
mod wallet;
mod wallet_file;
mod wire;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use mandate::Jti;
use mandate_terminal::session::{ended, explain_usage, ids_last};
use mandate_terminal::{time, ui};

pub use mandate_terminal::session::Session;

use crate::command::{Cli, Command};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::Places;
use crate::ui::Ui;

/// Runs one command; `arguments` begin with the program's name.
///
/// Blocks. The exit code is 0 for yes, 1 for denied or a failed check, 2 for usage or configuration, and 3 when the
/// wallet cannot be reached.
pub fn run(arguments: impl IntoIterator<Item = OsString>, session: Session<'_>) -> ExitCode {
    let Session { input, input_is_terminal, out, err, now } = session;
    let arguments = ids_last(arguments, |text| text.parse::<Jti>().is_ok());
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error, &mut Ui::new(out, err, false)),
    };
    let Cli { options, command } = cli;
    let mut ui = Ui::new(out, err, options.json);
    let result = Places::resolve(&options.overrides()).and_then(|places| {
        let mut context = Context { ui: &mut ui, places, input, input_is_terminal, now };
        dispatch(command, &mut context)
    });
    ended(result, &mut ui)
}

fn dispatch(command: Command, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::run(arguments, context),
        Command::Key { command } => key::run(command, context),
        Command::Status => status::run(context),
        Command::Metrics => metrics::run(context),
        Command::Budget(arguments) => budget::run(&arguments, context),
        Command::Statement(arguments) => statement::run(&arguments, context),
        Command::Explain(arguments) => explain::run(arguments, context),
        Command::Intent(arguments) => agent::intent(arguments, context),
        Command::Pay(arguments) => agent::pay(&arguments, context),
        Command::Receipt(arguments) => agent::receipt(&arguments, context),
        Command::Freeze(arguments) => freeze::freeze(arguments, context),
        Command::Thaw(arguments) => freeze::thaw(arguments, context),
        Command::Approvals => approvals::list(context),
        Command::Approve(arguments) => approvals::approve(&arguments, context),
        Command::Deny(arguments) => approvals::deny(&arguments, context),
        Command::Lock => lock::lock(context),
        Command::Unlock(arguments) => lock::unlock(&arguments, context),
        Command::Holds => holds::run(context),
        Command::Settle(arguments) => settle::run(&arguments, context),
        Command::Merchant { command } => merchant::run(command, context),
        Command::Config { command } => config::run(command, context),
        Command::Audit { command } => audit::run(command, context),
        Command::Backup(arguments) => backup::run(&arguments, context),
        Command::Restore(arguments) => restore::run(&arguments, context),
        Command::Doctor => doctor::run(context),
    }
}
