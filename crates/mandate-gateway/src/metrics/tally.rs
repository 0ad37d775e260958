//! What came of one call, counted once.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use mandate_host::metrics::{Counts, Histogram, Labels};

use crate::reason::Reason;

/// What came of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The API had it, or its receipt was shown once more.
    Granted,
    /// Its client hung up before the answer.
    Unfinished,
    /// It was refused, or its price was told.
    Refused(Reason),
}

/// The outcomes that are no refusals: before those, in this order.
const OTHERS: [Outcome; 2] = [Outcome::Granted, Outcome::Unfinished];
/// How many places the counts of one action have: one for each outcome.
pub(super) const PLACES: usize = OTHERS.len().saturating_add(Reason::ALL.len());

fn outcomes() -> impl Iterator<Item = Outcome> {
    OTHERS.into_iter().chain(Reason::ALL.into_iter().map(Outcome::Refused))
}

/// The series of one action: each outcome that there was, and from the start how often it was granted.
pub(super) fn series(action: &str, counts: &Counts) -> Vec<(Labels, u64)> {
    let counted = outcomes().zip(counts.outcomes());
    let told = counted.filter(|(outcome, count)| *count > 0 || *outcome == Outcome::Granted);
    told.map(|(outcome, count)| (labels(action, outcome), count)).collect()
}

fn labels(action: &str, outcome: Outcome) -> Labels {
    let (outcome, reason) = match outcome {
        Outcome::Granted => ("granted", "none"),
        Outcome::Unfinished => ("unfinished", "none"),
        Outcome::Refused(reason @ Reason::PaymentRequired) => ("priced", reason.as_str()),
        Outcome::Refused(reason @ (Reason::Unavailable | Reason::UpstreamFailed)) => {
            ("failed", reason.as_str())
        }
        Outcome::Refused(reason) => ("refused", reason.as_str()),
    };
    vec![
        ("action", action.to_owned()),
        ("outcome", outcome.to_owned()),
        ("reason", reason.to_owned()),
    ]
}

/// One call under way; counted when it is dropped.
#[derive(Debug)]
pub(crate) struct Tally {
    unlisted: Arc<Counts>,
    action: OnceLock<Arc<Counts>>,
    granted: Arc<Histogram>,
    began: Instant,
    outcome: OnceLock<Outcome>,
}

impl Tally {
    pub(super) fn new(unlisted: Arc<Counts>, granted: Arc<Histogram>) -> Self {
        let (action, outcome) = (OnceLock::new(), OnceLock::new());
        Self { unlisted, action, granted, began: Instant::now(), outcome }
    }

    /// It is a call for the action that is counted here.
    pub(crate) fn about(&self, action: Arc<Counts>) {
        self.action.get_or_init(|| {
            action.begin();
            action
        });
    }

    /// It was answered as asked.
    pub(crate) fn granted(&self) {
        self.outcome.get_or_init(|| Outcome::Granted);
    }

    /// It was refused.
    pub(crate) fn refused(&self, reason: Reason) {
        self.outcome.get_or_init(|| Outcome::Refused(reason));
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let outcome = self.outcome.get().copied().unwrap_or(Outcome::Unfinished);
        let place = outcomes().position(|other| other == outcome).unwrap_or(PLACES);
        let Some(action) = self.action.get() else { return self.unlisted.add(place) };
        action.add(place);
        action.end();
        if outcome == Outcome::Granted {
            self.granted.took(self.began.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_has_one_series() {
        for outcome in outcomes() {
            let action = Arc::new(Counts::new(PLACES));
            let unlisted = Arc::new(Counts::new(PLACES));
            let tally = Tally::new(Arc::clone(&unlisted), Arc::new(Histogram::of_durations()));
            tally.about(Arc::clone(&action));
            match outcome {
                Outcome::Granted => tally.granted(),
                Outcome::Unfinished => {}
                Outcome::Refused(reason) => tally.refused(reason),
            }
            assert_eq!(action.under_way(), 1);
            drop(tally);
            assert_eq!(action.under_way(), 0);
            let counted = series("book", &action).into_iter().filter(|(_, count)| *count > 0);
            assert_eq!(counted.collect::<Vec<_>>(), [(labels("book", outcome), 1)]);
            assert_eq!(unlisted.outcomes().sum::<u64>(), 0);
        }
    }
}
