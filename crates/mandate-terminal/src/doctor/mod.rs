//! What a doctor finds: what is right with an installation, what is not, and the way out.

mod ask;
mod clock;
mod disk;
mod keyring;
mod memory;
mod ntp;
mod unit;

use serde::Serialize;

use crate::failure::Failure;
use crate::ui::{Align, Table, Ui};

pub use clock::clock;
pub use disk::disk;
pub use keyring::keyring;
pub use memory::memory;
pub use ntp::ntp;
pub use unit::unit;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was looked at, in a word.
    pub check: &'static str,
    /// How bad it is.
    pub result: Verdict,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way_out: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It cannot work, or can be misused.
    Fail,
    /// As it should be.
    Ok,
    /// It works, and its owner should know.
    Warn,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Ok => "ok",
            Self::Warn => "warn",
        }
    }
}

impl Finding {
    /// A failure, and the way out.
    pub fn fail(
        check: &'static str,
        detail: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        let (result, way_out) = (Verdict::Fail, Some(way_out.into()));
        Self { check, result, detail: detail.into(), way_out }
    }

    /// A failure whose text names the way out itself.
    pub fn fails(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Fail, detail: detail.into(), way_out: None }
    }

    /// As it should be.
    pub fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Ok, detail: detail.into(), way_out: None }
    }

    /// A warning, and the way out.
    pub fn warn(
        check: &'static str,
        detail: impl Into<String>,
        way_out: impl Into<String>,
    ) -> Self {
        let (result, way_out) = (Verdict::Warn, Some(way_out.into()));
        Self { check, result, detail: detail.into(), way_out }
    }
}

#[derive(Serialize)]
struct Answer {
    healthy: bool,
    checks: Vec<Finding>,
}

/// Shows what every check found.
///
/// # Errors
///
/// [`Failure::Said`] when one failed.
pub fn report(checks: Vec<Finding>, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let healthy = checks.iter().all(|finding| finding.result != Verdict::Fail);
    let answer = Answer { healthy, checks };
    ui.answer(&answer, |ui| show(&answer, ui))?;
    if healthy { Ok(()) } else { Err(Failure::Said) }
}

fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let mut table = Table::bare([Align::Left, Align::Left, Align::Left]);
    for Finding { check, result, detail, way_out } in &answer.checks {
        // The faults of a file come one a line.
        let mut lines = detail.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        table.row([result.as_str().to_owned(), (*check).to_owned(), first]);
        for line in lines.map(str::to_owned).chain(way_out.clone()) {
            table.row([String::new(), String::new(), line]);
        }
    }
    ui.table(&table)?;
    ui.line(if answer.healthy { "no check failed" } else { "some checks failed" })
}
