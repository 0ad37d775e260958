//! `mandate-gateway clock`: the operator's word that this machine tells the right time.

use clap::{Args, Subcommand};
use mandate_terminal::failure::Failure;
use mandate_terminal::time::local;

use super::context::Context;
use super::running::Running;
use crate::door::Confirmed;

const HELP: &str = "\
A gateway whose clock stepped uses no mandate until the clock is back in its bounds, or until it is confirmed. Look at
another clock first: a clock that is behind lets mandates live longer than they may.";

/// What is said about the clock.
#[derive(Debug, Subcommand)]
pub(crate) enum ClockCommand {
    /// Make what the clock says now the measure of what comes; asks first
    #[command(after_help = HELP)]
    Confirm(Arguments),
}

/// Options of `mandate-gateway clock confirm`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Runs one of them.
pub(crate) fn run(command: &ClockCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        ClockCommand::Confirm(arguments) => confirm(arguments, context),
    }
}

fn confirm(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let running = Running::expect(&context.places)?;
    let question = format!("This machine's clock says {}. Is that right?", local(context.now));
    if !arguments.yes && !context.is_confirmed(&question)? {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    let answer: Confirmed = running.post("/clock/confirm", &())?;
    context.ui.answer(&answer, |ui| {
        ui.line(format_args!("the clock is confirmed: {}", local(answer.confirmed)))
    })
}
