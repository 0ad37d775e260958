//! `mandate config check`: every fault of a file at once.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate::PolicyDigest;
use mandate_policy::Rules;
use mandate_terminal::fault::Bad;
use mandated::ConfigError;
use rustix::process::geteuid;
use serde::Serialize;

use super::problem_of_candidate;
use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::selectors;
use crate::ui::counted;

/// Options of `mandate config check`.
#[derive(Debug, Args)]
#[command(
    after_help = "A bad file is exit code 2. The running wallet keeps the last good one in force."
)]
pub(crate) struct Arguments {
    /// The file [else: the wallet.toml in use, and whether others could write it]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Checked<'r> {
    good: bool,
    digest: PolicyDigest,
    agents: usize,
    merchants: usize,
    caps: usize,
    /// What the file says that this wallet cannot follow.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'r [String],
}

/// Checks the file; a bad one is a failure of configuration.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let in_force = context.places.config();
    let (path, rules) = match arguments.file.as_deref() {
        Some(path) if path != in_force => {
            let rules = mandated::load_candidate(path).map(Arc::new);
            (path, rules.map_err(|error| (problem_of_candidate(&error), error)))
        }
        _ => {
            let rules = mandated::load(in_force).map(|loaded| loaded.rules);
            (in_force, rules.map_err(|error| (chain(&error), error)))
        }
    };
    match rules {
        Ok(rules) => {
            let line = format!("{} is good: {}", path.display(), size(&rules));
            let wallet = selectors::wallet_uid(&context.places.ledger(), geteuid().as_raw());
            let warnings = selectors::unseen(&rules, wallet);
            context.ui.answer(&good(&rules, &warnings), |ui| {
                ui.line(line)?;
                let way_out = "name its systemd `unit` instead";
                warnings
                    .iter()
                    .try_for_each(|told| ui.note(format_args!("warning: {told}; {way_out}")))
            })
        }
        Err((problem, error)) if context.ui.is_json() => {
            context.ui.document(&bad(problem, &error))?;
            Err(Failure::Unusable)
        }
        Err((problem, _)) => Err(Failure::Config(problem)),
    }
}

/// How much a file says, in words.
fn size(rules: &Rules) -> String {
    format!(
        "{}, {}, {}",
        counted(rules.agents().len(), "agent", "agents"),
        counted(rules.merchants().count(), "merchant", "merchants"),
        counted(rules.caps().len(), "cap", "caps")
    )
}

fn good<'r>(rules: &Rules, warnings: &'r [String]) -> Checked<'r> {
    Checked {
        good: true,
        digest: rules.digest(),
        agents: rules.agents().len(),
        merchants: rules.merchants().count(),
        caps: rules.caps().len(),
        warnings,
    }
}

fn bad(problem: String, error: &ConfigError) -> Bad {
    match error {
        ConfigError::Faults { faults, .. } => Bad::faults(faults),
        _ => Bad::unread(problem),
    }
}
