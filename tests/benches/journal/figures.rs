//! Figures over several rounds, for people and for programs.

use std::fmt;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Most nanoseconds that one call may take to be counted exactly.
const NANOSECONDS_MAX: u64 = 60_000_000_000;

/// One measurement, repeated.
struct Figure {
    name: String,
    unit: &'static str,
    rounds: Vec<f64>,
}

impl Figure {
    fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    fn ends(&self) -> (f64, f64) {
        let ends = |(least, most): (f64, f64), round: &f64| (least.min(*round), most.max(*round));
        self.rounds.iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends)
    }
}

/// Everything that was measured, in order.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Adds one round's value to a figure.
    pub fn add(&mut self, name: String, unit: &'static str, value: f64) {
        match self.0.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.rounds.push(value),
            None => self.0.push(Figure { name, unit, rounds: vec![value] }),
        }
    }

    /// Every figure as one JSON document.
    pub fn json(&self) -> Value {
        let figure = |figure: &Figure| {
            let (min, max) = figure.ends();
            json!({
                "name": figure.name, "unit": figure.unit, "median": figure.median(), "min": min,
                "max": max, "rounds": figure.rounds,
            })
        };
        self.0.iter().map(figure).collect()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for figure in &self.0 {
            let ((min, max), median) = (figure.ends(), figure.median());
            let digits = if median < 100.0 { 2 } else { 0 };
            let Figure { name, unit, rounds } = figure;
            writeln!(
                f,
                "{name:<52} {median:>11.digits$} {unit:<10} ({min:.digits$} to {max:.digits$}, {} rounds)",
                rounds.len()
            )?;
        }
        Ok(())
    }
}

/// How long each of many calls took.
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// Times `count` calls, one after the other.
    pub fn of(count: u64, mut call: impl FnMut(u64)) -> Self {
        let mut histogram = Histogram::new_with_max(NANOSECONDS_MAX, 3).expect("a histogram");
        for number in 0..count {
            let start = std::time::Instant::now();
            call(number);
            let taken = u64::try_from(start.elapsed().as_nanos()).unwrap_or(NANOSECONDS_MAX);
            histogram.saturating_record(taken);
        }
        Self(histogram)
    }

    /// The latency that so many of a hundred calls did not exceed, in microseconds.
    pub fn percentile_us(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1_000.0
    }
}

/// How many a second, if `count` took the time since `start`.
pub fn rate(count: u64, start: std::time::Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}
