//! `mandate-gateway audit log`: entries, a line each.

use clap::Args;
use clap::builder::PossibleValuesParser;
use mandate::{PrincipalId, Sku};
use mandate_terminal::failure::Failure;
use mandate_terminal::record::Entries as _;
use mandate_terminal::time::{Since, local};
use mandate_terminal::ui::{Align, Table};
use serde_json::value::RawValue;

use super::fact::{Fact, KINDS};
use crate::cli::context::Context;
use crate::cli::journal::Journal;
use crate::cli::record::Record;

/// Entries shown when nobody says how many.
const LIMIT_DEFAULT: usize = 50;

const HELP: &str = "\
With --json, an array of the entries as they are stored.

Examples:
  mandate-gateway audit log --since 24h --kind receipt
  mandate-gateway audit log --from 0 --limit 1000 --json";

/// Options of `mandate-gateway audit log`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Only entries about this principal
    #[arg(long, value_name = "ID")]
    principal: Option<PrincipalId>,
    /// Only entries about this action
    #[arg(long, value_name = "SKU")]
    action: Option<Sku>,
    /// Only entries of this kind
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS))]
    kind: Option<String>,
    /// Only entries since: 90s, 30m, 24h, 7d ago, a day as 2026-11-24, or a moment as 2026-11-24T10:00:00Z
    #[arg(long, value_name = "WHEN", conflicts_with = "from")]
    since: Option<Since>,
    /// From this entry on: the oldest that fit, instead of the newest
    #[arg(long, value_name = "N")]
    from: Option<u64>,
    /// At most this many of them
    #[arg(long, value_name = "N", default_value_t = LIMIT_DEFAULT, conflicts_with = "all")]
    limit: usize,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Finds the entries that fit and shows them, oldest first.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let journal = Journal::open(&context.places)?;
    let limit = if arguments.all { usize::MAX } else { arguments.limit };
    let fits = |record: &Record| fits(arguments, record);
    let records = if let Some(from) = arguments.from {
        journal.oldest(limit, from, fits)?
    } else {
        let since = arguments.since.map(|since| since.from(context.now));
        journal.newest(limit, since, fits)?
    };
    let bodies: Vec<&RawValue> = records.iter().map(Record::body).collect();
    context.ui.answer(&bodies, |ui| {
        if records.is_empty() { ui.line("no entry fits") } else { ui.table(&table(&records)) }
    })
}

fn fits(arguments: &Arguments, record: &Record) -> bool {
    let Arguments { principal, action, kind, since: _, from: _, limit: _, all: _ } = arguments;
    if kind.as_deref().is_some_and(|kind| kind != record.kind()) {
        return false;
    }
    if principal.is_none() && action.is_none() {
        return true;
    }
    let is_it = |asked: Option<&str>, said: Option<&str>| asked.is_none() || asked == said;
    let fact = Fact::of(record);
    is_it(principal.as_ref().map(PrincipalId::as_str), fact.principal.as_deref())
        && is_it(action.as_ref().map(Sku::as_str), fact.action.as_deref())
}

fn table(records: &[Record]) -> Table {
    let mut table = Table::new([
        ("seq", Align::Right),
        ("time", Align::Left),
        ("kind", Align::Left),
        ("agent", Align::Left),
        ("action", Align::Left),
        ("total", Align::Right),
        ("what", Align::Left),
        ("principal", Align::Left),
    ]);
    for record in records {
        let Fact { principal, agent, action, total, words } = Fact::of(record);
        table.row([
            record.seq().to_string(),
            local(record.time()),
            record.kind().to_owned(),
            agent.unwrap_or_default(),
            action.unwrap_or_default(),
            total.map(|total| total.to_string()).unwrap_or_default(),
            words,
            principal.unwrap_or_default(),
        ]);
    }
    table
}
