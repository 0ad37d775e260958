//! Collects the faults of a file while it is read, and puts them in order.

use std::collections::BTreeSet;

use mandate::text::is_unsafe_to_show;

use crate::fault::Fault;
use crate::kind::{FaultKind, OwnFault};
use crate::syntax::{Slip, table_of, table_starts};

/// Comparisons that suggestions may cost in one file; a file with more to say gets fewer suggestions.
const COMPARISONS_MAX: usize = 200_000;

/// Longest text for which a suggestion is sought, in characters.
const TYPED_CHARS_MAX: usize = 64;

/// Shortest text that counts as a part of a name, in characters.
const PART_CHARS_MIN: usize = 3;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Stands in for a value that is not there because a fault was noted; only noting one gives it.
#[derive(Debug, Clone, Copy)]
pub struct Reported(());

impl Reported {
    /// For what hangs on a fault that was noted before.
    pub(crate) fn before() -> Self {
        Self(())
    }
}

/// A value, or nothing because a fault was noted.
pub type Read<T> = Result<T, Reported>;

/// The faults of one text, as they are found.
#[derive(Debug)]
pub struct Report<'t, F: OwnFault> {
    text: &'t str,
    /// Where each line starts.
    starts: Vec<usize>,
    found: Vec<Found<F>>,
    comparisons_left: usize,
    /// Where each table starts, and which of them have a broken line; empty if none has.
    table_starts: Vec<usize>,
    broken_tables: BTreeSet<usize>,
}

#[derive(Debug)]
struct Found<F: OwnFault> {
    /// In bytes.
    at: usize,
    field: String,
    kind: FaultKind<F>,
    suggestion: Option<String>,
}

impl<'t, F: OwnFault> Report<'t, F> {
    pub(crate) fn new(text: &'t str) -> Self {
        // A byte order mark takes no column.
        let first = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        let breaks = text.match_indices('\n').map(|(at, _)| at.saturating_add(1));
        Self {
            text,
            starts: std::iter::once(first).chain(breaks).collect(),
            found: Vec::new(),
            comparisons_left: COMPARISONS_MAX,
            table_starts: Vec::new(),
            broken_tables: BTreeSet::new(),
        }
    }

    /// The text from one byte to another.
    pub(crate) fn source(&self, span: std::ops::Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    /// The line of a byte, from 1.
    #[must_use]
    pub fn line(&self, at: usize) -> usize {
        line_in(&self.starts, at)
    }

    /// Notes a fault at a byte; [`Item::fault`](crate::Item::fault) does for one value.
    pub fn add(
        &mut self,
        at: usize,
        field: &str,
        kind: impl Into<FaultKind<F>>,
        suggestion: Option<String>,
    ) -> Reported {
        self.found.push(Found { at, field: field.to_owned(), kind: kind.into(), suggestion });
        Reported(())
    }

    /// The known name that is nearest to what was typed, if one is near.
    pub fn nearest<'k>(
        &mut self,
        typed: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        let chars = typed.chars().count();
        if chars == 0 || chars > TYPED_CHARS_MAX {
            return None;
        }
        let typed = typed.to_lowercase();
        let mut best = None;
        for name in known {
            self.comparisons_left = self.comparisons_left.checked_sub(1)?;
            let lower = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&typed, &lower);
            // One slip in all, or one in three letters after the first; or a part of the name.
            let same_start = lower.chars().next() == typed.chars().next();
            let allowed = if same_start { chars.div_ceil(3) } else { 1 };
            let part = chars >= PART_CHARS_MIN && lower.contains(&typed);
            if (distance <= allowed || part) && best.is_none_or(|(least, _)| distance < least) {
                best = Some((distance, name));
            }
        }
        best.map(|(_, name)| name)
    }

    /// Leaves out of account what a broken line may have said.
    pub(crate) fn expect_broken_lines(&mut self, slips: &[Slip]) {
        self.table_starts = table_starts(self.text);
        let tables = slips.iter().map(|slip| table_of(&self.table_starts, slip.at));
        self.broken_tables = tables.collect();
    }

    /// Whether the table that starts at a byte has a broken line.
    pub(crate) fn is_broken(&self, at: usize) -> bool {
        self.broken_tables.contains(&table_of(&self.table_starts, at))
    }

    /// Keeps only what is sure although the text could not be read as a whole.
    ///
    /// What seems to be missing may stand in an unreadable part, and values may be the parser's guesses.
    pub(crate) fn keep_what_is_sure(&mut self, broken: &BTreeSet<usize>) {
        let found = std::mem::take(&mut self.found);
        let sure = |found: &Found<F>| {
            // What the parser makes up stands at the very start.
            found.at > 0 && found.kind.stands_alone() && !broken.contains(&self.line(found.at))
        };
        self.found = found.into_iter().filter(sure).collect();
    }

    /// Adds what the TOML parser says.
    pub(crate) fn add_slips(&mut self, slips: Vec<Slip>) {
        for Slip { at, message } in slips {
            let shown = |c: char| if is_unsafe_to_show(c) { ' ' } else { c };
            let message = message.chars().map(shown).collect();
            self.add(at, "", FaultKind::Syntax { message }, None);
        }
    }

    /// All faults with their lines and columns, in order; empty if there are none.
    pub(crate) fn into_faults(self) -> Vec<Fault<F>> {
        let Self { text, starts, mut found, .. } = self;
        found.sort_by_key(|found| found.at);
        let mut faults = Vec::with_capacity(found.len());
        let (mut line, mut at, mut column) = (1, starts.first().copied().unwrap_or_default(), 1);
        // One walk through the text: each column is counted from the one before it.
        for Found { at: place, field, kind, suggestion } in found {
            let place = char_start(text, place);
            let now_on = line_in(&starts, place);
            if now_on != line {
                let start = now_on.checked_sub(1).and_then(|index| starts.get(index));
                (line, at, column) = (now_on, start.copied().unwrap_or_default(), 1);
            }
            let chars = text.get(at..place).unwrap_or_default().chars();
            column = chars.count().saturating_add(column);
            at = at.max(place);
            faults.push(Fault { line, column, field, kind, suggestion });
        }
        faults
    }
}

/// The line of a byte, from 1.
fn line_in(starts: &[usize], at: usize) -> usize {
    starts.partition_point(|start| *start <= at).max(1)
}

/// The first byte of the character that `at` is in; the end, if it is past it.
fn char_start(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// A text as it would stand in the file, cut to a length that a message can hold.
#[must_use]
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", excerpt(text))
}

/// The start of a text, without characters that could restyle a message.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let shown = |c: char| if is_unsafe_to_show(c) { '\u{fffd}' } else { c };
    text.chars().take(TYPED_CHARS_MAX).map(shown).collect()
}
