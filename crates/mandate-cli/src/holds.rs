//! `mandate holds`: payments that are minted and not yet settled.

use mandate::{Money, UnixSeconds};
use mandate_proto::v1;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::time::local;
use crate::ui::{Align, Table};
use crate::wallet::Control;
use crate::wire::{non_empty, optional_money, time};

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) struct Hold {
    /// The entry that made it.
    pub(crate) seq: u64,
    /// The payment's id.
    pub(crate) jti: String,
    /// Who paid.
    pub(crate) agent: String,
    /// Whom.
    pub(crate) merchant: String,
    /// For what.
    pub(crate) action: String,
    /// How much.
    pub(crate) total: Option<Money>,
    /// When it was minted.
    pub(crate) minted_at: Option<UnixSeconds>,
    /// The payment's `exp`.
    pub(crate) expires_at: Option<UnixSeconds>,
    /// H(payment); none before it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment: Option<String>,
}

/// Asks for all of them and shows them.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let holds = all(&Control::connect(&context.places)?)?;
    context.ui.answer(&holds, |ui| {
        if holds.is_empty() { ui.line("nothing is held") } else { ui.table(&table(&holds)) }
    })
}

/// All of them, page by page.
pub(crate) fn all(control: &Control) -> Result<Vec<Hold>, Failure> {
    let mut holds: Vec<Hold> = Vec::new();
    loop {
        let after = holds.last().map_or(0, |hold| hold.seq);
        let page = control.holds(after)?;
        for hold in page.holds {
            holds.push(read(hold)?);
        }
        // A wallet that says "more" and sends nothing new would be asked for ever.
        if !page.more || holds.last().is_none_or(|hold| hold.seq <= after) {
            return Ok(holds);
        }
    }
}

fn read(wire: v1::Hold) -> Result<Hold, Failure> {
    let v1::Hold {
        seq,
        jti,
        agent,
        merchant_id,
        action_sku,
        total,
        minted_at,
        expires_at,
        payment_hash,
    } = wire;
    Ok(Hold {
        seq,
        jti,
        agent,
        merchant: merchant_id,
        action: action_sku,
        total: optional_money(total.as_ref())?,
        minted_at: time(minted_at)?,
        expires_at: time(expires_at)?,
        payment: non_empty(payment_hash),
    })
}

fn table(holds: &[Hold]) -> Table {
    let mut table = Table::new([
        ("seq", Align::Right),
        ("minted", Align::Left),
        ("agent", Align::Left),
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("total", Align::Right),
        ("could be used until", Align::Left),
        ("jti", Align::Left),
    ]);
    for hold in holds {
        table.row([
            hold.seq.to_string(),
            hold.minted_at.map(local).unwrap_or_default(),
            hold.agent.clone(),
            hold.merchant.clone(),
            hold.action.clone(),
            hold.total.map(|total| total.to_string()).unwrap_or_default(),
            hold.expires_at.map(local).unwrap_or_default(),
            hold.jti.clone(),
        ]);
    }
    table
}
