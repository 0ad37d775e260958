//! What came of one call, counted once, whoever is still there to hear it.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use mandate_host::metrics::{Counts, Histogram, Labels};
use mandate_ledger::Call;
use mandate_policy::Reason;

/// What came of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered.
    Granted,
    /// It did not come to its end: its client hung up early, or the wallet failed in a way that its log names.
    Unfinished,
    /// It was refused, or the ledger could not answer.
    Refused(Reason),
}

/// The outcomes that are no refusals: before those, in this order.
const OTHERS: [Outcome; 2] = [Outcome::Granted, Outcome::Unfinished];
/// How many outcomes a call can have.
const OUTCOMES: usize = OTHERS.len().saturating_add(Reason::ALL.len());
/// How many places the counts of one agent have.
pub(crate) const PLACES: usize = Call::ALL.len().saturating_mul(OUTCOMES);

/// All outcomes, in the order of their places.
fn outcomes() -> impl Iterator<Item = Outcome> {
    OTHERS.into_iter().chain(Reason::ALL.iter().copied().map(Outcome::Refused))
}

/// The place of an outcome of a call.
pub(crate) fn place(call: Call, outcome: Outcome) -> usize {
    let call = Call::ALL.into_iter().position(|other| other == call).unwrap_or(PLACES);
    let outcome = outcomes().position(|other| other == outcome).unwrap_or(PLACES);
    call.saturating_mul(OUTCOMES).saturating_add(outcome)
}

/// The series of one agent: each outcome that there was, and from the start each answer there could be.
pub(super) fn series(agent: &str, counts: &Counts) -> Vec<(Labels, u64)> {
    let places =
        Call::ALL.into_iter().flat_map(|call| outcomes().map(move |outcome| (call, outcome)));
    let counted = places.zip(counts.outcomes());
    let told = counted.filter(|((_, outcome), count)| *count > 0 || *outcome == Outcome::Granted);
    told.map(|((call, outcome), count)| (labels(agent, call, outcome), count)).collect()
}

fn labels(agent: &str, call: Call, outcome: Outcome) -> Labels {
    let (outcome, reason) = match outcome {
        Outcome::Granted => ("granted", "none"),
        Outcome::Unfinished => ("unfinished", "none"),
        Outcome::Refused(reason @ Reason::LedgerUnavailable) => ("failed", reason.as_str()),
        Outcome::Refused(reason) => ("denied", reason.as_str()),
    };
    vec![
        ("call", call.as_str().to_owned()),
        ("agent", agent.to_owned()),
        ("outcome", outcome.to_owned()),
        ("reason", reason.to_owned()),
    ]
}

/// One call under way; counted when it is dropped, by what was told of it first.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Arc<Counts>,
    call: Call,
    /// How long calls of this kind take that are granted, if that is measured.
    granted: Option<Arc<Histogram>>,
    began: Instant,
    waited: OnceLock<()>,
    outcome: OnceLock<Outcome>,
}

impl Tally {
    pub(super) fn new(counts: Arc<Counts>, call: Call, granted: Option<Arc<Histogram>>) -> Self {
        counts.begin();
        let (waited, outcome) = Default::default();
        Self { counts, call, granted, began: Instant::now(), waited, outcome }
    }

    /// It was answered.
    pub(crate) fn granted(&self) {
        self.tell(Outcome::Granted);
    }

    /// It was refused.
    pub(crate) fn refused(&self, reason: Reason) {
        self.tell(Outcome::Refused(reason));
    }

    /// It waits for the principal: how long it takes says nothing of the wallet.
    pub(crate) fn waits(&self) {
        self.waited.get_or_init(|| ());
    }

    fn tell(&self, outcome: Outcome) {
        self.outcome.get_or_init(|| outcome);
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let outcome = self.outcome.get().copied().unwrap_or(Outcome::Unfinished);
        self.counts.add(place(self.call, outcome));
        self.counts.end();
        let measured = self.granted.as_ref().filter(|_| self.waited.get().is_none());
        if let (Outcome::Granted, Some(granted)) = (outcome, measured) {
            granted.took(self.began.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_outcome_of_each_call_has_a_place_of_its_own_and_one_series() {
        let pairs = || Call::ALL.into_iter().flat_map(|call| outcomes().map(move |o| (call, o)));
        let places: BTreeSet<usize> = pairs().map(|(call, outcome)| place(call, outcome)).collect();
        assert_eq!(places, (0..PLACES).collect());
        for (call, outcome) in pairs() {
            let counts = Counts::new(PLACES);
            counts.add(place(call, outcome));
            let counted = series("travel", &counts).into_iter().filter(|(_, count)| *count > 0);
            assert_eq!(counted.collect::<Vec<_>>(), [(labels("travel", call, outcome), 1)]);
        }
    }

    #[test]
    fn a_call_counts_once_by_what_was_told_first() {
        let counts = Arc::new(Counts::new(PLACES));
        let call = Call::MintIntent;
        let tally = || Tally::new(Arc::clone(&counts), call, None);
        let told = tally();
        told.refused(Reason::Frozen);
        told.granted();
        assert_eq!(counts.under_way(), 1);
        drop(told);
        drop(tally());
        assert_eq!(counts.under_way(), 0);
        let of = |outcome| counts.outcomes().nth(place(call, outcome)).unwrap();
        assert_eq!(of(Outcome::Refused(Reason::Frozen)), 1);
        assert_eq!(of(Outcome::Unfinished), 1);
        assert_eq!(counts.outcomes().sum::<u64>(), 2);
    }
}
