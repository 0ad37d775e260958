//! `mandate-gateway audit verify`: whether the journal is whole.

use mandate::{Head, Root};
use mandate_terminal::failure::Failure;
use mandate_terminal::ui::counted;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::journal::Journal;

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'v> {
    Whole { whole: bool, size: u64, root: Root },
    Broken { whole: bool, fault: &'v str },
}

/// Checks everything; what does not fit is a failed check.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match Journal::open(&context.places)?.verify() {
        Ok(Head { size, root }) => {
            context.ui.answer(&Answer::Whole { whole: true, size, root }, |ui| {
                let entries = counted(size, "entry", "entries");
                ui.line(format_args!("the journal is whole: {entries}, root {root}"))
            })
        }
        Err(Failure::Check(fault)) if context.ui.is_json() => {
            context.ui.document(&Answer::Broken { whole: false, fault: &fault })?;
            Err(Failure::Said)
        }
        Err(failure) => Err(failure),
    }
}
