//! Making a key, a ledger and a configuration file, in this order, without ever overwriting one of them.
//!
//! What exists is looked at first; a missing half is made only where no past can be lost by it. The configuration file
//! comes last: before it is there, the daemon cannot start.

mod plan;
mod unfinished;

pub use plan::{Found, LedgerFound, Plan, Refused, plan};
pub use unfinished::{Maker, Unfinished};

/// A basic string of TOML. The text holds no control characters, so two are left to escape.
///
/// Source: TOML 1.0, section "String".
#[must_use]
pub fn toml_text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
