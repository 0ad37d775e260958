//! The wallet's figures: what is counted as calls come, and what is asked when somebody reads them.
//!
//! Agents and reasons are told, amounts and merchants are not. How many series there are follows from wallet.toml alone:
//! whoever it does not list shares one name.

mod page;
mod tally;

use std::sync::Arc;

use mandate::UnixSeconds;
use mandate_host::metrics::{Commits, Counts, Histogram};
use mandate_ledger::{Call, Moment, Observer};

pub(crate) use tally::{Outcome, PLACES, Tally, place};

/// What is counted as calls come, beside the counts of each listed agent.
#[derive(Debug)]
pub(crate) struct Figures {
    commits: Arc<Commits>,
    started_at: UnixSeconds,
    /// What whoever is not listed asked for.
    unlisted: Counts,
    intents: Arc<Histogram>,
    payments: Arc<Histogram>,
}

impl Figures {
    /// Nothing counted yet.
    pub(crate) fn new(commits: Arc<Commits>, started_at: UnixSeconds) -> Self {
        Self {
            commits,
            started_at,
            unlisted: Counts::new(PLACES),
            intents: Arc::new(Histogram::of_durations()),
            payments: Arc::new(Histogram::of_durations()),
        }
    }

    /// One more call of somebody who is not listed.
    pub(crate) fn of_unlisted(&self, call: Call, outcome: Outcome) {
        self.unlisted.add(place(call, outcome));
    }

    /// Counts one call of an agent from here on.
    pub(crate) fn tally(&self, counts: Arc<Counts>, call: Call) -> Tally {
        let mints = match call {
            Call::MintIntent => Some(Arc::clone(&self.intents)),
            Call::MintPayment => Some(Arc::clone(&self.payments)),
            Call::GetBudget | Call::GetPrincipal | Call::RecordReceipt => None,
        };
        Tally::new(counts, call, mints)
    }
}

/// Has each commit of a ledger measured.
pub(crate) fn observer(commits: &Arc<Commits>) -> Observer {
    let commits = Arc::clone(commits);
    Observer::new(move |moment| match moment {
        Moment::Committing => commits.begin(),
        Moment::Committed { entries } => commits.end(entries),
    })
}
