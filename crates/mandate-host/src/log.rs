//! Logs go to stderr: one line an event, JSON or text, never a token, a secret or a raw foreign text.

use std::error::Error;
use std::fmt::Write as _;
use std::io;

use clap::ValueEnum;
use mandate::text::is_unsafe_to_show;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    #[default]
    Text,
}

/// Starts logging to stderr. `RUST_LOG` chooses what; without it, everything from `info` on.
///
/// A line that cannot be written, on a full disk or to a reader that is gone, is dropped: the journal is the record. A second call in one process changes nothing.
pub fn start(format: LogFormat) {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // It would be told on stderr, by a macro that panics where stderr fails.
        .log_internal_errors(false);
    let started = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.with_ansi(false).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}

/// An error and everything behind it, as one line that is safe to show.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Some errors print their cause themselves.
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = error.source();
    }
    shown(&text)
}

/// An error and its causes after colons, without control characters; a list of faults keeps its lines.
#[must_use]
pub fn chain_lines(error: &dyn Error) -> String {
    let mut lines: Vec<String> = error.to_string().lines().map(shown).collect();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = shown(&error.to_string());
        if let Some(last) = lines.last_mut()
            && !last.ends_with(&message)
        {
            last.push_str(": ");
            last.push_str(&message);
        }
        cause = error.source();
    }
    lines.join("\n")
}

/// A text without characters that could break a line, hide text or turn its direction.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe_to_show(c) {
            // Writing to a String cannot fail.
            write!(shown, "\\u{{{:04x}}}", u32::from(c)).unwrap_or_default();
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_cannot_steer_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\nc"), "a\\u{001b}[2Jb\\u{000a}c");
    }

    #[test]
    fn a_chain_names_every_cause_once() {
        let inner = io::Error::other("inner");
        let outer = io::Error::other(inner);
        assert_eq!(chain(&outer), "inner");
    }
}
