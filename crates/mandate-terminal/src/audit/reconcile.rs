//! `audit reconcile`: two or more logs held against each other, with public keys alone.

use std::path::{Path, PathBuf};

use clap::Args;
use mandate::{MinorUnits, Money};
use mandate_audit::reconcile::{Difference, Finding, Parting, Reconciliation, Tally, reconcile};
use mandate_audit::{Export, ExportError, Keys};
use serde::Serialize;
use serde_json::Value;

use super::keys;
use crate::failure::{Failure, chain};
use crate::ui::{Align, Table, Ui, counted};

/// What is held against each other.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The wallet's export
    #[arg(value_name = "WALLET")]
    pub wallet: PathBuf,
    /// The export of each gateway
    #[arg(value_name = "GATEWAY", required = true)]
    pub gateways: Vec<PathBuf>,
    /// A public key that is believed: a JWK, a `did:key`, a verifier key, or a file that holds one; after the name of its
    /// log and `=`, for that log alone
    #[arg(long = "key", value_name = "JWK", required = true)]
    pub keys: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    agrees: bool,
    #[serde(flatten)]
    found: &'a Reconciliation,
}

#[derive(Serialize)]
struct Refused<'a> {
    agrees: bool,
    fault: &'a str,
}

/// Holds logs against each other; what does not agree is a failed check.
///
/// # Errors
///
/// [`Failure`].
pub fn run(arguments: &Arguments, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Arguments { wallet, gateways, keys } = arguments;
    let keys = keys::read(keys)?;
    let found = open(wallet, &keys).and_then(|wallet| {
        let gateways =
            gateways.iter().map(|dir| open(dir, &keys)).collect::<Result<Vec<_>, _>>()?;
        reconcile(&wallet, &gateways).map_err(|error| Failure::Check(chain(&error)))
    });
    let found = match found {
        Ok(found) => found,
        Err(Failure::Check(fault)) if ui.is_json() => {
            ui.document(&Refused { agrees: false, fault: &fault })?;
            return Err(Failure::Said);
        }
        Err(failure) => return Err(failure),
    };
    let agrees = found.agrees();
    ui.answer(&Answer { agrees, found: &found }, |ui| tell(&found, ui))?;
    if agrees {
        return Ok(());
    }
    if ui.is_json() {
        return Err(Failure::Said);
    }
    let number = u64::try_from(found.findings.len()).unwrap_or(u64::MAX);
    Err(Failure::Check(format!(
        "the logs do not agree: {}",
        counted(number, "finding", "findings")
    )))
}

fn open(dir: &Path, keys: &Keys) -> Result<Export, Failure> {
    Export::open(dir, keys).map_err(|error| match error {
        ExportError::Open { .. } => Failure::Config(chain(&error)),
        error => Failure::Check(format!("{}: {}", dir.display(), chain(&error))),
    })
}

fn tell(found: &Reconciliation, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let mut table = Table::new([
        ("log", Align::Left),
        ("entries", Align::Right),
        ("proven", Align::Right),
        ("beyond", Align::Right),
        ("not asked", Align::Right),
        ("root", Align::Left),
    ]);
    for Tally { log, head, proven, beyond, beyond_size: _, unasked } in &found.logs {
        let numbers = [head.size, *proven, *beyond, *unasked].map(|number| number.to_string());
        let [size, proven, beyond, unasked] = numbers;
        table.row([log.to_string(), size, proven, beyond, unasked, head.root.to_string()]);
    }
    ui.table(&table)?;
    let totals: Vec<String> =
        found.totals_minor.iter().map(|(currency, amount)| money(currency, *amount)).collect();
    let totals = if totals.is_empty() { String::new() } else { format!(": {}", totals.join(", ")) };
    let purchases = counted(found.purchases, "purchase", "purchases");
    ui.line(format_args!("{purchases} agreed{totals}"))?;
    for tally in found.logs.iter().filter(|tally| tally.beyond > 0) {
        let tokens = counted(tally.beyond, "token", "tokens");
        ui.line(format_args!(
            "{tokens} of {} beyond its export of {}: ask for one of at least {} entries",
            tally.log, tally.head.size, tally.beyond_size
        ))?;
    }
    for finding in &found.findings {
        ui.line("")?;
        tell_finding(finding, ui)?;
    }
    for Parting { log, against, agreed, parted } in &found.partings {
        ui.line("")?;
        ui.line(format_args!(
            "the story of {log} parts from what {against} keeps after {agreed} entries: at {parted} it is disproven"
        ))?;
    }
    Ok(())
}

fn tell_finding(finding: &Finding, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Finding { fault, kind, from, to, what, differences, evidence } = finding;
    let at = if from == to { format!("entry {from}") } else { format!("entries {from} to {to}") };
    ui.line(format_args!("{fault}, {at}, {kind}: {what}"))?;
    let mut table = Table::bare([Align::Left, Align::Left]);
    for Difference { claim, entry, token } in differences {
        let (entry, token) = (value(entry.as_ref()), value(token.as_ref()));
        table.row([format!("  {claim}"), format!("{entry}; the signed token says {token}")]);
    }
    for token in evidence {
        let proof = format!(
            "{} {}, signed at {} entries, kept in entry {} of {}, H {}",
            token.typ, token.jti, token.log.size, token.held_in, token.held_by, token.hash
        );
        table.row(["  proven by".to_owned(), proof]);
    }
    ui.table(&table)
}

/// A claim's value as people read it.
fn value(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let member = |name: &str| value.get(name);
    let amount =
        member("currency").and_then(Value::as_str).zip(member("amount").and_then(Value::as_u64));
    match (amount, value.as_str()) {
        (Some((currency, amount)), _) => money(currency, amount),
        (None, Some(text)) => text.to_owned(),
        (None, None) => value.to_string(),
    }
}

fn money(currency: &str, amount: u64) -> String {
    let known = currency.parse().ok().zip(MinorUnits::new(amount).ok());
    known.map_or(format!("{amount} {currency} (minor units)"), |(currency, amount)| {
        Money { currency, amount }.to_string()
    })
}
