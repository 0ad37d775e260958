//! `mandate budget`: what is left under every cap.

use clap::Args;
use mandate::{Currency, MerchantId, Sku};

use crate::caps::{self, CapLeft, Filter};
use crate::context::Context;
use crate::failure::Failure;
use crate::wallet::Control;

/// Options of `mandate budget`.
#[derive(Debug, Args)]
#[command(after_help = "Payments that are not settled count as spent.")]
pub(crate) struct Arguments {
    /// Only caps that count this merchant
    #[arg(long, value_name = "ID")]
    merchant: Option<MerchantId>,
    /// Only caps that count this action
    #[arg(long, value_name = "SKU")]
    action: Option<Sku>,
    /// Only caps that count this currency
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
}

/// Shows every cap that fits.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let Arguments { merchant, action, currency } = arguments;
    let filter = Filter { merchant: merchant.clone(), action: action.clone(), currency: *currency };
    let told = Control::connect(&context.places)?.caps()?;
    let mut caps: Vec<CapLeft> =
        told.caps.into_iter().map(CapLeft::read).collect::<Result<_, _>>()?;
    caps.retain(|cap| cap.applies(&filter));
    context.ui.answer(&caps, |ui| {
        if caps.is_empty() { ui.line(nothing(arguments)) } else { ui.table(&caps::table(&caps)) }
    })
}

/// What it means that no cap counts what was asked about, and the way out.
fn nothing(arguments: &Arguments) -> String {
    let Arguments { merchant, action, currency } = arguments;
    let merchant = merchant.as_ref().map(|id| format!("merchant {id}"));
    let action = action.as_ref().map(|sku| format!("action {sku}"));
    let currency = currency.map(|currency| currency.to_string());
    let asked: Vec<String> = merchant.into_iter().chain(action).chain(currency).collect();
    let what = if asked.is_empty() {
        "there is no cap: nothing can be spent".to_owned()
    } else {
        format!("no cap counts {}: nothing can be spent on that", asked.join(", "))
    };
    format!("{what}; to allow it, add a [[cap]] to wallet.toml")
}
