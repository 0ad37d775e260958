//! `mandate approvals`, `mandate approve` and `mandate deny`: the principal's yes or no to one cart.

use clap::Args;
use mandate::token::{Cart, UnverifiedMandate};
use mandate::{CartHash, Money, UnixSeconds};
use mandate_proto::v1;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::time::local;
use crate::ui::{Align, Table};
use crate::wallet::{Control, WALLET};
use crate::wire::{optional_money, time};

/// Options of `mandate approve`.
#[derive(Debug, Args)]
#[command(
    after_help = "A yes is about this cart, its agent and the time until it runs out; every cap still holds."
)]
pub(crate) struct ApproveArguments {
    /// The request, as `mandate approvals` names it
    id: u64,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Options of `mandate deny`.
#[derive(Debug, Args)]
pub(crate) struct DenyArguments {
    /// The request, as `mandate approvals` names it
    id: u64,
}

/// One cart that waits.
#[derive(Debug, Serialize)]
struct Approval {
    /// The request's entry: its name.
    id: u64,
    /// H(cart).
    cart: CartHash,
    /// Who asked.
    agent: String,
    /// Whom it pays.
    merchant: String,
    /// For what.
    action: String,
    /// What the merchant sells, line by line.
    line_items: Vec<Line>,
    /// How much.
    total: Option<Money>,
    /// When the cart runs out, and a yes with it.
    expires_at: Option<UnixSeconds>,
}

/// One line of a cart.
#[derive(Debug, Serialize)]
struct Line {
    /// The merchant's words.
    title: String,
    quantity: u64,
    amount: Money,
}

#[derive(Serialize)]
struct Answered {
    id: u64,
    answer: &'static str,
}

/// Lists what waits for a yes.
pub(crate) fn list(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let approvals = all(&Control::connect(&context.places)?)?;
    context.ui.answer(&approvals, |ui| {
        if approvals.is_empty() {
            return ui.line("nothing waits for your yes");
        }
        ui.table(&table(&approvals))?;
        ui.line("")?;
        ui.line("say yes with `mandate approve ID`, no with `mandate deny ID`")
    })
}

/// Says yes to one, after a look at it.
pub(crate) fn approve(
    arguments: &ApproveArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let ApproveArguments { id, yes } = *arguments;
    let control = Control::connect(&context.places)?;
    if !yes {
        let approval = all(&control)?.into_iter().find(|approval| approval.id == id);
        let Some(approval) = approval else {
            let problem =
                format!("{id} does not wait for a yes; `mandate approvals` lists what does");
            return Err(Failure::Check(problem));
        };
        for line in &approval.line_items {
            let Line { title, quantity, amount } = line;
            context.ui.note(format_args!("  {quantity} x {title}: {amount}"))?;
        }
        if !context.is_confirmed(&question(&approval))? {
            return Err(Failure::Check("nothing was approved".to_owned()));
        }
    }
    answer(&control, context, id, true)
}

/// Says no to one.
pub(crate) fn deny(
    arguments: &DenyArguments,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let control = Control::connect(&context.places)?;
    answer(&control, context, arguments.id, false)
}

fn answer(
    control: &Control,
    context: &mut Context<'_, '_>,
    id: u64,
    approve: bool,
) -> Result<(), Failure> {
    let ask = v1::DecideApprovalRequest { seq: id, approve };
    control.decide(ask).map_err(|failure| unanswered(failure, context.ui.is_json()))?;
    // "denied" is how a failure begins, so a no that was given has another word.
    let (answer, word) = if approve { ("approved", "approved") } else { ("denied", "refused") };
    context
        .ui
        .answer(&Answered { id, answer }, |ui| ui.line(format_args!("the cart of {id} is {word}")))
}

/// Why there is no answer, for a person: about the ID that was typed, and not in the words of a denial.
fn unanswered(failure: Failure, for_a_program: bool) -> Failure {
    match failure {
        Failure::Denied(denial) if denial.reason == "FIELD_INVALID" && !for_a_program => {
            let problem = denial.message.strip_prefix("seq: ").unwrap_or(&denial.message);
            Failure::Check(problem.to_owned())
        }
        failure => failure,
    }
}

fn question(approval: &Approval) -> String {
    let Approval { agent, merchant, action, total, expires_at, .. } = approval;
    let total = total.map(|total| total.to_string()).unwrap_or_default();
    let until = expires_at.map(local).unwrap_or_default();
    format!("Let agent {agent} pay {merchant} {total} for {action}, until {until}?")
}

/// All of them, page by page.
fn all(control: &Control) -> Result<Vec<Approval>, Failure> {
    let mut approvals: Vec<Approval> = Vec::new();
    loop {
        let after = approvals.last().map_or(0, |approval| approval.id);
        let page = control.approvals(after)?;
        for approval in page.approvals {
            approvals.push(read(approval)?);
        }
        // A wallet that says "more" and sends nothing new would be asked for ever.
        if !page.more || approvals.last().is_none_or(|approval| approval.id <= after) {
            return Ok(approvals);
        }
    }
}

fn read(wire: v1::Approval) -> Result<Approval, Failure> {
    let v1::Approval { seq, cart, agent, merchant_id, action_sku, total, expires_at } = wire;
    let cart = UnverifiedMandate::<Cart>::parse(&cart).map_err(|error| Failure::Remote {
        peer: WALLET,
        problem: format!("the cart of {seq} cannot be read ({})", chain(&error)),
    })?;
    let currency = cart.claims().total.currency;
    let lines = cart.claims().line_items.iter().map(|line| Line {
        title: line.title.to_string(),
        quantity: line.quantity.get().into(),
        amount: Money { currency, amount: line.amount },
    });
    Ok(Approval {
        id: seq,
        cart: cart.hash(),
        agent,
        merchant: merchant_id,
        action: action_sku,
        line_items: lines.collect(),
        total: optional_money(total.as_ref())?,
        expires_at: time(expires_at)?,
    })
}

fn table(approvals: &[Approval]) -> Table {
    let mut table = Table::new([
        ("id", Align::Right),
        ("agent", Align::Left),
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("what it is", Align::Left),
        ("total", Align::Right),
        ("until", Align::Left),
    ]);
    for approval in approvals {
        let titles: Vec<&str> =
            approval.line_items.iter().map(|line| line.title.as_str()).collect();
        table.row([
            approval.id.to_string(),
            approval.agent.clone(),
            approval.merchant.clone(),
            approval.action.clone(),
            titles.join(", "),
            approval.total.map(|total| total.to_string()).unwrap_or_default(),
            approval.expires_at.map(local).unwrap_or_default(),
        ]);
    }
    table
}
