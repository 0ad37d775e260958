//! What `init` is told: by its options, or by a gateway.toml that is there already.

use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use mandate::MerchantId;
use mandate::text::Title;
use mandate_config::{KeyReference, KeyStore};
use mandate_keys::{Account, KeyLocation, Service, StoreChoice};
use mandate_terminal::failure::Failure;

use super::key_location;
use crate::cli::config::bad_config;
use crate::cli::journal::Owner;
use crate::settings::{ConfigError, Merchant, Settings, Template, UpstreamAddress, load};

const HELP: &str = "\
Where only some of the three exist, init says which, and makes the rest only where that loses nothing: a key whose book
is missing gets no new book, because mandates of the last minutes could be used a second time.

Examples:
  mandate-gateway init --id lux-hotels --name \"Hotel Lux\" --upstream http://127.0.0.1:9000
  mandate-gateway init --id test --store keyutils --account test --config ./gateway.toml --state-dir ./state";

/// Options of `mandate-gateway init`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The merchant's id, which every mandate for it names; it cannot be changed later
    #[arg(long, value_name = "M")]
    id: Option<MerchantId>,
    /// The merchant's name, for people [default: its id]
    #[arg(long, value_name = "NAME")]
    name: Option<Title>,
    /// Where the key is kept: auto, secret-service, keyutils or credential [default: auto]
    #[arg(long, value_name = "STORE")]
    store: Option<StoreChoice>,
    /// The key's name in its store [default: default]
    #[arg(long, value_name = "NAME")]
    account: Option<Account>,
    #[arg(
        long,
        value_name = "URL",
        help = "The API behind the gateway [default: http://127.0.0.1:8080]"
    )]
    upstream: Option<UpstreamAddress>,
    #[arg(long, value_name = "ADDR", help = "Where the gateway listens [default: 127.0.0.1:8402]")]
    listen: Option<SocketAddr>,
    /// Say that this key is new and never had a book; for keys that are made elsewhere, such as credentials
    #[arg(long)]
    key_is_new: bool,
}

/// What is settled before anything is looked for.
#[derive(Debug)]
pub(super) struct Choice {
    /// Where the key is.
    pub(super) location: KeyLocation,
    /// Whether there is a gateway.toml, so that none is to be written.
    pub(super) is_written: bool,
    /// Whether this key is said to be new.
    pub(super) key_is_new: bool,
    id: Option<MerchantId>,
    name: Option<Title>,
    upstream: Option<UpstreamAddress>,
    listen: Option<SocketAddr>,
}

/// Takes what an existing gateway.toml says, or what the options say for a new one.
pub(super) fn choose(arguments: Arguments, path: &Path) -> Result<Choice, Failure> {
    let loaded = match load(path) {
        Ok(loaded) => loaded,
        Err(ConfigError::Missing { .. }) => {
            let Arguments { id, name, store, account, upstream, listen, key_is_new } = arguments;
            let location = KeyLocation {
                service: Service::Gateway,
                choice: store.unwrap_or_default(),
                account: account.unwrap_or_default(),
            };
            let is_written = false;
            return Ok(Choice { location, is_written, key_is_new, id, name, upstream, listen });
        }
        Err(error) => return Err(bad_config(&error)),
    };
    let location = key_location(&loaded.settings.key)?;
    if let Some(option) = contradicted(&arguments, &location, &loaded.settings) {
        return Err(Failure::Config(format!(
            "{} exists and says something else than {option}; leave {option} out, or name another file with --config",
            path.display()
        )));
    }
    Ok(Choice {
        location,
        is_written: true,
        key_is_new: arguments.key_is_new,
        id: Some(loaded.settings.merchant.id),
        name: None,
        upstream: None,
        listen: None,
    })
}

/// The first option that says something else than the file.
fn contradicted(
    arguments: &Arguments,
    location: &KeyLocation,
    settings: &Settings,
) -> Option<&'static str> {
    let Arguments { id, name, store, account, upstream, listen, key_is_new: _ } = arguments;
    let merchant = &settings.merchant;
    let differs = [
        ("--id", id.as_ref().is_some_and(|id| *id != merchant.id)),
        ("--name", name.as_ref().is_some_and(|name| *name != merchant.name)),
        ("--store", store.is_some_and(|store| store != location.choice)),
        ("--account", account.as_ref().is_some_and(|account| *account != location.account)),
        ("--upstream", upstream.as_ref().is_some_and(|url| *url != settings.upstream)),
        ("--listen", listen.is_some_and(|listen| listen != settings.listen)),
    ];
    differs.into_iter().find(|(_, differs)| *differs).map(|(option, _)| option)
}

impl Choice {
    /// The merchant: that of the book where there is one.
    pub(super) fn merchant(&mut self, owner: Option<&Owner>) -> Result<MerchantId, Failure> {
        match (owner, &self.id) {
            (Some(Owner { merchant, .. }), Some(id)) if id != merchant => {
                Err(Failure::Config(format!(
                    "the book is that of the merchant {merchant}, and its id cannot be changed"
                )))
            }
            (Some(Owner { merchant, .. }), _) => Ok(merchant.clone()),
            (None, Some(id)) => Ok(id.clone()),
            (None, None) => {
                let problem =
                    "a new gateway needs the merchant's id: pass --id, as in --id lux-hotels";
                Err(Failure::Usage(problem.to_owned()))
            }
        }
    }

    /// A new gateway.toml, checked before anything is made: a gateway whose own file does not load is none.
    pub(super) fn text(&self, merchant: &MerchantId) -> Result<String, Failure> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => merchant.as_str().parse().map_err(|error| {
                Failure::Usage(format!("the id makes no name ({error}): pass --name"))
            })?,
        };
        let KeyLocation { choice, account, .. } = &self.location;
        let store = KeyStore::ALL.into_iter().find(|store| store.as_str() == choice.to_string());
        let defaults = Settings::template(Merchant { id: merchant.clone(), name });
        let template = Template {
            key: KeyReference {
                store: store.unwrap_or(KeyStore::Auto),
                account: account.to_string(),
            },
            listen: self.listen.unwrap_or(defaults.listen),
            upstream: self.upstream.clone().unwrap_or_else(|| defaults.upstream.clone()),
            ..defaults
        };
        let text = template.text();
        match Settings::parse(&text) {
            Ok(_) => Ok(text),
            Err(faults) => {
                Err(Failure::Config(format!("the new gateway.toml would be bad: {faults}")))
            }
        }
    }
}
