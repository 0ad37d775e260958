//! What else happened: freezes, other rules, contradictions, and what this version cannot read.

use mandate::UnixSeconds;
use mandate_ledger::Event;
use mandate_ledger::event::Effect;
use serde::Serialize;

use crate::audit::fact::Fact;
use crate::record::Record;

/// One entry that is no purchase and no refusal.
#[derive(Debug, Serialize)]
pub(super) struct EventLine {
    pub(super) seq: u64,
    pub(super) at: UnixSeconds,
    /// As the journal names it.
    pub(super) kind: String,
    /// What it says.
    pub(super) words: String,
}

impl EventLine {
    /// Reads an entry; `None` if it is told elsewhere in the statement.
    pub(super) fn read(record: &Record) -> Option<Self> {
        let words = match record.event() {
            Some(
                Event::Intent(_)
                | Event::Payment(_)
                | Event::Denial(_)
                | Event::ApprovalRequest(_)
                | Event::Approval(_),
            ) => return None,
            Some(Event::Receipt(receipt)) if receipt.effect != Effect::Conflict => return None,
            Some(_) => told(Fact::of(record)),
            None => format!(
                "this version does not know entries of this kind; see `mandate audit show {}`",
                record.seq()
            ),
        };
        Some(Self { seq: record.seq(), at: record.time(), kind: record.kind().to_owned(), words })
    }
}

/// A fact in one line.
fn told(fact: Fact) -> String {
    let Fact { agent, merchant, action, total, words } = fact;
    let names = [
        agent.map(|agent| format!("agent {agent}")),
        merchant.map(|merchant| format!("merchant {merchant}")),
        action,
        total.map(|total| total.to_string()),
    ];
    let names: Vec<String> = names.into_iter().flatten().collect();
    if names.is_empty() { words } else { format!("{}: {words}", names.join(", ")) }
}
