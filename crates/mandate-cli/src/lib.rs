//! `mandate`: what the principal says to the wallet, and what an auditor asks of its journal.
//!
//! Commands that steer speak to the running daemon. Those that read the ledger speak to it while it runs and open the
//! file while it is stopped, never both. Nothing is decided here, and no private byte is ever shown.

mod agent;
mod audit;
mod budget;
mod caps;
mod command;
mod config;
mod context;
mod doctor;
mod escape;
mod explain;
mod failure;
mod fetch;
mod freeze;
mod holds;
mod init;
mod input;
mod journal;
mod key;
mod merchant;
mod places;
mod record;
mod settle;
mod status;
mod time;
mod ui;
mod wallet;
mod wallet_file;
mod wire;

use std::ffi::OsString;
use std::fmt;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use clap::Parser as _;
use mandate::{Jti, UnixSeconds};

use crate::command::{Cli, Command};
use crate::context::Context;
use crate::failure::Failure;
use crate::places::Places;
use crate::ui::Ui;

/// One call of the command line: where it reads and writes, and when.
pub struct Session<'a> {
    /// Standard input.
    pub input: &'a mut dyn BufRead,
    /// Whether a person sits at it.
    pub input_is_terminal: bool,
    /// Standard output: the answer.
    pub out: &'a mut dyn Write,
    /// Standard error: everything beside the answer.
    pub err: &'a mut dyn Write,
    /// The time, read once.
    pub now: UnixSeconds,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Runs one command; `arguments` begin with the program's name.
///
/// Blocks. The exit code is 0 for yes, 1 for denied or a failed check, 2 for usage or configuration, and 3 when the
/// wallet cannot be reached.
pub fn run(arguments: impl IntoIterator<Item = OsString>, session: Session<'_>) -> ExitCode {
    let Session { input, input_is_terminal, out, err, now } = session;
    let cli = match Cli::try_parse_from(ids_last(arguments)) {
        Ok(cli) => cli,
        Err(error) => return explain_usage(&error, &mut Ui::new(out, err, false)),
    };
    let Cli { options, command } = cli;
    let mut ui = Ui::new(out, err, options.json);
    let result = Places::resolve(&options.overrides()).and_then(|places| {
        let mut context = Context { ui: &mut ui, places, input, input_is_terminal, now };
        dispatch(command, &mut context)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            // Where even this cannot be written, the exit code is all there is left to say it with.
            failure.tell(&mut ui).map_or_else(|unwritten| unwritten.exit_code(), |()| code)
        }
    }
}

/// One id in 64 begins with a hyphen, as an option does: each such goes behind `--`, where nothing is an option.
fn ids_last(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let is_hyphened_id = |argument: &OsString| {
        argument.to_str().is_some_and(|text| text.starts_with('-') && text.parse::<Jti>().is_ok())
    };
    let (ids, mut all): (Vec<_>, Vec<_>) = arguments.into_iter().partition(is_hyphened_id);
    if !ids.is_empty() && !all.iter().any(|argument| argument == "--") {
        all.push("--".into());
    }
    all.extend(ids);
    all
}

fn dispatch(command: Command, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::run(arguments, context),
        Command::Key { command } => key::run(command, context),
        Command::Status => status::run(context),
        Command::Budget(arguments) => budget::run(&arguments, context),
        Command::Explain(arguments) => explain::run(arguments, context),
        Command::Intent(arguments) => agent::intent(arguments, context),
        Command::Pay(arguments) => agent::pay(&arguments, context),
        Command::Receipt(arguments) => agent::receipt(&arguments, context),
        Command::Freeze(arguments) => freeze::freeze(arguments, context),
        Command::Thaw(arguments) => freeze::thaw(arguments, context),
        Command::Holds => holds::run(context),
        Command::Settle(arguments) => settle::run(&arguments, context),
        Command::Merchant { command } => merchant::run(command, context),
        Command::Config { command } => config::run(command, context),
        Command::Audit { command } => audit::run(command, context),
        Command::Doctor => doctor::run(context),
    }
}

/// Help and the version are answers; everything else that clap says is a wrong call.
fn explain_usage(error: &clap::Error, ui: &mut Ui<'_>) -> ExitCode {
    let text = error.to_string();
    let told = if error.use_stderr() { ui.notes(&text) } else { ui.lines(&text) };
    match told {
        Ok(()) if error.use_stderr() => Failure::Usage(String::new()).exit_code(),
        Ok(()) => ExitCode::SUCCESS,
        Err(unwritten) => unwritten.exit_code(),
    }
}
