//! `mandate config check`: every fault of a file at once.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate::PolicyDigest;
use mandate_policy::Rules;
use mandated::ConfigError;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, chain};

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
        Some(path) if path != in_force => (path, mandated::load_candidate(path).map(Arc::new)),
        _ => (in_force, mandated::load(in_force).map(|loaded| loaded.rules)),
    };
    match rules {
        Ok(rules) => {
            let line = format!("{} is good: {}", path.display(), size(&rules));
            context.ui.answer(&good(&rules), |ui| ui.line(line))
        }
        Err(error) if context.ui.is_json() => {
            context.ui.document(&bad(&error))?;
            Err(Failure::Unusable)
        }
        Err(error) => Err(error.into()),
    }
}

/// How much a file says, in words.
fn size(rules: &Rules) -> String {
    let count = |count: usize, what: &str| match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    };
    format!(
        "{}, {}, {}",
        count(rules.agents().len(), "agent"),
        count(rules.merchants().count(), "merchant"),
        count(rules.caps().len(), "cap")
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

fn bad(error: &ConfigError) -> Answer {
    let (problem, faults) = match error {
        ConfigError::Faults { faults, .. } => (None, faults.iter().map(Fault::of).collect()),
        error => (Some(chain(error)), Vec::new()),
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
