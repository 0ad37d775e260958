//! Reads `wallet.toml`: strictly, and all of it.
//!
//! Every fault is found at once, each with its line, its column and the way out, and one slip gives one fault: what
//! hangs on a value that could not be read is not judged. Never touches the file itself.

mod cap;
mod code;
mod fault;
mod head;
mod names;
mod party;
mod report;
mod syntax;
mod table;
mod url;
mod value;

use mandate::PolicyDigest;
use toml::de::DeTable;

pub use fault::{Fault, FaultKind, Faults, Once};
pub use url::{URL_BYTES_MAX, UrlError};

use crate::rules::Rules;
use report::{Read, Report, Reported};
use table::{Item, Table};

/// The most each of `[limits]` may be.
pub const LIMIT_MAX: u32 = 1_000_000;

/// The most tables or elements one list may have.
pub const WALLET_TOML_ITEMS_MAX: usize = 10_000;

/// The tables of the file.
const TABLES: &[&str] =
    &["principal", "key", "mandates", "limits", "agent", "merchant", "cap", "approval"];

/// The users of a system, by name.
pub trait Users {
    /// The uid of the user of that name, if there is one.
    fn uid(&self, name: &str) -> Option<u32>;
}

impl Rules {
    /// Reads the text of a `wallet.toml`.
    ///
    /// # Errors
    ///
    /// [`Faults`] with everything that is wrong with it.
    pub fn parse(text: &str, users: &impl Users) -> Result<Self, Faults> {
        let mut report = Report::new(text);
        let digest = PolicyDigest::of(text.as_bytes());
        let (root, errors) = DeTable::parse_recoverable(text);
        let rules = if errors.is_empty() {
            rules(root.get_ref(), digest, users, &mut report)
        } else {
            judge_broken(text, root.get_ref(), &errors, &mut report, |root, report| {
                rules(root, digest, users, report)
            })
        };
        let faults = report.into_faults();
        // Rules are only ever left unread after a fault was noted.
        rules.ok().filter(|_| faults.is_empty()).ok_or(Faults { faults })
    }
}

/// Finds what is wrong with a text that is no TOML, in the parts that can be read.
fn judge_broken<T>(
    text: &str,
    root: &DeTable<'_>,
    errors: &[toml::de::Error],
    report: &mut Report<'_>,
    read: impl FnOnce(&DeTable<'_>, &mut Report<'_>) -> Read<T>,
) -> Read<T> {
    let lines = syntax::first_of_each_line(errors, report);
    let read = if let Some(kept) = syntax::without_broken_lines(text, errors, report) {
        let (root, _) = DeTable::parse_recoverable(&kept);
        report.expect_broken_lines(&lines);
        let read = read(root.get_ref(), report);
        report.add_slips(lines);
        read
    } else {
        let read = read(root, report);
        report.keep_what_is_sure(&lines.iter().map(|slip| report.line(slip.at)).collect());
        report.add_slips(syntax::slips(text, errors, report));
        read
    };
    read.and(Err(Reported))
}

fn rules(
    root: &DeTable<'_>,
    digest: PolicyDigest,
    users: &impl Users,
    report: &mut Report<'_>,
) -> Read<Rules> {
    let mut root = Table::root(root, TABLES, report);
    let head = head::read(&mut root, report);
    let timezone = head.timezone.as_ref().map_err(|reported| *reported);
    let (agents, agent_names) = party::agents(&root, users, timezone, report);
    let (merchants, names) = party::merchants(&root, agent_names, timezone, report);
    let caps = cap::caps(&root, &names, timezone, report);
    let approvals = cap::approvals(&root, &names, report);
    Ok(Rules {
        digest,
        principal: head.principal?,
        timezone: head.timezone?,
        key: head.key?,
        intent_ttl_s: head.intent_ttl_s?,
        payment_ttl_s: head.payment_ttl_s?,
        limits: head.limits?,
        agents: agents?,
        merchants: merchants?,
        caps: caps?,
        approvals: approvals?,
    })
}

/// The tables of a list such as `[[cap]]`; none if it is left out.
fn tables<'a>(
    root: &Table<'a>,
    key: &str,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Read<Vec<Item<'a>>> {
    let tables = root.optional(key, report, |item, report| item.elements(report, expected))?;
    Ok(tables.unwrap_or_default())
}
