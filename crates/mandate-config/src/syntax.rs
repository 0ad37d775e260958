//! What to make of a text that is no TOML.
//!
//! Where single lines are broken, they are left out and the rest is judged as it stands. Else a table or a bracket is
//! broken, and the parser stumbles over what follows it: then only its own slips are told, and what is sure without it.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::{DeTable, Error};

use crate::kind::OwnFault;
use crate::report::Report;

/// One slip.
#[derive(Debug)]
pub(crate) struct Slip {
    /// Where it is, in bytes.
    pub(crate) at: usize,
    /// The parser's words.
    pub(crate) message: String,
}

impl Slip {
    fn new(error: &Error, offset: usize) -> Self {
        Self { at: place(error).saturating_add(offset), message: error.message().to_owned() }
    }
}

/// Where an error is, in bytes; the start, if it is about everything.
fn place(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// The text with blanks in place of the lines that the errors are on, if that makes it TOML.
///
/// Only lines that set a key are left out: without its header, a table would run into the one before it.
pub(crate) fn without_broken_lines<F: OwnFault>(
    text: &str,
    errors: &[Error],
    report: &Report<'_, F>,
) -> Option<String> {
    let broken: BTreeSet<usize> = errors.iter().map(|error| report.line(place(error))).collect();
    let mut kept = String::with_capacity(text.len());
    for (line, number) in text.split_inclusive('\n').zip(1_usize..) {
        if !broken.contains(&number) {
            kept.push_str(line);
            continue;
        }
        let key = line.split_once('=').map(|(key, _)| key.trim())?;
        let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
        if key.is_empty() || !key.chars().all(fits) {
            return None;
        }
        // Every byte keeps its place.
        kept.extend(line.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
    }
    let (_, left) = DeTable::parse_recoverable(&kept);
    left.is_empty().then_some(kept)
}

/// The first error of each line.
pub(crate) fn first_of_each_line<F: OwnFault>(
    errors: &[Error],
    report: &Report<'_, F>,
) -> Vec<Slip> {
    let mut lines = BTreeMap::new();
    for error in errors {
        lines.entry(report.line(place(error))).or_insert_with(|| Slip::new(error, 0));
    }
    lines.into_values().collect()
}

/// The slips behind some errors, at least one if there are errors.
///
/// Each table is read once more by itself: what is also wrong there is a slip of its own, and one is told for each.
pub(crate) fn slips<F: OwnFault>(
    text: &str,
    errors: &[Error],
    report: &Report<'_, F>,
) -> Vec<Slip> {
    let Some(first) = errors.iter().min_by_key(|error| place(error)) else { return Vec::new() };
    let broken: BTreeSet<usize> = errors.iter().map(|error| report.line(place(error))).collect();
    let starts = table_starts(text);
    let mut slips = BTreeMap::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index.saturating_add(1)).copied().unwrap_or(text.len());
        let (_, errors) = DeTable::parse_recoverable(text.get(*start..end).unwrap_or_default());
        let own = errors.iter().min_by_key(|error| place(error));
        let own = own.map(|error| Slip::new(error, *start));
        if let Some(slip) = own.filter(|slip| broken.contains(&report.line(slip.at))) {
            slips.insert(table_of(&starts, slip.at), slip);
        }
    }
    if slips.is_empty() {
        // Each table is well formed by itself: they contradict each other, and every error says where.
        return first_of_each_line(errors, report);
    }
    slips.insert(table_of(&starts, place(first)), Slip::new(first, 0));
    slips.into_values().collect()
}

/// Where the text starts, and each line that looks like the header of a table.
pub(crate) fn table_starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let mut at = 0_usize;
    for line in text.split_inclusive('\n') {
        if line.trim_start_matches([' ', '\t']).starts_with('[') && at > 0 {
            starts.push(at);
        }
        at = at.saturating_add(line.len());
    }
    starts
}

/// Which table a byte is in.
pub(crate) fn table_of(starts: &[usize], at: usize) -> usize {
    starts.partition_point(|start| *start <= at)
}
