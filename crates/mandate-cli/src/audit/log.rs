//! `mandate audit log`: entries, a line each.

use clap::Args;
use clap::builder::PossibleValuesParser;
use mandate::{AgentName, MerchantId, Sku};
use mandate_terminal::record::Entries as _;
use serde_json::value::RawValue;

use super::fact::{Fact, KINDS};
use crate::context::Context;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::record::Record;
use crate::time::{Since, local};
use crate::ui::{Align, Table};

/// Entries shown when nobody says how many.
const LIMIT_DEFAULT: usize = 50;

const HELP: &str = "\
With --json, an array of the entries as they are stored.

Examples:
  mandate audit log --since 24h --kind payment
  mandate audit log --merchant lux-hotels --limit 1000 --json";

/// Options of `mandate audit log`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Only entries about this merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
    /// Only entries about this action
    #[arg(long, value_name = "SKU")]
    action: Option<Sku>,
    /// Only entries of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
    /// Only entries of this kind
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(KINDS))]
    kind: Option<String>,
    /// Only entries since: 90s, 30m, 24h, 7d ago, a day as 2026-11-24, or a moment as 2026-11-24T10:00:00Z
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// At most the newest N of them
    #[arg(long, value_name = "N", default_value_t = LIMIT_DEFAULT, conflicts_with = "all")]
    limit: usize,
    /// All of them
    #[arg(long)]
    all: bool,
}

/// Finds the newest entries that fit and shows them, oldest first.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let journal = Journal::open(&context.places)?;
    let since = arguments.since.map(|since| since.from(context.now));
    let limit = if arguments.all { usize::MAX } else { arguments.limit };
    let records = journal.newest(limit, since, |record| fits(arguments, record))?;
    let bodies: Vec<&RawValue> = records.iter().map(Record::body).collect();
    context.ui.answer(&bodies, |ui| {
        if records.is_empty() { ui.line("no entry fits") } else { ui.table(&table(&records)) }
    })
}

fn fits(arguments: &Arguments, record: &Record) -> bool {
    let Arguments { merchant, action, agent, kind, since: _, limit: _, all: _ } = arguments;
    if kind.as_deref().is_some_and(|kind| kind != record.kind()) {
        return false;
    }
    if merchant.is_none() && action.is_none() && agent.is_none() {
        return true;
    }
    let is_it = |asked: Option<&str>, said: Option<&str>| asked.is_none() || asked == said;
    let fact = Fact::of(record);
    is_it(merchant.as_ref().map(MerchantId::as_str), fact.merchant.as_deref())
        && is_it(action.as_ref().map(Sku::as_str), fact.action.as_deref())
        && is_it(agent.as_ref().map(AgentName::as_str), fact.agent.as_deref())
}

fn table(records: &[Record]) -> Table {
    let mut table = Table::new([
        ("seq", Align::Right),
        ("time", Align::Left),
        ("kind", Align::Left),
        ("agent", Align::Left),
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("total", Align::Right),
        ("what", Align::Left),
    ]);
    for record in records {
        let Fact { agent, merchant, action, total, words } = Fact::of(record);
        table.row([
            record.seq().to_string(),
            local(record.time()),
            record.kind().to_owned(),
            agent.unwrap_or_default(),
            merchant.unwrap_or_default(),
            action.unwrap_or_default(),
            total.map(|total| total.to_string()).unwrap_or_default(),
            words,
        ]);
    }
    table
}
