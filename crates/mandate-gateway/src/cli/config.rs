//! `mandate-gateway config check`: every fault of a file at once.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mandate::PolicyDigest;
use mandate_terminal::failure::{Failure, chain};
use mandate_terminal::fault::Bad;
use mandate_terminal::ui::counted;
use serde::Serialize;

use super::context::Context;
use crate::settings::{ConfigError, load, load_candidate};

/// What is asked of a file.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Tell every fault of a gateway.toml, with its place and the way out
    #[command(
        after_help = "A bad file is exit code 2. The running gateway keeps the last good one in force."
    )]
    Check(Arguments),
}

/// Options of `mandate-gateway config check`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file [else: the gateway.toml in use, and whether others could write it]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Checked {
    good: bool,
    digest: PolicyDigest,
    actions: usize,
    principals: usize,
    enrolment: &'static str,
}

/// Runs one of them.
pub(crate) fn run(command: &ConfigCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check(arguments) => check(arguments, context),
    }
}

/// A gateway.toml that cannot be used.
pub(crate) fn bad_config(error: &ConfigError) -> Failure {
    Failure::Config(chain(error))
}

fn check(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let in_force = context.places.config();
    let (path, loaded) = match arguments.file.as_deref() {
        Some(path) if path != in_force => (path, load_candidate(path)),
        _ => (in_force, load(in_force).map(|loaded| loaded.settings)),
    };
    let settings = match loaded {
        Ok(settings) => settings,
        Err(ConfigError::Faults { faults, .. }) if context.ui.is_json() => {
            context.ui.document(&Bad::faults(&faults))?;
            return Err(Failure::Unusable);
        }
        Err(error) if context.ui.is_json() => {
            context.ui.document(&Bad::unread(chain(&error)))?;
            return Err(Failure::Unusable);
        }
        Err(error) => return Err(bad_config(&error)),
    };
    let (actions, principals) = (settings.actions.len(), settings.enrolment.principals.len());
    let enrolment = if settings.enrolment.open { "open" } else { "listed" };
    let open = if settings.enrolment.open { ", and any did:key" } else { "" };
    let line = format!(
        "{} is good: {}, {}{open}",
        path.display(),
        counted(actions, "action", "actions"),
        counted(principals, "principal", "principals")
    );
    let answer = Checked { good: true, digest: settings.digest, actions, principals, enrolment };
    context.ui.answer(&answer, |ui| ui.line(line))
}
