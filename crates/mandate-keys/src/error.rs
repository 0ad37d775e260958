//! What can go wrong with a key store, sorted by who can mend it.
//!
//! No variant holds bytes that came out of a store.

use std::error::Error as StdError;

use thiserror::Error;

use crate::location::{Account, Service, StoreKind};
use crate::seed::SEED_BYTES;

/// Why a key was not created, loaded or deleted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// Several items answer to the key's name; which one is meant is for a person to say.
    #[error("the {store} holds {count} keys named \"{account}\"; remove all but the right one")]
    Ambiguous {
        /// The store.
        store: StoreKind,
        /// The key's name.
        account: Account,
        /// How many there are.
        count: usize,
    },
    /// There is a key of this name already, and it was left as it is.
    #[error(
        "the {store} already holds a key named \"{account}\"; it was not touched (choose another account)"
    )]
    Exists {
        /// The store.
        store: StoreKind,
        /// The key's name.
        account: Account,
    },
    /// The store was reached and failed.
    #[error("the {store} failed")]
    Failed {
        /// The store.
        store: StoreKind,
        /// What it said.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The store is locked: wait for its owner to unlock it and ask again. Nobody was prompted.
    #[error("the {store} is locked; unlock the login keyring (or log in to the desktop)")]
    Locked {
        /// The store.
        store: StoreKind,
    },
    /// What the store holds under this name is no key.
    #[error(
        "what the {store} holds as \"{account}\" is no key: a key is exactly {SEED_BYTES} raw bytes"
    )]
    Malformed {
        /// The store.
        store: StoreKind,
        /// The key's name.
        account: Account,
    },
    /// No store that was searched holds the key.
    #[error(
        "no key named \"{account}\" in the {store}{}; {}",
        unasked_note(*unasked),
        way_out(*service, *store, account)
    )]
    Missing {
        /// The store that was searched last.
        store: StoreKind,
        /// Whose key it is.
        service: Service,
        /// The key's name.
        account: Account,
        /// A store that may hold the key but could not be reached (`auto` only).
        unasked: Option<StoreKind>,
    },
    /// The credential can be read by everybody on the machine.
    #[error("the systemd credential \"{account}\" has mode {mode:04o}; others may not have access")]
    Permissions {
        /// The key's name.
        account: Account,
        /// The file's permission bits.
        mode: u32,
    },
    /// The system gave no random numbers.
    #[error("the system gave no random numbers for a new key")]
    Random(#[source] getrandom::Error),
    /// systemd credentials are made by the administrator and cannot be written or deleted from here.
    #[error(
        "a systemd credential is read only; {}",
        way_out(Service::Wallet, StoreKind::Credential, account)
    )]
    ReadOnly {
        /// The key's name.
        account: Account,
    },
    /// The store cannot be reached from this process.
    #[error("the {store} cannot be reached")]
    Unreachable {
        /// The store.
        store: StoreKind,
        /// Why.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

fn unasked_note(unasked: Option<StoreKind>) -> String {
    unasked.map(|store| format!(" (the {store} could not be asked)")).unwrap_or_default()
}

/// What to do about a key that is not there.
fn way_out(service: Service, store: StoreKind, account: &Account) -> String {
    match store {
        StoreKind::Credential => format!(
            "make it with `head -c {SEED_BYTES} /dev/urandom | systemd-creds encrypt --name={account} - FILE` \
             and name it in the unit: LoadCredentialEncrypted={account}:FILE (our units begin with the whole command)"
        ),
        StoreKind::Keyutils | StoreKind::SecretService => {
            format!("run `{}`", service.init_command())
        }
    }
}
