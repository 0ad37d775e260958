//! How long things took: the median and the longest, in milliseconds for people.

use std::time::Duration;

/// Microseconds in a hundredth of a millisecond.
const US_PER_CENTIMS: u128 = 10;
/// Hundredths in a millisecond.
const CENTIMS_PER_MS: u128 = 100;

/// Measured times.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The time that half of them did not pass, such as `0.41 ms`; empty if there is none.
    pub(crate) fn median(&self) -> String {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let middle = sorted.len().saturating_sub(1) / 2;
        sorted.get(middle).copied().map(shown).unwrap_or_default()
    }

    /// The longest; empty if there is none.
    pub(crate) fn longest(&self) -> String {
        self.0.iter().max().copied().map(shown).unwrap_or_default()
    }
}

/// A time in milliseconds, such as `0.41 ms`; what is below a hundredth is cut off.
pub(crate) fn shown(time: Duration) -> String {
    let hundredths = time.as_micros() / US_PER_CENTIMS;
    format!("{}.{:02} ms", hundredths / CENTIMS_PER_MS, hundredths % CENTIMS_PER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_two_digits_after_the_point() {
        for (us, expected) in [(9, "0.00 ms"), (415, "0.41 ms"), (12_070, "12.07 ms")] {
            assert_eq!(shown(Duration::from_micros(us)), expected);
        }
    }

    #[test]
    fn half_of_the_times_are_not_above_the_median() {
        let mut times = Times::default();
        assert_eq!((times.median(), times.longest()), (String::new(), String::new()));
        for ms in [30, 10, 20, 40] {
            times.push(Duration::from_millis(ms));
        }
        assert_eq!((times.median(), times.longest()), ("20.00 ms".into(), "40.00 ms".into()));
    }
}
