//! Compares a table with what the entries make of it, row by row, in the order of its key.

use std::cmp::Ordering;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement};

use super::error::{Damage, VerifyFault};

/// Compares one table; the fault names the first row that differs, is missing or is one too many.
pub(super) fn table(
    stored: &Connection,
    rebuilt: &Connection,
    table: &'static str,
) -> Result<(), VerifyFault> {
    let shape = Shape::of(rebuilt, table).map_err(VerifyFault::rebuild)?;
    if shape != Shape::of(stored, table)? {
        let report = format!("table {table} has other columns");
        return Err(Damage::Structure { report }.into());
    }
    let mut stored = shape.select(stored, table)?;
    let mut rebuilt = shape.select(rebuilt, table).map_err(VerifyFault::rebuild)?;
    let mut found = stored.query(())?;
    let mut expected = rebuilt.query(()).map_err(VerifyFault::rebuild)?;
    loop {
        let row = match (expected.next().map_err(VerifyFault::rebuild)?, found.next()?) {
            (None, None) => return Ok(()),
            (Some(row), None) | (None, Some(row)) => shape.key_of(row)?,
            (Some(expected), Some(found)) => match shape.difference(expected, found)? {
                None => continue,
                Some(row) => row,
            },
        };
        return Err(Damage::Row { table, row }.into());
    }
}

/// The columns of a table, and which of them are its key.
#[derive(PartialEq, Eq)]
struct Shape {
    columns: Vec<String>,
    key: Vec<String>,
}

impl Shape {
    fn of(db: &Connection, table: &str) -> Result<Self, rusqlite::Error> {
        let list = |sql| -> Result<Vec<String>, rusqlite::Error> {
            db.prepare(sql)?.query_map((table,), |row| row.get(0))?.collect()
        };
        let columns = list("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
        let key = list("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
        Ok(Self { columns, key: if key.is_empty() { vec!["rowid".into()] } else { key } })
    }

    /// All rows in the order of their key: first the key, then every column.
    fn select<'db>(
        &self,
        db: &'db Connection,
        table: &str,
    ) -> Result<Statement<'db>, rusqlite::Error> {
        let key = quoted(&self.key);
        let columns = quoted(&self.columns);
        db.prepare(&format!("SELECT {key}, {columns} FROM \"{table}\" ORDER BY {key}"))
    }

    /// The key of the first of two rows that are not the same.
    fn difference(
        &self,
        expected: &Row<'_>,
        found: &Row<'_>,
    ) -> Result<Option<String>, rusqlite::Error> {
        for column in 0..self.key.len() {
            match order(expected.get_ref(column)?, found.get_ref(column)?) {
                Ordering::Less => return self.key_of(expected).map(Some),
                Ordering::Equal => {}
                Ordering::Greater => return self.key_of(found).map(Some),
            }
        }
        for column in (self.key.len()..).take(self.columns.len()) {
            if expected.get_ref(column)? != found.get_ref(column)? {
                return self.key_of(expected).map(Some);
            }
        }
        Ok(None)
    }

    fn key_of(&self, row: &Row<'_>) -> Result<String, rusqlite::Error> {
        let key: Result<Vec<_>, _> =
            (0..self.key.len()).map(|column| row.get_ref(column).map(text)).collect();
        Ok(key?.join(", "))
    }
}

/// Column names as SQL.
fn quoted(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    names.join(", ")
}

/// SQLite's order of values of one type, which is all that a key column of a strict table holds.
fn order(left: ValueRef<'_>, right: ValueRef<'_>) -> Ordering {
    match (left, right) {
        (ValueRef::Integer(left), ValueRef::Integer(right)) => left.cmp(&right),
        (ValueRef::Text(left), ValueRef::Text(right))
        | (ValueRef::Blob(left), ValueRef::Blob(right)) => left.cmp(right),
        (left, right) if left == right => Ordering::Equal,
        _ => Ordering::Less,
    }
}

/// A value for a person to read; bytes are given in hexadecimal.
fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => data_encoding::HEXLOWER.encode(bytes),
    }
}
