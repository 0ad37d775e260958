//! `mandate explain`: what the wallet would answer, and why.

use clap::Args;
use mandate::{AgentName, MerchantId, Money, Sku};
use mandate_proto::v1;
use serde::Serialize;

use crate::caps::{self, CapLeft, Filter};
use crate::context::Context;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::wallet::Control;
use crate::wire::money_out;

const EXAMPLE: &str = "\
Example:
  mandate explain --merchant lux-hotels --action book_room --amount \"180.00 EUR\"";

/// The reason that an agent gets whom nobody listed.
const AGENT_UNKNOWN: &str = "AGENT_UNKNOWN";

/// Options of `mandate explain`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// Who would be paid
    #[arg(long, value_name = "ID")]
    merchant: MerchantId,
    /// What would be bought
    #[arg(long, value_name = "SKU")]
    action: Sku,
    /// What it would cost; without it, whether an intent would be minted
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<Money>,
    /// Who would ask; not needed where wallet.toml lists one agent
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
}

#[derive(Serialize)]
struct Answer {
    allowed: bool,
    free: bool,
    violations: Vec<Violation>,
    caps: Vec<CapLeft>,
}

#[derive(Serialize)]
struct Violation {
    reason: String,
    message: String,
}

impl Violation {
    /// Reads what stands against a request; the wallet speaks to the agent itself, and here its principal asks.
    fn read(wire: v1::Violation, agent: Option<&AgentName>) -> Self {
        let v1::Violation { reason, message } = wire;
        let message = match agent {
            Some(agent) if reason == AGENT_UNKNOWN => {
                format!("wallet.toml lists no agent {agent}")
            }
            _ => message,
        };
        Self { reason, message }
    }
}

/// Asks and shows; a no is exit code 1.
pub(crate) fn run(arguments: Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let Arguments { merchant, action, amount, agent } = arguments;
    let asked = agent.clone();
    let control = Control::connect(&context.places)?;
    let told = control.explain(v1::ExplainRequest {
        agent: agent.map(String::from).unwrap_or_default(),
        merchant_id: merchant.to_string(),
        action_sku: action.to_string(),
        amount: amount.map(money_out),
    })?;
    let v1::ExplainResponse { allowed, violations, caps, free } = told;
    let mut caps: Vec<CapLeft> = caps.into_iter().map(CapLeft::read).collect::<Result<_, _>>()?;
    // What would not be counted says nothing about the answer.
    let currency = amount.map(|amount| amount.currency);
    let filter = Filter { currency, ..Filter::default() };
    caps.retain(|cap| !free && cap.applies(&filter));
    let answer = Answer {
        allowed,
        free,
        violations: violations.into_iter().map(|v| Violation::read(v, asked.as_ref())).collect(),
        caps,
    };
    let what = match (free, amount) {
        (true, _) => format!("{action} at {merchant} is free: an intent is enough"),
        (false, Some(amount)) => {
            format!("the wallet would pay {amount} to {merchant} for {action}")
        }
        (false, None) => format!("the wallet would mint an intent for {action} at {merchant}"),
    };
    context.ui.answer(&answer, |ui| show(&answer, &what, ui))?;
    if allowed { Ok(()) } else { Err(Failure::Said) }
}

fn show(answer: &Answer, what: &str, ui: &mut Ui<'_>) -> Result<(), Failure> {
    if answer.allowed {
        ui.line(format_args!("allowed: {what}"))?;
    }
    for (index, Violation { reason, message }) in answer.violations.iter().enumerate() {
        let verdict = if index == 0 { "denied" } else { "   and" };
        ui.line(format_args!("{verdict}: {reason}: {message}"))?;
    }
    if answer.caps.is_empty() {
        return Ok(());
    }
    ui.line("")?;
    ui.table(&caps::table(&answer.caps))
}
