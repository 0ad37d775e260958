//! What is wrong with a file: where, why, and the way out.

use std::fmt;
use std::path::Path;

use thiserror::Error;

use crate::kind::{FaultKind, OwnFault};

/// Everything that is wrong with one file, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", lines(faults, ""))]
pub struct Faults<F: OwnFault> {
    pub(crate) faults: Vec<Fault<F>>,
}

impl<F: OwnFault> Faults<F> {
    /// How many there are, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Fault<F>> {
        self.faults.iter()
    }

    /// One line a fault, as compilers write them: `path:line:column: field: message (did you mean …?)`.
    #[must_use]
    pub fn display(&self, path: &Path) -> impl fmt::Display {
        lines(&self.faults, &format!("{}:", path.display()))
    }
}

fn lines<F: OwnFault>(faults: &[Fault<F>], before: &str) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("{before}{fault}")).collect();
    lines.join("\n")
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault<F: OwnFault> {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) field: String,
    pub(crate) kind: FaultKind<F>,
    pub(crate) suggestion: Option<String>,
}

impl<F: OwnFault> Fault<F> {
    /// Its line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Its column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The field, as in `cap[2].spend`: the second `[[cap]]` of the file. Empty for [`FaultKind::Syntax`].
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind<F> {
        &self.kind
    }

    /// A stable name of what is wrong.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// What was meant, perhaps, as it would stand in the file.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

impl<F: OwnFault> fmt::Display for Fault<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, field, kind, suggestion } = self;
        write!(f, "{line}:{column}: ")?;
        if !field.is_empty() {
            write!(f, "{field}: ")?;
        }
        write!(f, "{kind}")?;
        suggestion.iter().try_for_each(|suggestion| write!(f, " (did you mean {suggestion}?)"))
    }
}
