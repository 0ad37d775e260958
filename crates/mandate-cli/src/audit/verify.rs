//! `mandate audit verify`: whether the journal is whole.

use mandate::{Head, Root};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::ui::counted;

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
