//! The wallet's entries.

use mandate_journal::Entry;
use mandate_ledger::Event;
use mandate_terminal::record::Side;

/// The wallet's side.
#[derive(Debug)]
pub(crate) enum Wallet {}

impl Side for Wallet {
    type Event = Event;
    const VERIFY: &'static str = "mandate audit verify";

    fn event(entry: &Entry<'_>) -> Option<Event> {
        Event::parse(entry).ok()
    }
}

/// An entry of the wallet's journal.
pub(crate) type Record = mandate_terminal::record::Record<Wallet>;
