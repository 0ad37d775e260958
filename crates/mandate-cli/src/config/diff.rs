//! `mandate config diff`: a new wallet.toml against the past.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use mandate::{Jti, Money, UnixSeconds};
use mandate_ledger::{Event, Refused, Replay};
use mandate_policy::{Reason, Rules};
use mandate_terminal::record::Entries as _;
use serde::Serialize;

use super::caps::{Change, changes};
use super::problem_of_candidate;
use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::journal::Journal;
use crate::time::local;
use crate::ui::{Align, Table, Ui, counted};

const HELP: &str = "\
Every payment of the journal is judged again, in order, under the new file; one that it refuses does not count
against later ones. Nothing is changed. Exit code 1 if it refuses any.

Example:
  cp ~/.config/mandate/wallet.toml new.toml; $EDITOR new.toml; mandate config diff new.toml";

/// Options of `mandate config diff`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    caps: Vec<Change>,
    payments: u64,
    refused: Vec<Payment>,
}

/// A past payment that the new file refuses.
#[derive(Serialize)]
struct Payment {
    seq: u64,
    jti: Jti,
    time: UnixSeconds,
    agent: String,
    merchant: String,
    action: String,
    total: Money,
    reason: Reason,
    message: String,
}

/// Compares, replays and shows.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let new = mandated::load_candidate(&arguments.file)
        .map_err(|error| Failure::Config(problem_of_candidate(&error)))?;
    let caps = match mandated::load(context.places.config()) {
        Ok(current) => changes(current.rules.caps(), new.caps()),
        Err(error) => {
            let problem = chain(&error);
            context.ui.notes(&format!("the caps are not compared: {problem}"))?;
            Vec::new()
        }
    };
    let journal = Journal::open(&context.places)?;
    let (payments, refused) = replay(&journal, new)?;
    let answer = Answer { caps, payments, refused };
    context.ui.answer(&answer, |ui| show(&answer, ui))?;
    if answer.refused.is_empty() { Ok(()) } else { Err(Failure::Said) }
}

/// How many payments there were, and those that the rules refuse.
fn replay(journal: &Journal, rules: Rules) -> Result<(u64, Vec<Payment>), Failure> {
    let stuck = |error| Failure::Check(format!("the past cannot be replayed: {}", chain(&error)));
    let mut replay = Replay::new(Arc::new(rules)).map_err(stuck)?;
    let (mut payments, mut refused) = (0_u64, Vec::new());
    journal.forward(0, |record| {
        if matches!(record.event(), Some(Event::Payment(_))) {
            payments = payments.saturating_add(1);
        }
        let step = replay.step(record.body().get().as_bytes()).map_err(stuck)?;
        refused.extend(step.map(Payment::of));
        Ok(())
    })?;
    Ok((payments, refused))
}

impl Payment {
    fn of(refused: Refused) -> Self {
        let Refused { seq, jti, charge, denial } = refused;
        Self {
            seq,
            jti,
            time: charge.at,
            agent: charge.agent.into(),
            merchant: charge.merchant.into(),
            action: charge.action.into(),
            total: Money { currency: charge.currency, amount: charge.amount },
            reason: denial.reason(),
            message: denial.to_string(),
        }
    }
}

fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { caps, payments, refused } = answer;
    if caps.is_empty() {
        ui.line("no cap changes")?;
    }
    caps.iter().try_for_each(|change| ui.line(change.line()))?;
    ui.line("")?;
    let past = counted(*payments, "past payment", "past payments");
    if refused.is_empty() {
        return ui.line(format_args!("of {past} the new file refuses none"));
    }
    ui.line(format_args!("of {past} the new file refuses {}:", refused.len()))?;
    let mut table = Table::new([
        ("seq", Align::Right),
        ("minted", Align::Left),
        ("agent", Align::Left),
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("total", Align::Right),
        ("why", Align::Left),
    ]);
    for payment in refused {
        table.row([
            payment.seq.to_string(),
            local(payment.time),
            payment.agent.clone(),
            payment.merchant.clone(),
            payment.action.clone(),
            payment.total.to_string(),
            format!("{}: {}", payment.reason, payment.message),
        ]);
    }
    ui.table(&table)
}
