//! A log that was made anew by who has its key: a receipt less, or another amount.

use mandate::Money;
use mandate_audit::reconcile::{Finding, FindingKind};

use super::super::shopping::Booking;
use super::Dispute;
use super::verdict::{parting, promised, rests_on, shown};
use crate::cheat;
use crate::error::{DemoError, same};
use crate::stage::Stage;

/// Ada, as she is named where a merchant's id stands.
const ADA: &str = "Ada's wallet";
/// What Ada would rather have paid.
const RATHER: &str = "49.00 EUR";

/// The hotel takes a receipt out of its log.
pub(super) async fn deleted(
    stage: &mut Stage<'_, '_, '_>,
    (booking, dispute): (&Booking, &Dispute),
) -> Result<(), DemoError> {
    stage
        .scene(
            "The hotel deletes a receipt",
            "It has its own key, so it can make a log that is whole: numbered, linked and hashed anew, with a head \
             that it signs. What it cannot take back is what it signed before, and gave away.",
        )
        .await?;
    let Dispute { auditor, wallet, lux, sea } = dispute;
    let receipt = &booking.receipt;
    let (id, seq) = (stage.home.lux.id.to_string(), receipt.head().size.saturating_sub(1));
    let key = stage.home.lux.key.load().await?;
    let cheated = cheat::without(lux, seq, &key)?;
    let order = receipt.claims().order.as_ref().map(ToString::to_string).unwrap_or_default();
    let text = format!(
        "deletes the receipt of {order}, entry {seq}, makes the other {} entries a log that is whole in itself, and signs its root",
        cheated.entries.len()
    );
    stage.screen.fact(&id, &text)?;
    let found = auditor.reconcile(wallet, &[&cheated, sea]).await?;
    let [finding] = promised(&found, (FindingKind::Missing, &id))?;
    same(&seq, &finding.from)?;
    rests_on(finding, (&receipt.hash().to_string(), ADA))?;
    stage.show_finding(finding)?;
    let parting = parting(&found, ADA)?;
    same(&receipt.head().size, &parting.parted)?;
    stage.show_parting(parting)
}

/// Ada makes a payment smaller.
pub(super) async fn rewritten(
    stage: &mut Stage<'_, '_, '_>,
    (booking, dispute): (&Booking, &Dispute),
) -> Result<(), DemoError> {
    stage
        .scene(
            "Ada rewrites an amount",
            "She has her own key as well, and does the same to what she paid. The hotel keeps her signed payment, and \
             that says which entry it was made from, word for word.",
        )
        .await?;
    let Dispute { auditor, wallet, lux, sea } = dispute;
    let payment = &booking.payment;
    let (total, rather) = (payment.claims().total, RATHER.parse::<Money>()?);
    let seq = payment.head().size.saturating_sub(1);
    let key = stage.home.key.load().await?;
    let change = (seq, &*json(total)?, &*json(rather)?);
    let cheated = cheat::rewritten(wallet, change, &key)?;
    let text = format!(
        "writes {rather} over {total} in the payment, entry {seq}, makes all {} entries a log that is whole in itself, and signs its root",
        cheated.entries.len()
    );
    stage.screen.fact("Ada", &text)?;
    let found = auditor.reconcile(&cheated, &[lux, sea]).await?;
    let [finding] = promised(&found, (FindingKind::Altered, ADA))?;
    same(&seq, &finding.from)?;
    rests_on(finding, (&payment.hash().to_string(), stage.home.lux.id.as_str()))?;
    same(
        &differing(finding),
        &format!("total: {} for {}", shown_money(rather)?, shown_money(total)?),
    )?;
    stage.show_finding(finding)?;
    stage.show_parting(parting(&found, stage.home.lux.id.as_str())?)
}

/// In which claims an entry differs from its token, and how.
fn differing(finding: &Finding) -> String {
    let differences = finding.differences.iter().map(|difference| {
        let (entry, token) = (shown(difference.entry.as_ref()), shown(difference.token.as_ref()));
        format!("{}: {entry} for {token}", difference.claim)
    });
    differences.collect::<Vec<_>>().join(", ")
}

fn shown_money(money: Money) -> Result<String, DemoError> {
    Ok(shown(Some(&serde_json::to_value(money)?)))
}

/// An amount as it stands in claims.
fn json(money: Money) -> Result<String, DemoError> {
    Ok(serde_json::to_string(&money)?)
}
