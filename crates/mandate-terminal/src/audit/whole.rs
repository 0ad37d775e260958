//! `audit verify` of a side's own journal: whether it is whole.

use mandate::{Head, Root};
use serde::Serialize;

use crate::failure::Failure;
use crate::ui::{Ui, counted};

#[derive(Serialize)]
#[serde(untagged)]
enum Answer<'v> {
    Whole { whole: bool, size: u64, root: Root },
    Broken { whole: bool, fault: &'v str },
}

/// Says what a full check found; what does not fit is a failed check.
///
/// # Errors
///
/// [`Failure`]: what the check failed with.
pub fn tell(checked: Result<Head, Failure>, ui: &mut Ui<'_>) -> Result<(), Failure> {
    match checked {
        Ok(Head { size, root }) => ui.answer(&Answer::Whole { whole: true, size, root }, |ui| {
            let entries = counted(size, "entry", "entries");
            ui.line(format_args!("the journal is whole: {entries}, root {root}"))
        }),
        Err(Failure::Check(fault)) if ui.is_json() => {
            ui.document(&Answer::Broken { whole: false, fault: &fault })?;
            Err(Failure::Said)
        }
        Err(failure) => Err(failure),
    }
}
