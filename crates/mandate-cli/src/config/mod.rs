//! `mandate config`: whether a wallet.toml is good, and what it would change.

mod caps;
mod check;
mod diff;

use clap::Subcommand;
use mandated::ConfigError;

use crate::context::Context;
use crate::failure::{Failure, chain};

/// What is to be done with a wallet.toml.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Find every fault of a wallet.toml, with line and column
    Check(check::Arguments),
    /// Tell which past payments a new wallet.toml would have refused, and what changes in its caps
    Diff(diff::Arguments),
}

/// What is wrong with a file that is not in force: where there is none, none is to be made.
fn problem_of_candidate(error: &ConfigError) -> String {
    match error {
        ConfigError::Missing { path } => format!("{} does not exist", path.display()),
        error => chain(error),
    }
}

/// Runs one of them.
pub(crate) fn run(command: ConfigCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check(arguments) => check::run(&arguments, context),
        ConfigCommand::Diff(arguments) => diff::run(&arguments, context),
    }
}
