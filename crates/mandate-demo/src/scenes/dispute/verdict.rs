//! What the third person says, and by which signed tokens.

use mandate::{MinorUnits, Money};
use mandate_audit::reconcile::{Difference, Evidence, Finding, FindingKind, Parting};
use mandate_audit::{Log, Reconciliation, Side};
use serde_json::Value;

use crate::error::{DemoError, same};
use crate::screen::{Ink, unbroken};
use crate::stage::Stage;

/// Who judges.
pub(super) const THIRD: &str = "third person";

/// Whose log it is, for people.
pub(super) fn whose(log: &Log) -> String {
    match log.side {
        Side::Wallet => "Ada's wallet".to_owned(),
        Side::Gateway => log.id.to_string(),
    }
}

/// The findings that were promised: so many, all of this kind in the log of this one.
///
/// # Errors
///
/// [`DemoError::Differs`] if there are others.
pub(super) fn promised<'f, const N: usize>(
    found: &'f Reconciliation,
    (kind, fault): (FindingKind, &str),
) -> Result<[&'f Finding; N], DemoError> {
    for finding in &found.findings {
        let met = format!("{} in the log of {}", finding.kind, whose(&finding.fault));
        same(&format!("{kind} in the log of {fault}"), &met)?;
    }
    let findings: Vec<&Finding> = found.findings.iter().collect();
    let count = findings.len();
    findings.try_into().or(Err(DemoError::differs(&format_args!("{N} x {kind}"), &count)))
}

/// Makes sure that a finding rests on this token, and that its keeper has it whole.
///
/// # Errors
///
/// [`DemoError::Differs`] if it does not.
pub(super) fn rests_on(finding: &Finding, (hash, keeper): (&str, &str)) -> Result<(), DemoError> {
    let hashes = finding.evidence.iter().filter(|token| whose(&token.held_by) == keeper);
    let hashes: Vec<String> = hashes.map(|token| token.hash.to_string()).collect();
    if hashes.iter().any(|met| met == hash) {
        return Ok(());
    }
    let expected = format!("{hash}, kept by {keeper}");
    Err(DemoError::differs(&expected, &hashes.join(" ")))
}

/// Where the story of a log parts from what another keeps.
///
/// # Errors
///
/// [`DemoError::Differs`] if it does not.
pub(super) fn parting<'f>(
    found: &'f Reconciliation,
    against: &str,
) -> Result<&'f Parting, DemoError> {
    let parting = found.partings.iter().find(|parting| whose(&parting.against) == against);
    parting.ok_or_else(|| DemoError::differs(&"a place where the stories part", &"none"))
}

impl Stage<'_, '_, '_> {
    /// Shows that nothing is wrong, which must be so.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if anything is.
    pub(super) fn show_agreed(
        &mut self,
        found: &Reconciliation,
        text: &str,
    ) -> Result<(), DemoError> {
        if let Some(Finding { kind, what, .. }) = found.findings.first() {
            return Err(DemoError::differs(&"logs that agree", &format_args!("{kind}: {what}")));
        }
        self.screen.answered(THIRD, Ink::Good, "agreed", text)
    }

    /// Shows a finding: what is wrong in whose log, and what proves it.
    ///
    /// # Errors
    ///
    /// [`DemoError::Screen`].
    pub(super) fn show_finding(&mut self, finding: &Finding) -> Result<(), DemoError> {
        let Finding { fault, kind, from, what, differences, evidence, .. } = finding;
        let text = format!("{}, entry {from}: {what}", whose(fault));
        self.screen.answered(THIRD, Ink::Refused, &kind.to_string(), &text)?;
        for Difference { claim, entry, token } in differences {
            let (entry, token) = (shown(entry.as_ref()), shown(token.as_ref()));
            let text =
                format!("{entry} in the entry, {token} in the token that was signed from it");
            self.screen.fact(&format!("  {claim}"), &text)?;
        }
        for Evidence { typ, jti, log, held_by, held_in, .. } in evidence {
            let text = format!(
                "{typ} {jti}, signed with the key of {} at {} entries; {} keeps it whole in entry {held_in}",
                whose(fault),
                log.size,
                whose(held_by),
            );
            self.screen.fact("  proven by", &text)?;
        }
        Ok(())
    }

    /// Shows where two stories part.
    ///
    /// # Errors
    ///
    /// [`DemoError::Screen`].
    pub(super) fn show_parting(&mut self, parting: &Parting) -> Result<(), DemoError> {
        let Parting { log, against, agreed, parted } = parting;
        let text = format!(
            "what {} keeps bears {} out up to {agreed} entries, and disproves it at {parted}",
            whose(against),
            whose(log),
        );
        self.screen.fact("  they part", &text)
    }
}

/// A claim's value, for people.
pub(super) fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let currency = value.get("currency").and_then(Value::as_str);
    let amount = value.get("amount").and_then(Value::as_u64);
    let money = currency.zip(amount).and_then(|(currency, amount)| money(currency, amount).ok());
    money.map_or_else(|| value.to_string(), |money| unbroken(&money.to_string()))
}

/// An amount in minor units.
///
/// # Errors
///
/// [`DemoError::Amount`] if it is none.
pub(super) fn money(currency: &str, amount_minor: u64) -> Result<Money, DemoError> {
    Ok(Money { currency: currency.parse()?, amount: MinorUnits::new(amount_minor)? })
}
