//! `mandate key`: the public half of the key, and whether its store still has it.

use clap::Subcommand;
use mandate::key::Jwk;
use mandate::{KeyId, PublicKey};
use mandate_keys::{KeyLocation, Service};
use mandate_policy::KeyReference;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::journal::{Journal, Owner};
use crate::places::Places;
use crate::ui::{Table, Ui};
use crate::wallet::Control;

/// What is to be done with the key.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum KeyCommand {
    /// Show whose wallet it is and the public key: what a merchant needs to enrol you
    Show,
}

#[derive(Serialize)]
struct Answer {
    principal: String,
    kid: KeyId,
    did: String,
    jwk: Jwk,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

/// Runs one of them.
pub(crate) fn run(command: KeyCommand, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    match command {
        KeyCommand::Show => show(context),
    }
}

/// Where a wallet.toml says that the key is.
pub(crate) fn location(reference: &KeyReference) -> Result<KeyLocation, Failure> {
    mandate_host::key::location(reference, Service::Wallet)
        .map_err(|error| Failure::Config(format!("[key] account in wallet.toml {error}")))
}

fn show(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let journal = Journal::open(&context.places)?;
    let Owner { principal, key } = journal.owner()?;
    // The daemon knows what it signs with; its store may be out of this user's reach.
    let found = match journal.daemon() {
        Some(control) => store_of_the_daemon(control, &key)?,
        None => store_of_the_file(&context.places, &key),
    };
    let (store, problem) = match found {
        Ok(store) => (Some(store), None),
        Err(problem) => (None, Some(problem)),
    };
    let answer = Answer {
        principal: principal.to_string(),
        kid: key.id(),
        did: key.did_key(),
        jwk: Jwk::from(&key),
        store,
        problem,
    };
    context.ui.answer(&answer, |ui| print(&answer, ui))?;
    match answer.problem {
        Some(_) if context.ui.is_json() => Err(Failure::Said),
        Some(problem) => Err(Failure::Check(problem)),
        None => Ok(()),
    }
}

/// The store in words, or why there is no key of this wallet in it.
type Stored = Result<String, String>;

fn store_of_the_daemon(control: &Control, key: &PublicKey) -> Result<Stored, Failure> {
    let status = control.status()?;
    if !status.key_problem.is_empty() {
        return Ok(Err(status.key_problem));
    }
    Ok(if status.key_id == key.id().to_string() {
        Ok(status.key_store)
    } else {
        Err(format!("mandated signs with another key: {}", status.key_id))
    })
}

fn store_of_the_file(places: &Places, key: &PublicKey) -> Stored {
    let rules = mandated::load(places.config()).map_err(|error| chain(&error))?.rules;
    let location = location(rules.key()).map_err(|failure| failure.to_string())?;
    let loaded = mandate_keys::load(&location).map_err(|error| chain(&error))?;
    check(&loaded.key.public_key(), key)?;
    Ok(loaded.store.to_string())
}

/// Whether the key in a store is the ledger's.
pub(crate) fn check(stored: &PublicKey, ledger: &PublicKey) -> Result<(), String> {
    if stored == ledger {
        return Ok(());
    }
    Err(format!(
        "the store holds the key {} and the ledger belongs to the key {}: wallet.toml names another account or store \
         than the wallet was made with",
        stored.id(),
        ledger.id()
    ))
}

fn print(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { principal, kid, did, jwk, store, problem: _ } = answer;
    let Jwk { kty, crv, x } = jwk;
    ui.table(&Table::pairs([
        ("principal", principal.clone()),
        ("kid", kid.to_string()),
        ("did", did.clone()),
        ("jwk", format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"{x}"}}"#)),
        ("store", store.clone().unwrap_or_else(|| "not there".to_owned())),
    ]))
}
