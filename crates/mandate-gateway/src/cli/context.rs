//! What every command is given: where things are, how to speak, whom it can ask, and the time.

use std::io::BufRead;

use mandate::UnixSeconds;
use mandate_terminal::confirm;
use mandate_terminal::failure::Failure;
use mandate_terminal::ui::Ui;

use super::places::Places;

/// What every command is given.
pub(crate) struct Context<'c, 'a> {
    /// Where answers go.
    pub(crate) ui: &'c mut Ui<'a>,
    /// Where the gateway's files are.
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
        confirm::is_confirmed(self.ui, self.input, self.input_is_terminal, question)
    }
}
