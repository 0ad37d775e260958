//! `mandate audit verify`: whether the journal is whole.

use crate::context::Context;
use crate::failure::Failure;
use crate::journal::Journal;

/// Checks everything; what does not fit is a failed check.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let head = Journal::open(&context.places)?.verify()?;
    context.ui.answer(&head, |ui| {
        let entries = if head.size == 1 { "entry" } else { "entries" };
        ui.line(format_args!("the journal is whole: {} {entries}, root {}", head.size, head.root))
    })
}
