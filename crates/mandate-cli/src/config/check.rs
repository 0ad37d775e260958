//! `mandate config check`: every fault of a file at once.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate::PolicyDigest;
use mandate_policy::Rules;
use mandated::ConfigError;
use serde::Serialize;

use super::problem_of_candidate;
use crate::context::Context;
use crate::failure::{Failure, chain};
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
#[serde(untagged)]
enum Answer {
    Good { good: bool, digest: PolicyDigest, agents: usize, merchants: usize, caps: usize },
    Bad { good: bool, problem: Option<String>, faults: Vec<Fault> },
}

#[derive(Serialize)]
struct Fault {
    line: usize,
    column: usize,
    field: String,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<String>,
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
            context.ui.answer(&good(&rules), |ui| ui.line(line))
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

fn good(rules: &Rules) -> Answer {
    Answer::Good {
        good: true,
        digest: rules.digest(),
        agents: rules.agents().len(),
        merchants: rules.merchants().count(),
        caps: rules.caps().len(),
    }
}

fn bad(problem: String, error: &ConfigError) -> Answer {
    let (problem, faults) = match error {
        ConfigError::Faults { faults, .. } => (None, faults.iter().map(Fault::of).collect()),
        _ => (Some(problem), Vec::new()),
    };
    Answer::Bad { good: false, problem, faults }
}

impl Fault {
    fn of(fault: &mandate_policy::Fault) -> Self {
        Self {
            line: fault.line(),
            column: fault.column(),
            field: fault.field().to_owned(),
            code: fault.code(),
            message: fault.kind().to_string(),
            suggestion: fault.suggestion().map(str::to_owned),
        }
    }
}
