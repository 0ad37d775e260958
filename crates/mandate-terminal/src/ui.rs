//! The one place that writes: lines and aligned tables for people, one JSON document for programs.
//!
//! Every line is escaped on its way out, so no caller can forget it.

use std::fmt::{self, Display};
use std::io::Write;

use comfy_table::{Cell, CellAlignment, Table as Grid, presets};
use serde::Serialize;

use crate::escape::{for_terminal, for_terminal_json};
use crate::failure::Failure;

/// Standard output and standard error, and what the caller wants to read.
pub struct Ui<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    json: bool,
}

impl fmt::Debug for Ui<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ui").field("json", &self.json).finish_non_exhaustive()
    }
}

impl<'a> Ui<'a> {
    /// Writes answers to `out` and remarks to `err`.
    pub fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, json: bool) -> Self {
        Self { out, err, json }
    }

    /// Whether the caller is a program.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// One line of the answer.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn line(&mut self, text: impl Display) -> Result<(), Failure> {
        writeln!(self.out, "{}", for_terminal(&text.to_string())).map_err(Failure::Output)
    }

    /// Several lines of the answer; only for text whose line feeds are our own.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn lines(&mut self, text: &str) -> Result<(), Failure> {
        text.lines().try_for_each(|line| self.line(line))
    }

    /// One line beside the answer: a remark, a warning, an error.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn note(&mut self, text: impl Display) -> Result<(), Failure> {
        // A remark follows what it is about. What cannot be written now is told when all of it is.
        self.out.flush().unwrap_or_default();
        writeln!(self.err, "{}", for_terminal(&text.to_string())).map_err(Failure::Output)
    }

    /// Several lines beside the answer; only for text whose line feeds are our own.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn notes(&mut self, text: &str) -> Result<(), Failure> {
        text.lines().try_for_each(|line| self.note(line))
    }

    /// Lets whoever waits read now what was answered so far.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(Failure::Output)
    }

    /// A question, waiting on its line for the answer.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn ask(&mut self, question: &str) -> Result<(), Failure> {
        write!(self.err, "{} ", for_terminal(question))
            .and_then(|()| self.err.flush())
            .map_err(Failure::Output)
    }

    /// Rows under a header, aligned.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn table(&mut self, table: &Table) -> Result<(), Failure> {
        table.render().iter().try_for_each(|line| self.line(line))
    }

    /// Rows beside the answer, indented.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn note_table(&mut self, table: &Table) -> Result<(), Failure> {
        table.render().iter().try_for_each(|line| self.note(format_args!("  {line}")))
    }

    /// The whole answer as one JSON document.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written.
    pub fn document(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document)
            .map_err(|error| Failure::Output(error.into()))?;
        writeln!(self.out, "{}", for_terminal_json(&text)).map_err(Failure::Output)
    }

    /// An answer in either form: `people` is called unless a program reads.
    ///
    /// # Errors
    ///
    /// [`Failure::Output`] when it cannot be written, and what `people` fails with.
    pub fn answer(
        &mut self,
        document: &impl Serialize,
        people: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.json { self.document(document) } else { people(self) }
    }
}

/// A number of things, in words.
pub fn counted<N: Copy + Display + From<u8> + PartialEq>(
    number: N,
    one: &str,
    many: &str,
) -> String {
    let what = if number == N::from(1) { one } else { many };
    format!("{number} {what}")
}

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers and amounts.
    Right,
}

/// Rows of cells, two spaces between the columns.
#[derive(Debug)]
pub struct Table {
    grid: Grid,
    alignment: Vec<Align>,
}

impl Table {
    /// A table with a header line.
    #[must_use]
    pub fn new<const N: usize>(columns: [(&str, Align); N]) -> Self {
        let mut table = Self::bare(columns.map(|(_, align)| align));
        let header = columns.map(|(title, _)| title.to_uppercase());
        table.grid.set_header(table.cells(header));
        table
    }

    /// A table without a header line.
    #[must_use]
    pub fn bare<const N: usize>(columns: [Align; N]) -> Self {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING);
        Self { grid, alignment: columns.to_vec() }
    }

    /// Labels on the left, what they are on the right.
    pub fn pairs<'t>(pairs: impl IntoIterator<Item = (&'t str, String)>) -> Self {
        let mut table = Self::bare([Align::Left, Align::Left]);
        for (label, value) in pairs {
            table.row([label.to_owned(), value]);
        }
        table
    }

    /// Adds a row; an empty cell stays blank.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        let cells = self.cells(cells);
        self.grid.add_row(cells);
    }

    /// The lines, without trailing blanks.
    fn render(&self) -> Vec<String> {
        let mut grid = self.grid.clone();
        for column in grid.column_iter_mut() {
            column.set_padding((0, 2));
        }
        grid.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    fn cells(&self, texts: impl IntoIterator<Item = String>) -> Vec<Cell> {
        // Escaped before it is measured: a width is that of what is shown.
        let cells = texts.into_iter().map(|text| Cell::new(for_terminal(&text)));
        let aligned = cells.zip(&self.alignment).map(|(cell, align)| match align {
            Align::Left => cell,
            Align::Right => cell.set_alignment(CellAlignment::Right),
        });
        aligned.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(table: &Table) -> String {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        Ui::new(&mut out, &mut err, false).table(table).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_tail() {
        let mut table =
            Table::new([("cap", Align::Left), ("left", Align::Right), ("", Align::Left)]);
        table.row(["day".to_owned(), "5.00 EUR".to_owned(), String::new()]);
        table.row(["lifetime".to_owned(), "1,200.00 EUR".to_owned(), "x".to_owned()]);
        let expected =
            "CAP               LEFT\nday           5.00 EUR\nlifetime  1,200.00 EUR  x\n";
        assert_eq!(shown(&table), expected);
    }

    #[test]
    fn a_cell_cannot_break_its_line() {
        let table = Table::pairs([("title", "a\nb\u{202e}".to_owned())]);
        assert_eq!(shown(&table), "title  a\\u{a}b\\u{202e}\n");
    }
}
