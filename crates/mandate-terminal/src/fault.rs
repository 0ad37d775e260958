//! A bad configuration file, as a program reads it.

use mandate_config::{Faults, OwnFault};
use serde::Serialize;

/// Everything that is wrong with a file.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Bad {
    /// Never.
    pub good: bool,
    /// Why it could not be read at all.
    pub problem: Option<String>,
    /// What it says wrong, in the order of the file.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Fault {
    /// Its line, from 1.
    pub line: usize,
    /// Its column, from 1, in characters.
    pub column: usize,
    /// The field, as in `cap[2].spend`.
    pub field: String,
    /// A stable name.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What was meant, perhaps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl Bad {
    /// A file that says something wrong.
    #[must_use]
    pub fn faults<F: OwnFault>(faults: &Faults<F>) -> Self {
        let faults = faults.iter().map(|fault| Fault {
            line: fault.line(),
            column: fault.column(),
            field: fault.field().to_owned(),
            code: fault.code(),
            message: fault.kind().to_string(),
            suggestion: fault.suggestion().map(str::to_owned),
        });
        Self { good: false, problem: None, faults: faults.collect() }
    }

    /// A file that could not be read.
    #[must_use]
    pub fn unread(problem: String) -> Self {
        Self { good: false, problem: Some(problem), faults: Vec::new() }
    }
}
