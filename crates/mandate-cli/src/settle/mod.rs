//! `mandate settle`: asks merchants what became of payments that nobody handed a receipt in for.
//!
//! A merchant answers with the receipt it signed, or, once the payment can buy nothing any more, with a void for it. The
//! wallet judges either by the merchant's signature; nothing is settled or given back by the word of this command.

mod ask;

use std::collections::BTreeMap;

use clap::Args;
use mandate::{MerchantId, Money};
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, bad_config, chain};
use crate::fetch::Fetcher;
use crate::holds::{self, Hold};
use crate::ui::Ui;
use crate::wallet::Control;
use ask::{Asked, Desk};

const HELP: &str = "\
Each merchant is asked at the url of its [[merchant]] block in wallet.toml. A payment that was used settles by its
receipt. One that was not used, and whose time is over, is given back by a void that the merchant signs; until about
30 seconds after that time it may say that it still waits. Works while the wallet is frozen.

Exit code 0 if every hold got an answer, also one that leaves it open; 1 if a merchant could not be asked, or gave no
good receipt.";

/// Options of `mandate settle`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Only the holds at this merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
}

/// What became of a hold.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    /// The merchant says to wait.
    Open {
        /// For what.
        why: String,
    },
    /// A void gave its amount back.
    Released {
        /// Why the merchant did not execute it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// It was executed.
    Settled {
        /// The merchant's reference.
        #[serde(skip_serializing_if = "Option::is_none")]
        order: Option<String>,
    },
    /// The merchant could not be asked, or what it gave is no good receipt: the hold stays open.
    Unanswered {
        /// Why, and the way out.
        why: String,
    },
}

#[derive(Serialize)]
struct Answer {
    #[serde(flatten)]
    hold: Hold,
    #[serde(flatten)]
    outcome: Outcome,
}

/// Asks about every open hold, one after another.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let control = Control::connect(&context.places)?;
    let rules = mandated::load(context.places.config()).map_err(|error| bad_config(&error))?.rules;
    let mut holds = holds::all(&control)?;
    if let Some(merchant) = &arguments.merchant {
        holds.retain(|hold| hold.merchant == merchant.as_str());
    }
    let fetcher = Fetcher::new()
        .map_err(|error| Failure::Check(format!("the system gives no event loop: {error}")))?;
    let mut desk = Desk { control: &control, fetcher, now: context.now };
    // A merchant that does not answer is not waited for again.
    let mut silent: BTreeMap<String, String> = BTreeMap::new();
    let mut answers = Vec::new();
    for hold in holds {
        let outcome = match (silent.get(&hold.merchant), address(&hold.merchant, &rules)) {
            (Some(why), _) => Outcome::Unanswered { why: why.clone() },
            (None, Err(why)) => Outcome::Unanswered { why },
            (None, Ok(url)) => match desk.ask(&hold, &url)? {
                Asked::Answered(outcome) => outcome,
                Asked::Silent(error) => {
                    let why = format!("{url} {}", chain(&error));
                    silent.insert(hold.merchant.clone(), why.clone());
                    Outcome::Unanswered { why }
                }
            },
        };
        let answer = Answer { hold, outcome };
        if !context.ui.is_json() {
            show(&answer, context.ui)?;
        }
        answers.push(answer);
    }
    context.ui.answer(&answers, |ui| match (answers.as_slice(), &arguments.merchant) {
        ([], Some(merchant)) => ui.line(format_args!("nothing is held at {merchant}")),
        ([], None) => ui.line("nothing is held"),
        _ => Ok(()),
    })?;
    let is_unanswered = |answer: &Answer| matches!(answer.outcome, Outcome::Unanswered { .. });
    if answers.iter().any(is_unanswered) { Err(Failure::Said) } else { Ok(()) }
}

/// Where a merchant is asked, or why it cannot be.
fn address(merchant: &str, rules: &mandate_policy::Rules) -> Result<String, String> {
    let listed = rules.merchants().find(|listed| listed.id.as_str() == merchant);
    let hint = "or have its agent hand the receipt in with `mandate receipt`";
    match listed.map(|listed| listed.url.as_deref()) {
        None => Err(format!(
            "wallet.toml does not list {merchant} any more; list it again, with its url, {hint}"
        )),
        Some(None) => Err(format!(
            "wallet.toml does not say where {merchant} is; add url = \"https://…\" to its [[merchant]] block, {hint}"
        )),
        Some(Some(url)) => Ok(url.trim_end_matches('/').to_owned()),
    }
}

/// One line for a person.
fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { hold, outcome } = answer;
    let total = hold.total.as_ref().map(Money::to_string).unwrap_or_default();
    let what = format!("{} {total} at {} for {}", hold.jti, hold.merchant, hold.action);
    let became = match outcome {
        Outcome::Open { why } => format!("still open: {why}"),
        Outcome::Released { reason: Some(reason) } => format!("released: void, {reason:?}"),
        Outcome::Released { reason: None } => "released: void".to_owned(),
        Outcome::Settled { order: Some(order) } => format!("settled: executed, order {order}"),
        Outcome::Settled { order: None } => "settled: executed".to_owned(),
        Outcome::Unanswered { why } => format!("still open, no answer: {why}"),
    };
    ui.line(format_args!("{what}: {became}"))
}
