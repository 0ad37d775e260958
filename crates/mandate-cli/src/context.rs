//! What every command is given: where things are, how to speak, whom it can ask, and the time.

use std::io::{BufRead, Read as _};

use mandate::UnixSeconds;

use crate::failure::Failure;
use crate::places::Places;
use crate::ui::Ui;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64;

/// What every command is given.
pub(crate) struct Context<'c, 'a> {
    /// Where answers go.
    pub(crate) ui: &'c mut Ui<'a>,
    /// Where the wallet's files and sockets are.
    pub(crate) places: Places,
    /// Standard input.
    pub(crate) input: &'c mut dyn BufRead,
    /// Whether a person sits at it.
    pub(crate) input_is_terminal: bool,
    /// The time, read once.
    pub(crate) now: UnixSeconds,
}

impl Context<'_, '_> {
    /// Asks the person at the terminal; anything but a yes is a no.
    pub(crate) fn is_confirmed(&mut self, question: &str) -> Result<bool, Failure> {
        if !self.input_is_terminal {
            let problem =
                "this command asks before it acts, and nobody is there to answer; pass --yes";
            return Err(Failure::Usage(problem.to_owned()));
        }
        let answer = self.answer(&format!("{question} [y/N]"))?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
    }

    /// What the person at the terminal types; nothing where it cannot be read.
    pub(crate) fn answer(&mut self, question: &str) -> Result<String, Failure> {
        self.ui.ask(question)?;
        let mut answer = String::new();
        let read = (&mut *self.input).take(ANSWER_BYTES_MAX).read_line(&mut answer);
        // What cannot be read is no yes.
        Ok(read.map(|_| answer).unwrap_or_default())
    }
}
