//! Both sides hand in what they have, and it agrees.

use std::fs;

use mandate_audit::Side;
use mandate_audit::reconcile::{Reconciliation, Tally};

use super::super::shopping::Booking;
use super::Dispute;
use super::verdict::{money, whose};
use crate::auditor::Auditor;
use crate::error::{DemoError, same};
use crate::handed::Handed;
use crate::screen::unbroken;
use crate::shop::Shop;
use crate::stage::Stage;

/// What was bought in the story so far.
const PURCHASES: u64 = 59;
/// What it cost.
const TOTAL: &str = "420.00 EUR";

/// Has every log exported, and held against the others; then one booking is proven.
pub(super) async fn handed_in(
    stage: &mut Stage<'_, '_, '_>,
    booking: &Booking,
) -> Result<Dispute, DemoError> {
    stage
        .scene(
            "A dispute: both sides hand in their logs",
            "Ada and the hotels no longer believe each other. Each hands in a folder, as `mandate audit export` and \
             `mandate-gateway audit export` write it: every entry, and the head signed. A third person, who was not \
             there and has the three public keys alone, holds them against each other: each token that one side keeps \
             says which entry of its signer's log it is.",
        )
        .await?;
    let home = stage.home;
    let desk = home.folder().join("desk");
    fs::create_dir(&desk).map_err(DemoError::io("make the folder", &desk))?;
    let ada = (format!("mandate/wallet/{}", home.principal()), home.key.public);
    let hotel = |shop: &Shop| (format!("mandate/gateway/{}", shop.id), shop.key.public);
    let auditor = Auditor::new([ada, hotel(&home.lux), hotel(&home.sea)], desk)?;
    let dirs = (home.paths.state_dir().to_owned(), home.lux.state_dir(), home.sea.state_dir());
    let read = tokio::task::spawn_blocking(move || {
        let (wallet, lux, sea) = dirs;
        let logs = (Handed::wallet(&wallet)?, Handed::gateway(&lux)?, Handed::gateway(&sea)?);
        Ok::<_, DemoError>(logs)
    });
    let (wallet, lux, sea) = read.await??;
    let found = auditor.reconcile(&wallet, &[&lux, &sea]).await?;
    show_tallies(stage, &found)?;
    let total = found.totals_minor.iter().map(|(currency, amount)| money(currency, *amount));
    let total: Vec<String> =
        total.map(|money| Ok(money?.to_string())).collect::<Result<_, DemoError>>()?;
    same(&PURCHASES, &found.purchases)?;
    same(&TOTAL, &total.join(", ").as_str())?;
    stage.show_agreed(
        &found,
        &format!("{PURCHASES} purchases that both sides tell alike, {}", unbroken(TOTAL)),
    )?;
    let dispute = Dispute { auditor, wallet, lux, sea };
    prove(stage, (booking, &dispute)).await?;
    Ok(dispute)
}

/// How many tokens prove what about whom.
fn show_tallies(stage: &mut Stage<'_, '_, '_>, found: &Reconciliation) -> Result<(), DemoError> {
    let mut rows =
        vec![["log", "entries", "its tokens that the other side keeps"].map(str::to_owned)];
    for Tally { log, head, proven, beyond, unasked, .. } in &found.logs {
        // Nobody is behind, and nobody else's token is in any of them.
        same(&"0 beyond, 0 of others", &format!("{beyond} beyond, {unasked} of others").as_str())?;
        let keepers = match log.side {
            Side::Wallet => "the hotels",
            Side::Gateway => "Ada's wallet",
        };
        let kept = format!("{proven}, kept by {keepers}, all borne out");
        rows.push([whose(log), head.size.to_string(), kept]);
    }
    stage.screen.columns(&rows)
}

/// Proves one booking to who has none of the logs.
async fn prove(
    stage: &mut Stage<'_, '_, '_>,
    (booking, dispute): (&Booking, &Dispute),
) -> Result<(), DemoError> {
    let (wallet, dir) = (dispute.wallet.clone(), stage.home.paths.state_dir().to_owned());
    let seq = booking.payment.head().size.saturating_sub(1);
    let proof = tokio::task::spawn_blocking(move || wallet.proof(&dir, seq)).await??;
    let checked = dispute.auditor.check(&proof)?;
    let claims = booking.payment.claims();
    same(
        &format!("entry {seq} of wallet {}", claims.iss),
        &format!("entry {} of {}", checked.seq, checked.log),
    )?;
    for token in [
        format!("payment {}", claims.jti),
        format!("cart {}", booking.cart.claims().jti),
        format!("receipt {}", booking.receipt.claims().jti),
    ] {
        let says = |text: &str| text.contains(&token);
        if !checked.facts.iter().any(|fact| says(&fact.about) || says(&fact.says)) {
            return Err(DemoError::differs(&token, &"a proof without it"));
        }
    }
    let text = format!(
        "a file of {} bytes, checked without any log: Ada's payment over {} is entry {seq} of the {} that she signed, \
         with the cart and the receipt that {} signed for it; {} facts, all proven",
        proof.len(),
        unbroken(&claims.total.to_string()),
        checked.head.size,
        claims.aud,
        checked.facts.len(),
    );
    stage.screen.fact("one booking", &text)
}
