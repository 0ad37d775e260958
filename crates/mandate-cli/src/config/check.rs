//! `mandate config check`: every fault of a file at once.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate::{PolicyDigest, UnixSeconds};
use mandate_policy::{Per, Rules};
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
    /// What the file says that this wallet cannot follow, or that is over.
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
            let unseen = selectors::unseen(&rules, wallet);
            let unseen = unseen.into_iter().map(|told| (told, "name its systemd `unit` instead"));
            let told: Vec<_> = unseen.chain(ended(&rules, context.now)).collect();
            let warnings: Vec<String> = told.iter().map(|(told, _)| told.clone()).collect();
            context.ui.answer(&good(&rules, &warnings), |ui| {
                ui.line(line)?;
                told.iter().try_for_each(|(told, way_out)| {
                    ui.note(format_args!("warning: {told}; {way_out}"))
                })
            })
        }
        Err((problem, error)) if context.ui.is_json() => {
            context.ui.document(&bad(problem, &error))?;
            Err(Failure::Unusable)
        }
        Err((problem, _)) => Err(Failure::Config(problem)),
    }
}

/// A sentence for each cap that grants nothing any more, and the way out.
fn ended(rules: &Rules, now: UnixSeconds) -> impl Iterator<Item = (String, &'static str)> {
    let granted = rules.caps().iter().filter(|cap| cap.per() != Per::Payment);
    let ended = granted.filter(move |cap| cap.spend().is_some() && !cap.grants(now));
    ended.map(|cap| {
        let told =
            format!("the last day of the cap of {} is over, and it grants nothing", cap.label());
        (told, "to spend under it again, give it a later `until`")
    })
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
