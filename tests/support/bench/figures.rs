//! Figures over several rounds, for people and for programs.

use std::fmt;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Most nanoseconds that one call may take to be counted exactly.
const NANOSECONDS_MAX: u64 = 60_000_000_000;

/// One measurement, once in each round.
#[derive(Debug, Clone, Default)]
pub struct Figure(Vec<f64>);

impl Figure {
    /// Adds one round's value.
    pub fn add(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The figure of the same rounds, each value made of this one's and another's.
    #[must_use]
    pub fn with(&self, other: &Self, make: impl Fn(f64, f64) -> f64) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(own, other)| make(*own, *other)).collect())
    }

    /// The median over the rounds.
    ///
    /// # Panics
    ///
    /// If there was no round.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// The least and the most.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        let ends = |(least, most): (f64, f64), round: &f64| (least.min(*round), most.max(*round));
        self.0.iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends)
    }

    /// How many rounds there were.
    #[must_use]
    pub fn rounds(&self) -> usize {
        self.0.len()
    }

    /// The figure as JSON.
    ///
    /// # Panics
    ///
    /// As [`Figure::median`].
    #[must_use]
    pub fn json(&self) -> Value {
        let (min, max) = self.ends();
        json!({ "median": self.median(), "min": min, "max": max, "rounds": self.0 })
    }
}

/// A figure with its name and unit.
#[derive(Debug)]
struct Named {
    name: String,
    unit: &'static str,
    figure: Figure,
}

/// Everything that was measured, in order.
#[derive(Debug, Default)]
pub struct Figures(Vec<Named>);

impl Figures {
    /// Adds one round's value to a figure.
    pub fn add(&mut self, name: String, unit: &'static str, value: f64) {
        match self.0.iter_mut().find(|named| named.name == name) {
            Some(named) => named.figure.add(value),
            None => self.0.push(Named { name, unit, figure: Figure(vec![value]) }),
        }
    }

    /// Every figure as one JSON document.
    ///
    /// # Panics
    ///
    /// Never: each has a round.
    #[must_use]
    pub fn json(&self) -> Value {
        let figure = |Named { name, unit, figure }: &Named| {
            let (min, max) = figure.ends();
            json!({
                "name": name, "unit": unit, "median": figure.median(), "min": min, "max": max,
                "rounds": figure.0,
            })
        };
        self.0.iter().map(figure).collect()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Named { name, unit, figure } in &self.0 {
            let ((min, max), median) = (figure.ends(), figure.median());
            let digits = if median < 100.0 { 2 } else { 0 };
            writeln!(
                f,
                "{name:<52} {median:>11.digits$} {unit:<10} ({min:.digits$} to {max:.digits$}, {} rounds)",
                figure.rounds()
            )?;
        }
        Ok(())
    }
}

/// How long each of many calls took.
#[derive(Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_max(NANOSECONDS_MAX, 3).expect("a histogram"))
    }
}

impl Latencies {
    /// Times `count` calls, one after the other.
    pub fn of(count: u64, mut call: impl FnMut(u64)) -> Self {
        let mut latencies = Self::default();
        for number in 0..count {
            let start = Instant::now();
            call(number);
            latencies.record(start.elapsed());
        }
        latencies
    }

    /// Counts one call.
    pub fn record(&mut self, taken: Duration) {
        let taken = u64::try_from(taken.as_nanos()).unwrap_or(NANOSECONDS_MAX);
        self.0.saturating_record(taken);
    }

    /// Counts the calls of another.
    ///
    /// # Panics
    ///
    /// Never: all histograms have one shape.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("the same shape");
    }

    /// How many calls were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// How long all calls took together, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.0.mean() * self.0.len() as f64 / 1e9
    }

    /// The latency that so many of a hundred calls did not exceed, in microseconds.
    #[must_use]
    pub fn percentile_us(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1_000.0
    }
}

/// How many a second, if `count` took the time since `start`.
#[must_use]
pub fn rate(count: u64, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}
