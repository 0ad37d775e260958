//! `audit check`: whether a proof proves its entry, with public keys alone.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use mandate::{AgentName, Head, Money, Sku};
use mandate_audit::{Checked, Fact, Log};
use mandate_journal::proof::PROOF_BYTES_MAX;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::keys;
use crate::failure::{Failure, chain};
use crate::ui::{Table, Ui};

/// What is checked.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The proof
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A public key that is believed: a JWK, a `did:key`, a verifier key, or a file that holds one; after the name of its
    /// log and `=`, for that log alone
    #[arg(long = "key", value_name = "JWK", required = true)]
    pub keys: Vec<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    proven: bool,
    log: &'a Log,
    head: Head,
    key: String,
    seq: u64,
    entry: Box<RawValue>,
    facts: &'a [Fact],
}

#[derive(Serialize)]
struct Refused<'a> {
    proven: bool,
    fault: &'a str,
}

/// Checks a proof; what is not proven is a failed check.
///
/// # Errors
///
/// [`Failure`].
pub fn run(arguments: &Arguments, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Arguments { file, keys } = arguments;
    let keys = keys::read(keys)?;
    let unread = |error| Failure::Config(format!("cannot read {}: {error}", file.display()));
    let most = u64::try_from(PROOF_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(unread)?;
    let checked = match mandate_audit::check(&bytes, &keys) {
        Ok(checked) => checked,
        Err(error) => {
            let fault = chain(&error);
            if ui.is_json() {
                ui.document(&Refused { proven: false, fault: &fault })?;
                return Err(Failure::Said);
            }
            return Err(Failure::Check(format!("the proof fails: {fault}")));
        }
    };
    tell(&checked, ui)
}

/// What the entry's own token says, in a sentence; nothing if it is none.
fn said(entry: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Entry {
        claims: Claims,
    }
    #[derive(Deserialize)]
    struct Claims {
        aud: String,
        act: Actor,
        action: Action,
        total: Option<Money>,
    }
    #[derive(Deserialize)]
    struct Actor {
        sub: AgentName,
    }
    #[derive(Deserialize)]
    struct Action {
        sku: Sku,
        quantity: u64,
    }
    let Claims { aud, act, action, total } = serde_json::from_str::<Entry>(entry).ok()?.claims;
    let Action { sku, quantity } = action;
    let total = total.map(|total| format!(", {total}")).unwrap_or_default();
    Some(format!("it says: {quantity} x {sku}{total}, for agent {}, to {aud}", act.sub))
}

fn tell(checked: &Checked, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Checked { log, key, head, seq, entry, facts } = checked;
    let proven = checked.is_proven();
    let body = RawValue::from_string(entry.clone())
        .map_err(|error| Failure::Check(format!("the entry is no JSON: {error}")))?;
    let key = key.id().to_string();
    let answer =
        Answer { proven, log, head: *head, key: key.clone(), seq: *seq, entry: body, facts };
    ui.answer(&answer, |ui| {
        ui.line(format_args!("the log of {log} is signed by the key {key}"))?;
        if let Some(said) = said(entry) {
            ui.line(said)?;
        }
        let mut table = Table::bare([crate::ui::Align::Left; 3]);
        for Fact { about, says, proven, reason } in facts {
            let word = if *proven { "proven" } else { "NOT PROVEN" };
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            table.row([word.to_owned(), about.clone(), format!("{says}{reason}")]);
        }
        ui.table(&table)?;
        ui.line("the entry, byte for byte:")?;
        ui.line(entry)
    })?;
    if proven {
        return Ok(());
    }
    let open = facts.iter().filter(|fact| !fact.proven).count();
    if ui.is_json() {
        return Err(Failure::Said);
    }
    Err(Failure::Check(format!(
        "the proof fails: entry {seq} is in the log, and {open} of {} things said with it are not proven",
        facts.len()
    )))
}
