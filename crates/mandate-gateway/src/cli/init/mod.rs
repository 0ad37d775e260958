//! `mandate-gateway init`: makes the key, the book and gateway.toml, in this order, and never overwrites any of them.
//!
//! What exists is looked at first; a missing half is made only where no past can be lost by it: a new book for an old key
//! would let every mandate of the last minutes be used a second time.

mod choice;

use std::path::Path;

use mandate::key::Jwk;
use mandate::{KeyId, MerchantId, PublicKey};
use mandate_config::KeyReference;
use mandate_journal::OpenError;
use mandate_keys::{KeyLocation, KeyStoreError, Remembered, Service, StoreChoice, StoreKind};
use mandate_terminal::failure::{Failure, chain};
use mandate_terminal::init::{Found, LedgerFound, Maker, Plan, Refused, Unfinished, plan};
use mandate_terminal::ui::{Table, Ui};
use mandate_terminal::write;
use serde::Serialize;

use super::context::Context;
use super::journal::{Owner, unopened, unread};
use crate::book::{Book, Genesis, StoppedBook};

pub(crate) use choice::Arguments;

use choice::Choice;

/// Whose notes they are.
const MAKER: Maker = Maker { command: "mandate-gateway init", note: "gateway.init" };

/// The key, and the store that has it.
#[derive(Debug, Clone, Copy)]
struct Key {
    public: PublicKey,
    store: StoreKind,
    /// Whether the head of a book is remembered beside it.
    had_a_book: bool,
}

#[derive(Serialize)]
struct Answer {
    made: Vec<&'static str>,
    merchant: MerchantId,
    kid: KeyId,
    jwk: Jwk,
    store: String,
    durability: &'static str,
    account: String,
    book: String,
    config: String,
}

/// Where a gateway.toml says that the key is.
pub(crate) fn key_location(reference: &KeyReference) -> Result<KeyLocation, Failure> {
    mandate_host::key::location(reference, Service::Gateway)
        .map_err(|error| Failure::Config(format!("[key] account in gateway.toml {error}")))
}

/// Whether the key in a store is the book's.
pub(crate) fn same_key(stored: &PublicKey, book: &PublicKey) -> Result<(), String> {
    if stored == book {
        return Ok(());
    }
    Err(format!(
        "the store holds the key {} and the book belongs to the key {}: gateway.toml names another account or store \
         than the gateway was made with",
        stored.id(),
        book.id()
    ))
}

/// Looks, decides, makes, tells.
pub(crate) fn run(arguments: Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let state_dir = context.places.state_dir();
    let mut choice = choice::choose(arguments, context.places.config())?;
    let mut unfinished = Unfinished::enter(MAKER, state_dir)?;
    let was_cut_off = unfinished.is_of(&choice.location, context.now)?;
    let key = find_key(&choice.location)?;
    let (book, owner) = find_book(state_dir)?;
    let found = Found {
        config: choice.is_written,
        key: key.map(|key| key.public),
        ledger: book,
        // A book that lacks the remembered head would not be believed, whoever says that the key is new.
        key_is_new: (was_cut_off || choice.key_is_new) && !key.is_some_and(|key| key.had_a_book),
    };
    let plan = plan(&found).map_err(|refused| refuse(refused, &choice, (&found, key), context))?;
    let merchant = choice.merchant(owner.as_ref())?;
    let text = if plan.config { Some(choice.text(&merchant)?) } else { None };
    let key = if let Some(key) = key {
        key
    } else {
        // The plan has a key where there is none.
        unfinished.begin(&choice.location, context.now)?;
        make_key(&choice.location)?
    };
    if plan.ledger {
        let genesis = Genesis { merchant: merchant.clone(), key: key.public, time: context.now };
        Book::create(state_dir, &genesis).map_err(|error| unmade(&error))?;
    }
    unfinished.end()?;
    if let Some(text) = text {
        write::new(context.places.config(), &text)?;
    }
    tell(plan, key, merchant, &choice.location, context)
}

fn find_key(location: &KeyLocation) -> Result<Option<Key>, Failure> {
    match mandate_keys::load(location) {
        Ok(loaded) => Ok(Some(Key {
            public: loaded.key.public_key(),
            store: loaded.store,
            had_a_book: matches!(loaded.remembered, Remembered::Text(_)),
        })),
        // A credential is made by the administrator: there is nothing to make here.
        Err(KeyStoreError::Missing { .. }) if location.choice != StoreChoice::Credential => {
            Ok(None)
        }
        Err(error) => Err(Failure::Check(chain(&error))),
    }
}

fn make_key(location: &KeyLocation) -> Result<Key, Failure> {
    match mandate_keys::create(location) {
        Ok(made) => {
            let public = made.key.public_key();
            Ok(Key { public, store: made.store, had_a_book: false })
        }
        Err(error) => Err(Failure::Check(chain(&error))),
    }
}

fn find_book(state_dir: &Path) -> Result<(LedgerFound, Option<Owner>), Failure> {
    match StoppedBook::open(state_dir) {
        Ok(book) => {
            let (merchant, key) = book.owner().map_err(|error| unread(&error))?;
            Ok((LedgerFound::Of(key), Some(Owner { merchant, key })))
        }
        Err(OpenError::Missing { .. }) => Ok((LedgerFound::Absent, None)),
        Err(OpenError::InUse { .. }) => Ok((LedgerFound::Held, None)),
        Err(error) => Err(unopened(&error)),
    }
}

fn unmade(error: &OpenError) -> Failure {
    match error {
        // What is left of a book is not a place for a new one.
        OpenError::Exists { path } => Failure::Config(format!(
            "{} is what is left of a book; restore its backup, or move it away",
            path.display()
        )),
        error => unopened(error),
    }
}

/// Says exactly what is there and what is not, and how to go on.
fn refuse(
    refused: Refused,
    chosen: &Choice,
    (found, key): (&Found, Option<Key>),
    context: &Context<'_, '_>,
) -> Failure {
    let KeyLocation { choice, account, .. } = &chosen.location;
    let book = context.places.book();
    let (book, config) = (book.display(), context.places.config().display());
    // Only a credential is made elsewhere; any other key without a book has lost it.
    let just_made = match choice {
        StoreChoice::Credential => ", or pass --key-is-new if it was just made",
        _ => "",
    };
    let had_a_book = match key {
        Some(Key { had_a_book: true, .. }) if chosen.key_is_new => {
            ". The key is not new: the head of its book is remembered beside it"
        }
        _ => "",
    };
    let config_state = if found.config { "exists" } else { "is missing" };
    Failure::Config(match refused {
        Refused::LedgerLost => format!(
            "the key \"{account}\" exists ({choice}), the book {book} is missing, {config} {config_state}; with a new \
             book an old key's mandates could be used a second time. Restore a backup of the book, or make another \
             gateway with --account{just_made}{had_a_book}. Nothing was changed"
        ),
        Refused::KeyLost => format!(
            "the book {book} exists, its key \"{account}\" ({choice}) is missing, {config} {config_state}; no other key \
             can take its place. Bring the key back, name its --store and --account, or move the book away to make a \
             new gateway. Nothing was changed"
        ),
        Refused::KeyIsAnother => format!(
            "the book {book} belongs to another key than \"{account}\" ({choice}), {config} {config_state}; name the \
             right --store and --account, or another --state-dir. Nothing was changed"
        ),
        Refused::Running => format!(
            "the book {book} is in use: the gateway runs, and {config} {config_state}. Nothing was changed"
        ),
    })
}

fn tell(
    plan: Plan,
    key: Key,
    merchant: MerchantId,
    location: &KeyLocation,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let Plan { key: key_is_made, ledger, config } = plan;
    let made = [("key", key_is_made), ("book", ledger), ("config", config)];
    let Key { public, store, had_a_book: _ } = key;
    let answer = Answer {
        made: made.into_iter().filter(|(_, is_made)| *is_made).map(|(what, _)| what).collect(),
        merchant,
        kid: public.id(),
        jwk: Jwk::from(&public),
        store: store.to_string(),
        durability: store.durability(),
        account: location.account.to_string(),
        book: context.places.book().display().to_string(),
        config: context.places.config().display().to_string(),
    };
    context.ui.answer(&answer, |ui| show(&answer, ui))
}

fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { made, merchant, kid, jwk: _, store, durability, account, book, config } = answer;
    match made.as_slice() {
        [] => ui.line("everything is there already; nothing was changed")?,
        made => ui.line(format_args!("made: {}", made.join(", ")))?,
    }
    ui.line("")?;
    ui.table(&Table::pairs([
        ("merchant", merchant.to_string()),
        ("kid", kid.to_string()),
        ("key", format!("\"{account}\" in the {store}")),
        ("", (*durability).to_owned()),
        ("book", book.clone()),
        ("config", config.clone()),
    ]))?;
    ui.line("")?;
    ui.line("Next:")?;
    ui.line(format_args!(
        "  1. list what you offer in {config}, then run: mandate-gateway config check"
    ))?;
    ui.line("  2. say whose mandates you accept: mandate-gateway principal add ID_OR_DID")?;
    ui.line("  3. start the gateway with: mandate-gateway, then look at it with: mandate-gateway doctor")
}
