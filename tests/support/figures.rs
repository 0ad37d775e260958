//! Figures as Prometheus reads them, read as strictly as the format is written.

use std::collections::{BTreeMap, BTreeSet};

/// All figures of one text: series, as they are written, and their values.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    series: BTreeMap<String, f64>,
}

/// The types that we write.
const TYPES: [&str; 3] = ["counter", "gauge", "histogram"];

impl Figures {
    /// Reads a whole text.
    ///
    /// Each name comes once, with its help and its type before its series; a counter's ends with `_total`; a histogram's
    /// buckets grow up to its count; no series comes twice.
    ///
    /// # Panics
    ///
    /// If anything in it is not as the format has it.
    #[must_use]
    pub fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line ends");
        let mut series = BTreeMap::new();
        let mut lines = text.lines().peekable();
        let mut names = BTreeSet::new();
        while let Some(help) = lines.next() {
            let (name, help) = comment(help, "# HELP ");
            assert!(help.ends_with('.') && help.len() > 10, "{name} is explained: {help}");
            let (of, kind) = comment(lines.next().expect("a type"), "# TYPE ");
            assert_eq!(of, name);
            assert!(TYPES.contains(&kind) && is_name(name), "{name} {kind}");
            assert!(names.insert(name.to_owned()), "{name} comes twice");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name} {kind}");
            let mut own = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (key, value) = line.rsplit_once(' ').expect("a value");
                let value: f64 = value.parse().expect("a number");
                assert!(series.insert(key.to_owned(), value).is_none(), "{key} comes twice");
                own.push((key.to_owned(), value));
            }
            assert!(!own.is_empty(), "{name} has a series");
            match kind {
                "histogram" => check_histogram(name, &own),
                _ => own.iter().for_each(|(key, _)| assert_eq!(labels(key).0, name)),
            }
        }
        Self { series }
    }

    /// The value of one series, as it is written.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn of(&self, series: &str) -> f64 {
        *self.series.get(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.series))
    }

    /// Whether there is such a series.
    #[must_use]
    pub fn has(&self, series: &str) -> bool {
        self.series.contains_key(series)
    }

    /// All series whose name begins so.
    #[must_use]
    pub fn beginning(&self, name: &str) -> BTreeMap<&str, f64> {
        let own = self.series.iter().filter(|(series, _)| series.starts_with(name));
        own.map(|(series, value)| (series.as_str(), *value)).collect()
    }

    /// The series of a name that are not what they were before, and by how much they grew.
    #[must_use]
    pub fn grew<'a>(&'a self, before: &Self, name: &str) -> Vec<(&'a str, f64)> {
        let was = |series: &str| before.series.get(series).copied().unwrap_or_default();
        let grown = self.beginning(name).into_iter().map(|(key, value)| (key, value - was(key)));
        grown.filter(|(_, by)| *by != 0.0).collect()
    }
}

fn comment<'a>(line: &'a str, begin: &str) -> (&'a str, &'a str) {
    let rest = line.strip_prefix(begin).unwrap_or_else(|| panic!("{line} begins with {begin}"));
    rest.split_once(' ').expect("a name and a text")
}

fn is_name(name: &str) -> bool {
    let rest = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(rest)
}

/// The name of a series and its labels.
fn labels(series: &str) -> (&str, Vec<(&str, &str)>) {
    let Some((name, labels)) = series.split_once('{') else { return (series, Vec::new()) };
    let labels = labels.strip_suffix("\"}").expect("labels end");
    let labels = labels.split("\",").map(|label| {
        let (key, value) = label.split_once("=\"").expect("a label");
        assert!(is_name(key) && !value.contains(['"', '\\']), "{key} {value}");
        (key, value)
    });
    (name, labels.collect())
}

fn check_histogram(name: &str, own: &[(String, f64)]) {
    let mut buckets: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    let mut sums = BTreeSet::new();
    for (key, value) in own {
        let (part, labels) = labels(key);
        let others: Vec<_> = labels.iter().filter(|(label, _)| *label != "le").collect();
        let others = format!("{others:?}");
        match part.strip_prefix(name).expect("its own") {
            "_bucket" => {
                let (_, bound) = labels.iter().find(|(label, _)| *label == "le").expect("le");
                let bound =
                    if *bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a bound") };
                buckets.entry(others).or_default().push((bound, *value));
            }
            "_count" => assert!(counts.insert(others, *value).is_none()),
            "_sum" => assert!(sums.insert(others)),
            part => panic!("{name}{part}"),
        }
    }
    for (labels, buckets) in buckets {
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {buckets:?}");
        let (bound, all) = buckets.last().expect("a bucket");
        assert_eq!((*bound, Some(all)), (f64::INFINITY, counts.get(&labels)), "{name} {labels}");
        assert!(sums.remove(&labels));
    }
}
