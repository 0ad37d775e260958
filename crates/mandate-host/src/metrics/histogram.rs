//! How values are spread, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds of durations, in nanoseconds: 50 µs to 1 s.
const DURATION_BOUNDS_NS: &[u64] = &[
    50_000,
    100_000,
    150_000,
    200_000,
    300_000,
    500_000,
    750_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
];
/// Upper bounds of how many things came together.
const NUMBER_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];

/// How values are spread: a number for each range, and their sum.
///
/// The library's own takes a lock for each value, which all calls would share.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    unit: Unit,
    /// One for each bound, and one for what is above all of them.
    ranges: Box<[AtomicU64]>,
    sum: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
enum Unit {
    Nanoseconds,
    Number,
}

impl Unit {
    /// In the unit that is shown: seconds, or how many.
    fn shown(self, value: u64) -> f64 {
        match self {
            Self::Nanoseconds => Duration::from_nanos(value),
            // A whole number of seconds is the same number.
            Self::Number => Duration::from_secs(value),
        }
        .as_secs_f64()
    }
}

impl Histogram {
    /// Of durations, shown in seconds: ranges from 50 µs to 1 s.
    #[must_use]
    pub fn of_durations() -> Self {
        Self::new(DURATION_BOUNDS_NS, Unit::Nanoseconds)
    }

    /// Of numbers of things: ranges from 1 to 256.
    #[must_use]
    pub fn of_numbers() -> Self {
        Self::new(NUMBER_BOUNDS, Unit::Number)
    }

    fn new(bounds: &'static [u64], unit: Unit) -> Self {
        let ranges = bounds.len().saturating_add(1);
        let ranges = std::iter::repeat_with(AtomicU64::default).take(ranges).collect();
        Self { bounds, unit, ranges, sum: AtomicU64::default() }
    }

    /// Takes in a duration.
    pub fn took(&self, duration: Duration) {
        self.add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Takes in a value: nanoseconds, or how many.
    pub fn add(&self, value: u64) {
        let range = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.ranges.get(range) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What was taken in so far.
    #[must_use]
    pub fn measured(&self) -> Measured {
        let ranges = self.ranges.iter().map(|count| count.load(Ordering::Relaxed));
        let bounds = self.bounds.iter().map(|bound| self.unit.shown(*bound));
        // The same numbers are summed up as are shown, so the text never contradicts itself.
        let buckets: Vec<(f64, u64)> = bounds.chain([f64::INFINITY]).zip(ranges).collect();
        let count = buckets.iter().fold(0, |sum: u64, (_, count)| sum.saturating_add(*count));
        Measured { sum: self.unit.shown(self.sum.load(Ordering::Relaxed)), count, buckets }
    }
}

/// What a [`Histogram`] took in until one moment.
#[derive(Debug, Clone)]
pub struct Measured {
    sum: f64,
    count: u64,
    /// By upper bound, each without those below it. Infinity, the last, stands for "more", as the library has it.
    buckets: Vec<(f64, u64)>,
}

impl TypedMetric for Measured {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Measured {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder.encode_histogram::<NoLabelSet>(self.sum, self.count, &self.buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Page;

    #[test]
    fn a_value_is_in_the_range_that_it_bounds_and_in_all_above() {
        let histogram = Histogram::of_durations();
        for us in [49, 50, 51, 2_000_000] {
            histogram.took(Duration::from_micros(us));
        }
        let mut page = Page::new("test");
        page.histograms("wait_seconds", "How long", [(Vec::new(), histogram.measured())]);
        let text = page.text();
        for line in [
            "test_wait_seconds_bucket{le=\"5e-05\"} 2",
            "test_wait_seconds_bucket{le=\"0.0001\"} 3",
            "test_wait_seconds_bucket{le=\"1\"} 3",
            "test_wait_seconds_bucket{le=\"+Inf\"} 4",
            "test_wait_seconds_count 4",
            "test_wait_seconds_sum 2.00015",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
        }
    }

    #[test]
    fn each_bound_is_one_line_and_what_is_above_all_another() {
        let histogram = Histogram::of_numbers();
        histogram.add(1_000);
        let mut page = Page::new("test");
        page.histograms("batch_size", "How many", [(Vec::new(), histogram.measured())]);
        let text = page.text();
        let bound = |line: &str| {
            let (bound, _) = line.strip_prefix("test_batch_size_bucket{le=\"")?.split_once('"')?;
            Some(bound.to_owned())
        };
        let bounds: Vec<_> = text.lines().filter_map(bound).collect();
        assert_eq!(bounds, ["1", "2", "4", "8", "16", "32", "64", "128", "256", "+Inf"], "{text}");
        assert!(text.contains("test_batch_size_bucket{le=\"+Inf\"} 1\n"), "{text}");
    }

    #[test]
    fn numbers_are_shown_as_they_are() {
        let histogram = Histogram::of_numbers();
        histogram.add(3);
        histogram.add(1_000);
        let Measured { sum, count, buckets } = histogram.measured();
        assert_eq!((format!("{sum}"), count), ("1003".to_owned(), 2));
        let filled = buckets.iter().filter(|(_, count)| *count > 0);
        assert_eq!(filled.map(|(bound, _)| format!("{bound:.0}")).next().unwrap(), "4");
    }
}
