//! `mandate statement`: one month of the wallet, for a person who wants to know where the money went.
//!
//! Everything in it comes from the journal's entries, read once from the first to the last and hashed on the way, and
//! from the caps of wallet.toml. Each amount is counted as the ledger counts it; nothing is written but the page.

mod approvals;
mod calendar;
mod denials;
mod events;
mod file;
mod html;
mod proofs;
mod purchases;
mod read;
mod spending;
mod tell;
#[cfg(test)]
mod tests;
mod usage;

use std::path::{Path, PathBuf};

use clap::Args;
use mandate::{Head, PolicyDigest, PrincipalId, UnixSeconds};
use mandate_journal::ChainError;
use serde::Serialize;

use self::approvals::ApprovalLine;
use self::calendar::{Month, Period};
use self::denials::Denials;
use self::events::EventLine;
use self::proofs::FromJournal;
use self::purchases::Purchase;
use self::spending::{FreeLine, SpendingLine, Total};
use self::usage::CapUsage;
use crate::context::Context;
use crate::failure::{Failure, bad_config, chain};
use crate::journal::Journal;

const HELP: &str = "\
A payment belongs to the month in which it was minted. What comes back later, by the merchant's void or because a
freeze or a lock stopped the signature, is given back in that same month; until then the payment is held and counts as
spent.
Months begin and end in the time zone of wallet.toml. Works while the wallet runs and while it is stopped.

Examples:
  mandate statement --month 2026-11
  mandate statement --month 2026-11 --html november.html";

/// Options of `mandate statement`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The month, as in 2026-11 [default: the current one]
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    /// Write it into this file as one page for a browser, with charts, that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// One month of a wallet.
#[derive(Debug, Serialize)]
pub(crate) struct Statement {
    principal: Whose,
    #[serde(flatten)]
    period: Period,
    /// When it was made.
    made_at: UnixSeconds,
    journal: Source,
    policy: Policy,
    totals: Vec<Total>,
    spending: Vec<SpendingLine>,
    free: Vec<FreeLine>,
    caps: Vec<CapUsage>,
    denials: Denials,
    approvals: Vec<ApprovalLine>,
    events: Vec<EventLine>,
    purchases: Vec<Purchase>,
}

/// Whose wallet it is.
#[derive(Debug, Serialize)]
struct Whose {
    /// As wallet.toml has it, for people.
    name: String,
    id: PrincipalId,
}

/// What the statement was made from.
#[derive(Debug, Serialize)]
struct Source {
    /// How many entries there are; all of them were read.
    #[serde(flatten)]
    head: Head,
    /// How many of them are of this month.
    of_the_month: u64,
}

/// The wallet.toml whose caps are shown.
#[derive(Debug, Serialize)]
struct Policy {
    digest: PolicyDigest,
    /// Whether it is the one that the wallet put in force last.
    in_force: bool,
}

/// The answer for programs where a page was written.
#[derive(Serialize)]
struct Written<'s> {
    html: &'s Path,
    #[serde(flatten)]
    statement: &'s Statement,
}

/// Reads the journal and tells of one month, or writes the page.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let Arguments { month, html } = arguments;
    let rules = mandated::load(context.places.config()).map_err(|error| bad_config(&error))?.rules;
    let period = Period::of(month.as_ref(), rules.timezone(), context.now)?;
    let journal = Journal::open(&context.places)?;
    let statement = read::statement(&journal, &rules, period, context.now)?;
    let Some(path) = html else {
        return context.ui.answer(&statement, |ui| tell::statement(&statement, ui));
    };
    let page = html::page(&statement, &mut FromJournal::new(&journal)?)?;
    file::write(path, &page)?;
    let written = Written { html: path, statement: &statement };
    context.ui.answer(&written, |ui| {
        let month = statement.period.title();
        ui.line(format_args!("the statement of {month} is in {}", path.display()))
    })
}

/// A journal whose entries do not follow from each other.
fn broken(error: &ChainError) -> Failure {
    let fault = chain(error);
    Failure::Check(format!("the journal is not whole: {fault}; run `mandate audit verify`"))
}
