//! `mandate merchant`: who may be paid.

mod add;
mod block;
mod list;
mod offer;
mod show;
mod written;

use clap::Subcommand;

use crate::context::Context;
use crate::failure::Failure;

/// What is to be done with merchants.
#[derive(Debug, Subcommand)]
pub(crate) enum MerchantCommand {
    /// Ask a merchant what it is and sells, and list it in wallet.toml; asks first
    Add(add::Arguments),
    /// List them, with their keys and actions
    List,
}

/// Runs one of them.
pub(crate) fn run(command: MerchantCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        MerchantCommand::Add(arguments) => add::run(arguments, context),
        MerchantCommand::List => list::run(context),
    }
}
