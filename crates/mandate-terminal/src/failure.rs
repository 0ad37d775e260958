//! Why a command does not end with yes, and the exit code that says so.
//!
//! 0 yes, 1 denied or a failed check, 2 usage or configuration, 3 the wallet or the gateway cannot be reached.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use mandate::UnixSeconds;
use serde::Serialize;
use thiserror::Error;

use crate::time::local;
use crate::ui::{Table, Ui};

/// Why a command ends without a yes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// Something was looked at and is not as it should be.
    #[error("{0}")]
    Check(String),
    /// A file or a folder is not as it must be for this command.
    #[error("{0}")]
    Config(String),
    /// The wallet or the gateway said no.
    #[error("denied: {}: {}", .0.reason, .0.message)]
    Denied(Denial),
    /// What was found out could not be written.
    #[error("cannot write the answer")]
    Output(#[source] io::Error),
    /// Whoever was asked failed to answer, for no reason it can name.
    #[error("the {peer} answered with an error: {problem}; its log says more")]
    Remote {
        /// Who was asked: `wallet` or `gateway`.
        peer: &'static str,
        /// What it said.
        problem: String,
    },
    /// Everything that could be said was said: only the exit code is left.
    #[error("no")]
    Said,
    /// Nothing answers on the socket.
    #[error("cannot reach the {peer} on {}: {problem}", socket.display())]
    Unreachable {
        /// Who should answer: `wallet` or `gateway`.
        peer: &'static str,
        /// The socket that was tried.
        socket: PathBuf,
        /// Why, and the way out.
        problem: String,
    },
    /// The configuration is bad, and all of it was said.
    #[error("the configuration is bad")]
    Unusable,
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
}

/// A refusal, as it came over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// The stable reason.
    pub reason: String,
    /// One sentence.
    pub message: String,
    /// What a program can act on.
    pub metadata: BTreeMap<String, String>,
    /// When it may help to ask again, milliseconds from now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    /// The exit code of the command.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            // Whoever read the answer has seen enough of it, as `head` does.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Check(_)
            | Self::Denied(_)
            | Self::Output(_)
            | Self::Remote { .. }
            | Self::Said => 1,
            Self::Config(_) | Self::Unusable | Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
        })
    }

    /// Says it: a denial is an answer for programs, everything else is said beside the answer.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] where even this cannot be written.
    pub fn tell(&self, ui: &mut Ui<'_>) -> Result<(), Self> {
        match self {
            Self::Said | Self::Unusable => Ok(()),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Self::Denied(denial) if ui.is_json() => ui.document(denial),
            Self::Denied(denial) => {
                ui.note(self)?;
                ui.note_table(&Table::pairs(denial.hints()))
            }
            failure => ui.notes(&format!("error: {}", chain(failure))),
        }
    }
}

impl Denial {
    /// What helps a person, beside the sentence.
    fn hints(&self) -> impl Iterator<Item = (&str, String)> {
        let metadata = self.metadata.iter().filter(|(key, _)| *key != "retryable");
        let metadata = metadata.map(|(key, value)| match (key.as_str(), moment(value)) {
            ("resets_at", Some(time)) => ("resets at", local(time)),
            (key, _) => (key, value.clone()),
        });
        let retry =
            self.retry_after_ms.map(|ms| ("retry after", format!("{} s", ms.div_ceil(1_000))));
        metadata.chain(retry)
    }
}

fn moment(text: &str) -> Option<UnixSeconds> {
    text.parse().ok().and_then(|seconds| UnixSeconds::new(seconds).ok())
}

/// An error and its causes in one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // An error that shows its cause in its own words says it once.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
