//! What was measured: one row for each kind of call, number of clients and kind of connection.

use std::fmt;

use mandate_tests::bench::figures::Figure;
use serde_json::{Value, json};

use crate::calls::{Connection, Times};

/// How a row was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// In the measuring process, one after the other.
    Itself,
    /// By so many clients at a time, in a process of their own.
    Clients(u64, Connection),
}

/// One row, over all rounds; times are in microseconds.
#[derive(Debug)]
pub struct Row {
    what: &'static str,
    by: By,
    pub p50: Figure,
    pub p99: Figure,
    p99_9: Figure,
    pub per_s: Figure,
}

/// All rows, in the order in which they were first measured.
#[derive(Debug, Default)]
pub struct Rows(Vec<Row>);

impl Rows {
    /// Adds what one round gave.
    pub fn add(&mut self, what: &'static str, by: By, times: Times) {
        let at = self.0.iter().position(|row| row.what == what && row.by == by);
        let at = at.unwrap_or_else(|| {
            let [p50, p99, p99_9, per_s] = std::array::from_fn(|_| Figure::default());
            self.0.push(Row { what, by, p50, p99, p99_9, per_s });
            self.0.len() - 1
        });
        let row = &mut self.0[at];
        row.p50.add(times.p50);
        row.p99.add(times.p99);
        row.p99_9.add(times.p99_9);
        row.per_s.add(times.per_s);
    }

    /// One row, if it was measured.
    pub fn find(&self, what: &str, by: By) -> Option<&Row> {
        self.0.iter().find(|row| row.what == what && row.by == by)
    }

    pub fn json(&self) -> Value {
        let row = |row: &Row| {
            let (clients, connection) = match row.by {
                By::Itself => (Value::Null, Value::Null),
                By::Clients(clients, connection) => (clients.into(), connection.to_string().into()),
            };
            json!({
                "what": row.what, "clients": clients, "connection": connection,
                "p50_us": row.p50.json(), "p99_us": row.p99.json(), "p99_9_us": row.p99_9.json(),
                "per_s": row.per_s.json(),
            })
        };
        self.0.iter().map(row).collect()
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<42} {:>7} {:<5} {:>26} {:>26} {:>26} {:>26}",
            "median (least to most)",
            "clients",
            "conn.",
            "p50 us",
            "p99 us",
            "p99.9 us",
            "a second"
        )?;
        for row in &self.0 {
            let (clients, connection) = match row.by {
                By::Itself => (String::new(), String::new()),
                By::Clients(clients, connection) => (clients.to_string(), connection.to_string()),
            };
            let [p50, p99, p99_9] = [&row.p50, &row.p99, &row.p99_9].map(|it| spread(it, 1));
            let per_s = spread(&row.per_s, 0);
            writeln!(
                f,
                "{:<42} {clients:>7} {connection:<5} {p50:>26} {p99:>26} {p99_9:>26} {per_s:>26}",
                row.what
            )?;
        }
        Ok(())
    }
}

/// A figure as people read it.
pub fn spread(figure: &Figure, digits: usize) -> String {
    let (least, most) = figure.ends();
    format!("{:.digits$} ({least:.digits$} to {most:.digits$})", figure.median())
}
