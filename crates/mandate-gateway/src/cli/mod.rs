//! `mandate-gateway`: what the merchant's operator says to the gateway, and what an auditor asks of its book.
//!
//! Commands that steer speak to the running gateway. Those that read the book speak to it while it runs and open the
//! file while it is stopped, never both. The one that settles a use does either: by the gateway while it runs, by hand
//! and with the key while it is stopped. No private byte is ever shown.

mod audit;
mod clock;
mod command;
mod config;
mod context;
mod doctor;
mod init;
mod journal;
mod lock;
mod places;
mod principal;
mod record;
mod resolve;
mod run;
mod running;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use mandate::Jti;
use mandate_terminal::failure::Failure;
use mandate_terminal::session::{ended, explain_usage, ids_last};
use mandate_terminal::ui::Ui;

pub use mandate_terminal::session::Session;

use crate::book::UseKey;
use command::{Cli, Command};
use context::Context;
use places::Places;

/// Who answers, in messages.
const GATEWAY: &str = "gateway";

/// Runs one command; `arguments` begin with the program's name.
///
/// Blocks. The exit code is 0 for yes, 1 for a failed check, 2 for usage or configuration, and 3 when the gateway cannot
/// be reached.
pub fn run(arguments: impl IntoIterator<Item = OsString>, session: Session<'_>) -> ExitCode {
    let Session { input, input_is_terminal, out, err, now } = session;
    let is_id = |text: &str| text.parse::<UseKey>().is_ok() || text.parse::<Jti>().is_ok();
    let cli = match Cli::try_parse_from(ids_last(arguments, is_id)) {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error, &mut Ui::new(out, err, false)),
    };
    let Cli { options, command } = cli;
    let mut ui = Ui::new(out, err, options.json);
    let result = Places::resolve(&options).and_then(|places| {
        let mut context = Context { ui: &mut ui, places, input, input_is_terminal, now };
        match command {
            None => run::run(options.log_format, &mut context),
            Some(command) => dispatch(command, options.log_format, &mut context),
        }
    });
    ended(result, &mut ui)
}

fn dispatch(
    command: Command,
    log_format: mandate_host::log::LogFormat,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    match command {
        Command::Run => run::run(log_format, context),
        Command::Init(arguments) => init::run(arguments, context),
        Command::Config { command } => config::run(&command, context),
        Command::Principal { command } => principal::run(command, context),
        Command::Resolve(arguments) => resolve::run(arguments, context),
        Command::Audit { command } => audit::run(command, context),
        Command::Clock { command } => clock::run(&command, context),
        Command::Lock => lock::lock(context),
        Command::Unlock(arguments) => lock::unlock(&arguments, context),
        Command::Doctor => doctor::run(context),
    }
}
