//! The one place that writes to the screen: headings, facts, refusals and tables, at most 100 columns wide.
//!
//! Every text is escaped on its way out, so that nothing a token, a page or a file says can steer the terminal.

use std::fmt::Write as _;
use std::io::Write;

use mandate::text::is_unsafe_to_show;

use crate::answer::Denied;
use crate::error::DemoError;

/// Widest line, in characters.
const COLUMNS: usize = 100;
/// What stands under a heading is set in by this.
const MARGIN: &str = "   ";
/// Width of the names of facts, the space after them included.
const LABEL_COLUMNS: usize = 14;

/// Stands for a space at which no line is broken (U+00A0), up to the screen.
const UNBROKEN: &str = "\u{a0}";

/// Whether lines may be coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A terminal that takes it.
    Colour,
    /// Text only.
    Plain,
}

/// What a text means, told by its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ink {
    /// A yes.
    Good,
    /// A title.
    Heading,
    /// Neither.
    Plain,
    /// A no.
    Refused,
}

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The screen, and how many scenes it has shown.
pub(crate) struct Screen<'o> {
    out: &'o mut dyn Write,
    style: Style,
    scenes: usize,
    heading: String,
}

impl<'o> Screen<'o> {
    /// An empty screen.
    pub(crate) fn new(out: &'o mut dyn Write, style: Style) -> Self {
        Self { out, style, scenes: 0, heading: String::new() }
    }

    /// How many scenes were begun.
    pub(crate) fn scenes(&self) -> usize {
        self.scenes
    }

    /// Text from the left edge.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), DemoError> {
        wrapped(text, COLUMNS).iter().try_for_each(|line| self.line(&escaped(line)))
    }

    /// The last word, when all went well.
    pub(crate) fn well_done(&mut self, text: &str) -> Result<(), DemoError> {
        let text = self.inked(Ink::Good, &escaped(text));
        self.line(&text)
    }

    /// The last word, when it did not; names the scene.
    pub(crate) fn failed(&mut self, lead: &str, text: &str) -> Result<(), DemoError> {
        let scene = match self.scenes {
            0 => String::new(),
            number => format!(" in scene {number} ({})", self.heading),
        };
        self.line("")?;
        for line in wrapped(&format!("{lead}{scene}: {text}"), COLUMNS) {
            let line = self.inked(Ink::Refused, &escaped(&line));
            self.line(&line)?;
        }
        Ok(())
    }

    /// Begins a scene: what is attempted, and why it matters.
    pub(crate) fn scene(&mut self, heading: &str, why: &str) -> Result<(), DemoError> {
        self.scenes = self.scenes.saturating_add(1);
        heading.clone_into(&mut self.heading);
        let title = self.inked(Ink::Heading, &format!("{}. {}", self.scenes, escaped(heading)));
        self.line("")?;
        self.line(&title)?;
        let width = COLUMNS.saturating_sub(MARGIN.len());
        wrapped(why, width)
            .iter()
            .try_for_each(|line| self.line(&format!("{MARGIN}{}", escaped(line))))
    }

    /// One thing that is so.
    pub(crate) fn fact(&mut self, name: &str, text: &str) -> Result<(), DemoError> {
        self.entry(name, Ink::Plain, "", text)
    }

    /// One thing that was granted.
    pub(crate) fn granted(&mut self, name: &str, text: &str) -> Result<(), DemoError> {
        self.entry(name, Ink::Good, "granted: ", text)
    }

    /// An answer: what it is in a few words, and the rest of it.
    pub(crate) fn answered(
        &mut self,
        name: &str,
        ink: Ink,
        lead: &str,
        text: &str,
    ) -> Result<(), DemoError> {
        let lead = if text.is_empty() { lead.to_owned() } else { format!("{lead}: ") };
        self.entry(name, ink, &lead, text)
    }

    /// One thing that was refused: the reason and the sentence.
    pub(crate) fn refused(&mut self, name: &str, denied: &Denied) -> Result<(), DemoError> {
        self.entry(name, Ink::Refused, &format!("{}: ", denied.reason), &denied.sentence)
    }

    /// A file, as it is; an empty line is left out.
    pub(crate) fn file(&mut self, text: &str) -> Result<(), DemoError> {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        lines.try_for_each(|line| self.line(&format!("{MARGIN}| {}", escaped(line))))
    }

    /// Rows of cells, the first one the heading; the first column stands left, the others right.
    pub(crate) fn table<const N: usize>(&mut self, rows: &[[String; N]]) -> Result<(), DemoError> {
        self.rows(rows, Side::Right)
    }

    /// Rows of cells, the first one the heading; all columns stand left.
    pub(crate) fn columns<const N: usize>(
        &mut self,
        rows: &[[String; N]],
    ) -> Result<(), DemoError> {
        self.rows(rows, Side::Left)
    }

    /// Rows of cells; the first column stands left, the others on this side.
    fn rows<const N: usize>(&mut self, rows: &[[String; N]], side: Side) -> Result<(), DemoError> {
        let rows: Vec<_> =
            rows.iter().map(|row| row.each_ref().map(|cell| escaped(cell))).collect();
        let mut widths = [0; N];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &rows {
            let mut line = MARGIN.to_owned();
            for (index, (width, cell)) in widths.iter().zip(row).enumerate() {
                match (index, side) {
                    (0, _) => write!(line, "{cell:<width$}"),
                    (_, Side::Left) => write!(line, "   {cell:<width$}"),
                    (_, Side::Right) => write!(line, "   {cell:>width$}"),
                }
                // A String takes whatever is written to it.
                .unwrap_or_default();
            }
            self.line(line.trim_end())?;
        }
        Ok(())
    }

    /// A name on the left, and text beside it whose first words may stand out.
    fn entry(&mut self, name: &str, ink: Ink, first: &str, text: &str) -> Result<(), DemoError> {
        let indent = MARGIN.len().saturating_add(LABEL_COLUMNS);
        let lines = wrapped(&format!("{first}{text}"), COLUMNS.saturating_sub(indent));
        for (index, line) in lines.iter().enumerate() {
            let name = if index == 0 { name } else { "" };
            let marked = match line.strip_prefix(first.trim_end()) {
                Some(rest) if index == 0 && ink != Ink::Plain => {
                    format!("{}{}", self.inked(ink, &escaped(first.trim_end())), escaped(rest))
                }
                _ => escaped(line),
            };
            self.line(&format!("{MARGIN}{name:<LABEL_COLUMNS$}{marked}"))?;
        }
        Ok(())
    }

    /// Writes one line, which is safe by now.
    fn line(&mut self, line: &str) -> Result<(), DemoError> {
        writeln!(self.out, "{line}").map_err(DemoError::Screen)
    }

    fn inked(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Good => "32",
            Ink::Heading => "1",
            Ink::Plain => "0",
            Ink::Refused => "31",
        };
        match self.style {
            Style::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Style::Plain => text.to_owned(),
        }
    }
}

/// A text without characters that could break a line, hide text or turn its direction.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe_to_show(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A text that is not broken at its spaces.
pub(crate) fn unbroken(text: &str) -> String {
    text.replace(' ', UNBROKEN)
}

/// Lines of at most `columns` characters, broken at spaces; a word that is longer stays whole.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let length = escaped(&line).chars().count();
        let longer = length.saturating_add(1).saturating_add(escaped(word).chars().count());
        if length > 0 && longer > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.into_iter().map(|line| line.replace(UNBROKEN, " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(style: Style, act: impl FnOnce(&mut Screen<'_>) -> Result<(), DemoError>) -> String {
        let mut out = Vec::new();
        act(&mut Screen::new(&mut out, style)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn denied(sentence: &str) -> Denied {
        Denied { reason: "CAP_EXCEEDED".to_owned(), sentence: sentence.to_owned() }
    }

    #[test]
    fn no_line_is_wider_than_a_hundred_columns() {
        let text = shown(Style::Plain, |screen| {
            screen.scene("A heading", &"why ".repeat(60))?;
            screen.fact("name", &"fact ".repeat(60))?;
            screen.refused("name", &denied(&"no ".repeat(90)))
        });
        assert!(text.lines().count() > 8, "{text}");
        assert!(text.lines().all(|line| line.len() <= COLUMNS), "{text}");
        let plain = "\n1. A heading\n   why why";
        assert!(text.starts_with(plain), "{text}");
    }

    #[test]
    fn a_foreign_text_cannot_steer_the_terminal() {
        let text = shown(Style::Colour, |screen| {
            screen.fact("page", "a\u{1b}[2Jb\n\u{202e}c")?;
            screen.table(&[["a\u{1b}".to_owned(), "b".to_owned()]])
        });
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text:?}");
        assert!(text.contains("a\\u{1b}[2Jb\\u{a}\\u{202e}c"), "{text}");
    }

    #[test]
    fn colour_is_for_terminals_and_changes_no_text() {
        let scene = |screen: &mut Screen<'_>| {
            screen.scene("A", "why")?;
            screen.granted("one", "yes")?;
            screen.refused("two", &denied("no"))?;
            screen.well_done("done")
        };
        let plain = shown(Style::Plain, scene);
        let mut coloured = shown(Style::Colour, scene);
        assert!(!plain.contains('\u{1b}'));
        assert!(coloured.contains("\u{1b}[31mCAP_EXCEEDED:\u{1b}[0m no"), "{coloured}");
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m"] {
            coloured = coloured.replace(code, "");
        }
        assert_eq!(coloured, plain);
    }

    #[test]
    fn a_failure_names_its_scene() {
        let text = shown(Style::Plain, |screen| {
            screen.scene("A raised price", "why")?;
            screen.failed("STOPPED", "expected CAP_EXCEEDED, met a mandate")
        });
        let expected =
            "\nSTOPPED in scene 1 (A raised price): expected CAP_EXCEEDED, met a mandate\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn what_belongs_together_stays_on_a_line() {
        let text = shown(Style::Plain, |screen| screen.say(&unbroken(&"12.00 EUR ".repeat(20))));
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains(UNBROKEN) && text.contains("12.00 EUR"), "{text}");
    }

    #[test]
    fn columns_are_aligned() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let table = [row(["per", "left", ""]), row(["lifetime", "5.00 EUR", ""])];
        let text = shown(Style::Plain, |screen| screen.table(&table));
        assert_eq!(text, "   per            left\n   lifetime   5.00 EUR\n");
    }
}
