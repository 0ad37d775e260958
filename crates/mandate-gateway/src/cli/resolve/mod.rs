//! `mandate-gateway resolve`: the uses of which it is not known what became, and the operator's word on one.

mod settle;

use clap::Args;
use mandate::text::{Order, VoidReason};
use mandate::token::{Receipt, UnverifiedMandate};
use mandate::{Money, Status, UnixSeconds};
use mandate_terminal::failure::{Failure, chain};
use mandate_terminal::time::local;
use mandate_terminal::ui::{Align, Table, Ui};
use serde::Serialize;

use super::context::Context;
use super::journal::Journal;
use super::record::{Presented, Said};
use crate::book::UseKey;
use crate::door::{Resolve, ResolveOutcome, Waiting};

const HELP: &str = "\
A use waits when the API gave no answer that says whether it acted. The agent that presents the same mandate again may
settle it; where no agent does, look into the API's own records and say what they say:

  --executed  the API did it: you keep the money
  --void      the API did not do it and never will: the buyer gets the money back. Never say so of something the API
              did, or you give it away; what is said once stays.

Works while the gateway runs, and with the key while it is stopped.

Examples:
  mandate-gateway resolve
  mandate-gateway resolve H --executed --order LUX-1042
  mandate-gateway resolve H --void --reason \"the hotel was full\" --yes";

/// Options of `mandate-gateway resolve`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// What the use is known by: H(payment), or H(intent) of a free action; without it, those that wait are listed
    #[arg(value_name = "H")]
    hash: Option<UseKey>,
    /// The API did it
    #[arg(long, requires = "hash", conflicts_with = "void")]
    executed: bool,
    /// Your reference of it, for the receipt
    #[arg(long, value_name = "REF", requires = "executed", conflicts_with = "void")]
    order: Option<Order>,
    /// The API did not do it and never will
    #[arg(long, requires = "hash")]
    void: bool,
    /// Why not, for the receipt
    #[arg(long, value_name = "TEXT", requires = "void", conflicts_with = "executed")]
    reason: Option<VoidReason>,
    /// Do not ask
    #[arg(long, requires = "hash")]
    yes: bool,
}

/// One use that waits, for programs.
#[derive(Serialize)]
struct Row {
    hash: String,
    seq: u64,
    since: UnixSeconds,
    #[serde(flatten)]
    about: Option<About>,
}

#[derive(Serialize)]
struct About {
    principal: String,
    agent: String,
    action: String,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
}

/// What was settled, for programs.
#[derive(Serialize)]
struct Answer {
    hash: String,
    status: Status,
    /// Whether it was settled before, so that this command changed nothing.
    before: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<VoidReason>,
    receipt: String,
}

/// Lists, or settles one.
pub(crate) fn run(arguments: Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let Arguments { hash, executed, order, void, reason, yes } = arguments;
    let Some(hash) = hash else { return list(context) };
    let outcome = match (executed, void) {
        (true, _) => ResolveOutcome::Executed,
        (_, true) => ResolveOutcome::Void,
        _ => {
            let problem = "say what became of it: --executed, or --void (see --help)";
            return Err(Failure::Usage(problem.to_owned()));
        }
    };
    // Closed again before anything is settled: a book that is held cannot be written.
    let waiting = Journal::open(&context.places)?.waiting()?;
    let hash = hash.to_string();
    let found = waiting.into_iter().find(|waiting| waiting.hash == hash).map(Row::from);
    if let Some(row) = &found
        && !yes
        && !is_meant(row, outcome, context)?
    {
        return Err(Failure::Check("nothing was changed".to_owned()));
    }
    let asked = Resolve { hash, outcome, order, reason };
    let receipt = settle::settle(asked.clone(), context)?;
    tell(&asked, receipt, found.is_some(), context)
}

impl From<Waiting> for Row {
    fn from(waiting: Waiting) -> Self {
        let Waiting { seq, hash, since, mandate } = waiting;
        let about = Presented::read(&mandate).map(|mandate| {
            let Said { principal, agent, sku, quantity, total, .. } = mandate.said();
            About {
                principal: principal.to_string(),
                agent: agent.to_string(),
                action: sku.to_string(),
                quantity,
                total,
            }
        });
        Self { hash, seq, since, about }
    }
}

impl About {
    fn total(&self) -> String {
        self.total.map_or_else(|| "free".to_owned(), |total| total.to_string())
    }
}

fn list(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let waiting = Journal::open(&context.places)?.waiting()?;
    let rows: Vec<Row> = waiting.into_iter().map(Row::from).collect();
    context.ui.answer(&rows, |ui| show(&rows, ui))
}

fn show(rows: &[Row], ui: &mut Ui<'_>) -> Result<(), Failure> {
    if rows.is_empty() {
        return ui.line("no use waits: of each it is known what became");
    }
    let mut table = Table::new([
        ("hash", Align::Left),
        ("since", Align::Left),
        ("action", Align::Left),
        ("total", Align::Right),
        ("principal", Align::Left),
        ("agent", Align::Left),
    ]);
    for Row { hash, since, about, .. } in rows {
        let (action, total, principal, agent) = match about {
            Some(about) => (
                format!("{} x {}", about.quantity, about.action),
                about.total(),
                about.principal.clone(),
                about.agent.clone(),
            ),
            None => ("does not read".to_owned(), String::new(), String::new(), String::new()),
        };
        table.row([hash.clone(), local(*since), action, total, principal, agent]);
    }
    ui.table(&table)
}

/// Shows what it is about and what the word means, and asks.
fn is_meant(
    row: &Row,
    outcome: ResolveOutcome,
    context: &mut Context<'_, '_>,
) -> Result<bool, Failure> {
    let mut pairs = vec![("use", row.hash.clone()), ("since", local(row.since))];
    if let Some(about) = &row.about {
        pairs.push(("action", format!("{} x {}", about.quantity, about.action)));
        pairs.push(("total", about.total()));
        pairs.push(("principal", about.principal.clone()));
        pairs.push(("agent", about.agent.clone()));
    }
    if context.input_is_terminal {
        context.ui.note_table(&Table::pairs(pairs))?;
    }
    context.is_confirmed(match outcome {
        ResolveOutcome::Executed => {
            "Executed: the API did it, and you keep the money. What is said once stays. Is that so?"
        }
        ResolveOutcome::Void => {
            "Void: the API did not do it and never will, and the buyer gets the money back. What is said once stays. Is that so?"
        }
    })
}

/// What stands now; a word against what was said before is a failed check.
fn tell(
    asked: &Resolve,
    receipt: String,
    was_waiting: bool,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let read = UnverifiedMandate::<Receipt>::parse(&receipt)
        .map_err(|error| Failure::Check(format!("the receipt does not read: {}", chain(&error))))?;
    let claims = read.claims();
    let status = claims.status;
    let agrees = match asked.outcome {
        ResolveOutcome::Executed => status == Status::Executed,
        ResolveOutcome::Void => status == Status::Void,
    };
    let answer = Answer {
        hash: asked.hash.clone(),
        status,
        before: !was_waiting || !agrees,
        total: claims.total,
        order: claims.order.clone(),
        reason: claims.reason.clone(),
        receipt,
    };
    context.ui.answer(&answer, |ui| show_settled(&answer, ui))?;
    if agrees { Ok(()) } else { Err(Failure::Said) }
}

fn show_settled(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { hash, status, before, total, order, reason, receipt: _ } = answer;
    ui.line(if *before {
        format!("it was settled before, as {status}; nothing was changed")
    } else {
        format!("settled: {status}")
    })?;
    let rows = [
        ("use", Some(hash.clone())),
        ("cost", total.map(|total| total.to_string())),
        ("order", order.as_ref().map(ToString::to_string)),
        ("reason", reason.as_ref().map(|reason| format!("\"{reason}\""))),
    ];
    let rows = rows.into_iter().filter_map(|(label, value)| Some((label, value?)));
    ui.table(&Table::pairs(rows))?;
    ui.line("whoever asks for this hash gets the receipt")
}
