//! `mandate init`: makes the key, the ledger and wallet.toml, in this order, and never overwrites any of them.
//!
//! What exists is looked at first; a missing half is made only where no past can be lost by it. wallet.toml comes last:
//! before it is there, the wallet cannot start.

mod template;

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use mandate::key::Jwk;
use mandate::text::Title;
use mandate::{KeyId, PrincipalId, PublicKey};
use mandate_keys::{
    Account, KeyLocation, KeyStoreError, Remembered, Service, StoreChoice, StoreKind,
};
use mandate_ledger::{Genesis, Ledger, OpenError, StoppedLedger};
use mandate_policy::Rules;
use mandate_terminal::init::{Found, LedgerFound, Maker, Plan, Refused, Unfinished, plan};
use mandate_terminal::write;
use mandated::{ConfigError, SystemUsers};
use rustix::process::getuid;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, bad_config, chain};
use crate::journal::{self, Owner};
use crate::key;
use crate::ui::{Table, Ui};
use template::{Template, system_timezone, user_name};

const HELP: &str = "\
Where only some of the three exist, init says which, and makes the rest only where that loses nothing: a key whose
ledger is missing gets no new ledger, because every cap would start at zero.

Examples:
  mandate init
  mandate init --store keyutils --account test --name Ada";

/// Whose notes they are.
const MAKER: Maker = Maker { command: "mandate init", note: "wallet.init" };

/// Options of `mandate init`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Where the key is kept: auto, secret-service, keyutils or credential [default: auto]
    #[arg(long, value_name = "STORE")]
    store: Option<StoreChoice>,
    /// The key's name in its store [default: default]
    #[arg(long, value_name = "NAME")]
    account: Option<Account>,
    /// Your name, for people [default: your user name]
    #[arg(long, value_name = "NAME")]
    name: Option<Title>,
    /// A stable id to be known by, instead of the key's did:key
    #[arg(long, value_name = "ID")]
    id: Option<PrincipalId>,
    /// Say that this key is new and never had a ledger; for keys that are made elsewhere, such as credentials
    #[arg(long)]
    key_is_new: bool,
}

/// What is settled before anything is looked for.
#[derive(Debug)]
struct Choice {
    location: KeyLocation,
    /// The wallet.toml there is; `None` where one is to be written.
    rules: Option<Arc<Rules>>,
    name: Option<Title>,
    id: Option<PrincipalId>,
    key_is_new: bool,
}

/// The key, and the store that has it.
#[derive(Debug, Clone, Copy)]
struct Key {
    public: PublicKey,
    store: StoreKind,
    /// Whether the head of a ledger is remembered beside it.
    had_a_ledger: bool,
}

#[derive(Serialize)]
struct Answer {
    made: Vec<&'static str>,
    principal: PrincipalId,
    kid: KeyId,
    jwk: Jwk,
    store: String,
    durability: &'static str,
    account: String,
    ledger: String,
    config: String,
}

/// Looks, decides, makes, tells.
pub(crate) fn run(arguments: Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let mut choice = choose(arguments, context.places.config())?;
    let mut unfinished = Unfinished::enter(MAKER, context.places.state_dir())?;
    let was_cut_off = unfinished.is_of(&choice.location, context.now)?;
    let key = find_key(&choice.location)?;
    let (ledger, owner) = find_ledger(context.places.state_dir())?;
    let found = Found {
        config: choice.rules.is_some(),
        key: key.map(|key| key.public),
        ledger,
        // A ledger that lacks the remembered head would not be believed, whoever says that the key is new.
        key_is_new: (was_cut_off || choice.key_is_new) && !key.is_some_and(|key| key.had_a_ledger),
    };
    let plan = plan(&found).map_err(|refused| refuse(refused, &choice, (&found, key), context))?;
    if let Some(owner) = &owner {
        take_id_of_the_ledger(&mut choice, owner)?;
    }
    let text = if plan.config { Some(new_config(&choice)?) } else { None };

    let key = if let Some(key) = key {
        key
    } else {
        // The plan has a key where there is none.
        unfinished.begin(&choice.location, context.now)?;
        make_key(&choice.location)?
    };
    let principal = choice.id.clone().unwrap_or_else(|| PrincipalId::from_key(&key.public));
    if plan.ledger {
        make_ledger(key.public, principal.clone(), context)?;
    }
    unfinished.end()?;
    if let Some(text) = text {
        write::new(context.places.config(), &text)?;
    }
    tell(plan, key, principal, &choice.location.account, context)
}

/// Takes what an existing wallet.toml says, or what the options say for a new one.
fn choose(arguments: Arguments, path: &Path) -> Result<Choice, Failure> {
    let Arguments { store, account, name, id, key_is_new } = arguments;
    let rules = match mandated::load(path) {
        Ok(file) => file.rules,
        Err(ConfigError::Missing { .. }) => {
            let location = KeyLocation {
                service: Service::Wallet,
                choice: store.unwrap_or_default(),
                account: account.unwrap_or_default(),
            };
            return Ok(Choice { location, rules: None, name, id, key_is_new });
        }
        Err(error) => return Err(bad_config(&error)),
    };
    let location = key::location(rules.key())?;
    let contradicted = [
        ("--store", store.is_some_and(|store| store != location.choice)),
        ("--account", account.is_some_and(|account| account != location.account)),
        ("--name", name.as_ref().is_some_and(|name| *name != rules.principal().name)),
        ("--id", id.is_some() && id != rules.principal().id),
    ];
    if let Some((option, _)) = contradicted.into_iter().find(|(_, differs)| *differs) {
        return Err(Failure::Config(format!(
            "{} exists and says something else than {option}; leave {option} out, or name another file with --config",
            path.display()
        )));
    }
    let id = rules.principal().id.clone();
    Ok(Choice { location, rules: Some(rules), name, id, key_is_new })
}

/// A wallet.toml for an existing ledger names the principal that the ledger has.
fn take_id_of_the_ledger(choice: &mut Choice, owner: &Owner) -> Result<(), Failure> {
    let Owner { principal, key } = owner;
    let id = Some(principal).filter(|id| **id != PrincipalId::from_key(key));
    if choice.rules.is_none() && choice.id.is_none() {
        choice.id = id.cloned();
    }
    if choice.id.as_ref().unwrap_or(principal) != principal {
        let problem =
            format!("the ledger's principal is {principal}, and its id cannot be changed");
        return Err(Failure::Config(problem));
    }
    Ok(())
}

/// A new wallet.toml, checked before anything is made: a wallet whose own rules do not load is none.
fn new_config(choice: &Choice) -> Result<String, Failure> {
    let name = choice.name.as_ref().map(ToString::to_string);
    let name = name.unwrap_or_else(|| user_name(|name| std::env::var(name).ok()));
    let template = Template {
        name: &name,
        id: choice.id.as_ref(),
        timezone: &system_timezone(),
        location: &choice.location,
        uid: getuid().as_raw(),
    };
    let text = template.text();
    match Rules::parse(&text, &SystemUsers) {
        Ok(_) => Ok(text),
        Err(faults) => Err(Failure::Config(format!("the new wallet.toml would be bad: {faults}"))),
    }
}

fn find_key(location: &KeyLocation) -> Result<Option<Key>, Failure> {
    match mandate_keys::load(location) {
        Ok(loaded) => Ok(Some(Key {
            public: loaded.key.public_key(),
            store: loaded.store,
            had_a_ledger: matches!(loaded.remembered, Remembered::Text(_)),
        })),
        // A credential is made by the administrator: there is nothing to make here.
        Err(KeyStoreError::Missing { .. }) if location.choice != StoreChoice::Credential => {
            Ok(None)
        }
        Err(error) => Err(Failure::Check(chain(&error))),
    }
}

fn find_ledger(state_dir: &Path) -> Result<(LedgerFound, Option<Owner>), Failure> {
    match StoppedLedger::open(state_dir) {
        Ok(ledger) => match ledger.owner() {
            Ok((principal, key)) => Ok((LedgerFound::Of(key), Some(Owner { principal, key }))),
            Err(error) => Err(Failure::Check(chain(&error))),
        },
        Err(OpenError::Missing { .. }) => Ok((LedgerFound::Absent, None)),
        Err(OpenError::InUse { .. }) => Ok((LedgerFound::Held, None)),
        Err(error) => Err(journal::unopened(&error)),
    }
}

fn make_key(location: &KeyLocation) -> Result<Key, Failure> {
    match mandate_keys::create(location) {
        Ok(made) => {
            let public = made.key.public_key();
            Ok(Key { public, store: made.store, had_a_ledger: false })
        }
        Err(error) => Err(Failure::Check(chain(&error))),
    }
}

fn make_ledger(
    key: PublicKey,
    principal: PrincipalId,
    context: &Context<'_, '_>,
) -> Result<(), Failure> {
    let genesis = Genesis { principal, key, time: context.now };
    Ledger::create(context.places.state_dir(), &genesis).map_err(|error| match error {
        // What is left of a ledger is not a place for a new one.
        OpenError::Exists { path } => Failure::Config(format!(
            "{} is what is left of a ledger; restore its backup, or move it away",
            path.display()
        )),
        error => journal::unopened(&error),
    })
}

/// Says exactly what is there and what is not, and how to go on.
fn refuse(
    refused: Refused,
    chosen: &Choice,
    (found, key): (&Found, Option<Key>),
    context: &Context<'_, '_>,
) -> Failure {
    let KeyLocation { choice, account, .. } = &chosen.location;
    let ledger = context.places.ledger();
    let (ledger, config) = (ledger.display(), context.places.config().display());
    // Only a credential is made elsewhere; any other key without a ledger has lost it.
    let just_made = match choice {
        StoreChoice::Credential => ", or pass --key-is-new if it was just made",
        _ => "",
    };
    let had_a_ledger = match key {
        Some(Key { had_a_ledger: true, .. }) if chosen.key_is_new => {
            ". The key is not new: the head of its ledger is remembered beside it"
        }
        _ => "",
    };
    let config_state = if found.config { "exists" } else { "is missing" };
    Failure::Config(match refused {
        Refused::LedgerLost => format!(
            "the key \"{account}\" exists ({choice}), the ledger {ledger} is missing, {config} {config_state}; a new \
             ledger would start every cap at zero for an old key. Restore a backup of the ledger, or make another \
             wallet with --account{just_made}{had_a_ledger}. Nothing was changed"
        ),
        Refused::KeyLost => format!(
            "the ledger {ledger} exists, its key \"{account}\" ({choice}) is missing, {config} {config_state}; no other \
             key can take its place. Bring the key back, name its --store and --account, or move the ledger away to \
             make a new wallet. Nothing was changed"
        ),
        Refused::KeyIsAnother => format!(
            "the ledger {ledger} belongs to another key than \"{account}\" ({choice}), {config} {config_state}; name the \
             right --store and --account, or another --state-dir. Nothing was changed"
        ),
        Refused::Running => format!(
            "the ledger {ledger} is in use: the wallet runs, and {config} {config_state}. Nothing was changed"
        ),
    })
}

fn tell(
    plan: Plan,
    key: Key,
    principal: PrincipalId,
    account: &Account,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    let Plan { key: key_is_made, ledger, config } = plan;
    let made = [("key", key_is_made), ("ledger", ledger), ("config", config)];
    let Key { public, store, had_a_ledger: _ } = key;
    let answer = Answer {
        made: made.into_iter().filter(|(_, is_made)| *is_made).map(|(what, _)| what).collect(),
        principal,
        kid: public.id(),
        jwk: Jwk::from(&public),
        store: store.to_string(),
        durability: store.durability(),
        account: account.to_string(),
        ledger: context.places.ledger().display().to_string(),
        config: context.places.config().display().to_string(),
    };
    context.ui.answer(&answer, |ui| show(&answer, ui))
}

fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Answer { made, principal, kid, jwk: _, store, durability, account, ledger, config } =
        answer;
    match made.as_slice() {
        [] => ui.line("everything is there already; nothing was changed")?,
        made => ui.line(format_args!("made: {}", made.join(", ")))?,
    }
    ui.line("")?;
    ui.table(&Table::pairs([
        ("principal", principal.to_string()),
        ("kid", kid.to_string()),
        ("key", format!("\"{account}\" in the {store}")),
        ("", (*durability).to_owned()),
        ("ledger", ledger.clone()),
        ("config", config.clone()),
    ]))?;
    ui.line("")?;
    ui.line("Next:")?;
    ui.line(format_args!(
        "  1. list a merchant and a cap in {config}, then run: mandate config check"
    ))?;
    ui.line("  2. start the wallet with: mandated, then look at it with: mandate status")
}
