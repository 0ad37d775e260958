//! `mandate metrics`: the wallet's figures.

use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::wallet::metrics;

#[derive(Serialize)]
struct Answer {
    text: String,
}

/// Asks and shows: the text as it is, or with `--json` in a document.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let answer = Answer { text: metrics(&context.places)? };
    context.ui.answer(&answer, |ui| answer.text.lines().try_for_each(|line| ui.line(line)))
}
