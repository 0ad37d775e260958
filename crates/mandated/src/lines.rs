//! Lines of the log that a stranger can cause: few, and none forgotten.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Lines a second, in the long run.
const LINES_PER_S: NonZeroU32 = NonZeroU32::MIN;
/// Lines at once after a pause, beside that.
const BURST_LINES: u32 = 7;

/// A pace for lines of one kind, so that nobody fills a disk by calling.
#[derive(Debug)]
pub(crate) struct Lines {
    pace: DefaultDirectRateLimiter,
    left_out: AtomicU64,
}

impl Lines {
    pub(crate) fn new() -> Self {
        let quota =
            Quota::per_second(LINES_PER_S).allow_burst(LINES_PER_S.saturating_add(BURST_LINES));
        Self { pace: RateLimiter::direct(quota), left_out: AtomicU64::new(0) }
    }

    /// Whether the next line is written; then, how many were left out since the last.
    pub(crate) fn next(&self) -> Option<u64> {
        if self.pace.check().is_ok() {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_few_lines_the_rest_is_counted() {
        let lines = Lines::new();
        let written = (0..1_000).filter(|_| lines.next().is_some()).count();
        // One more a second, on a machine that takes seconds for this.
        assert!((8..100).contains(&written), "{written}");
        let left_out = lines.left_out.load(Ordering::Relaxed);
        assert!(left_out >= 900, "{left_out}");
    }
}
