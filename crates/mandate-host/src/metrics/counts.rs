//! Numbers that only grow, for one party.

use std::sync::atomic::{AtomicU64, Ordering};

/// What came of one party's calls, a number for each outcome; and how many calls are under way.
///
/// The side that counts says which outcome has which place.
#[derive(Debug)]
pub struct Counts {
    outcomes: Box<[AtomicU64]>,
    under_way: AtomicU64,
}

impl Counts {
    /// Nothing counted yet, with `outcomes` places.
    #[must_use]
    pub fn new(outcomes: usize) -> Self {
        let outcomes = std::iter::repeat_with(AtomicU64::default).take(outcomes).collect();
        Self { outcomes, under_way: AtomicU64::default() }
    }

    /// One more of this outcome; a place that there is not counts nothing.
    pub fn add(&self, outcome: usize) {
        if let Some(count) = self.outcomes.get(outcome) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A call begins.
    pub fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that began is over.
    pub fn end(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many calls are under way.
    #[must_use]
    pub fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// The number of each outcome, in the order of their places.
    pub fn outcomes(&self) -> impl Iterator<Item = u64> {
        self.outcomes.iter().map(|count| count.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_is_counted_in_its_place_and_no_other() {
        let counts = Counts::new(3);
        counts.add(1);
        counts.add(1);
        counts.add(3);
        assert_eq!(counts.outcomes().collect::<Vec<_>>(), [0, 2, 0]);
        counts.begin();
        counts.begin();
        counts.end();
        assert_eq!(counts.under_way(), 1);
    }
}
