//! Asking before acting.

use std::io::{BufRead, Read as _};

use crate::failure::Failure;
use crate::ui::Ui;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64;

/// Asks the person at the terminal; anything but a yes is a no.
///
/// # Errors
///
/// [`Failure::Usage`] when nobody is there to answer.
pub fn is_confirmed(
    ui: &mut Ui<'_>,
    input: &mut dyn BufRead,
    input_is_terminal: bool,
    question: &str,
) -> Result<bool, Failure> {
    if !input_is_terminal {
        let problem = "this command asks before it acts, and nobody is there to answer; pass --yes";
        return Err(Failure::Usage(problem.to_owned()));
    }
    let answer = answer(ui, input, &format!("{question} [y/N]"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

/// What the person at the terminal types; nothing where it cannot be read.
///
/// # Errors
///
/// [`Failure::Output`] when the question cannot be shown.
pub fn answer(ui: &mut Ui<'_>, input: &mut dyn BufRead, question: &str) -> Result<String, Failure> {
    ui.ask(question)?;
    let mut answer = String::new();
    let read = input.take(ANSWER_BYTES_MAX).read_line(&mut answer);
    // What cannot be read is no yes.
    Ok(read.map(|_| answer).unwrap_or_default())
}
