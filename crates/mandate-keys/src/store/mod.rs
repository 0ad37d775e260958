//! Creating, loading and deleting a key in the store that its location names.
//!
//! Every call blocks, on the kernel or on a service of the desktop: from async code use `spawn_blocking`. The stores
//! are opened for the one call and let go. Nobody is prompted: a locked store is an error that says so. There is no
//! time limit: a service that takes the call and does not answer holds it up.
//!
//! With [`StoreChoice::Auto`] the Secret Service comes first and the kernel keyring second; a locked Secret Service is
//! never passed over, because the key that lies behind it is the right one.

mod credential;
mod keyutils;
mod secret_service;
mod slot;

use std::sync::{Mutex, PoisonError};

use crate::error::KeyStoreError;
use crate::location::{KeyLocation, StoreChoice, StoreKind};
use crate::seed::Seed;
use crate::signer::SigningKey;
use slot::{Part, Slot};

/// Most bytes that are remembered beside a key.
pub const REMEMBERED_BYTES_MAX: usize = 4 * 1024;

/// No store can create "only if absent", so look and write must not interleave with those of another thread.
static CREATING: Mutex<()> = Mutex::new(());

/// A key, where it was found, and what is remembered beside it.
#[derive(Debug)]
pub struct Loaded {
    /// The key.
    pub key: SigningKey,
    /// The store that has it.
    pub store: StoreKind,
    /// What was given to [`remember`] last.
    pub remembered: Remembered,
}

/// What a store remembers beside a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remembered {
    /// The store is read only and can remember nothing.
    Never,
    /// Nothing yet.
    Nothing,
    /// This text, as far as the store can be believed.
    Text(String),
}

/// Draws a new key and puts it into the store; blocks.
///
/// A key that is there already is never overwritten by this process; with `auto`, also one in the store that was not
/// taken counts. The key is given back as the store returns it, so what works now works after a restart.
/// Two processes that create one account at the same moment are not kept apart by any store: the slower one's key may
/// displace the other's before either is used.
///
/// # Errors
///
/// [`KeyStoreError::Exists`] if there is a key of that name; [`KeyStoreError::ReadOnly`] for a systemd credential;
/// [`KeyStoreError::Locked`] and [`KeyStoreError::Unreachable`] if the store cannot be used;
/// [`KeyStoreError::Random`] if the system gives no random numbers; [`KeyStoreError::Failed`] if the store fails.
pub fn create(location: &KeyLocation) -> Result<Loaded, KeyStoreError> {
    let _creating = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let slot = match location.choice {
        StoreChoice::Auto => vacant_slot(location)?,
        StoreChoice::Credential => {
            return Err(KeyStoreError::ReadOnly { account: location.account.clone() });
        }
        StoreChoice::Keyutils => keyutils::open(location, Part::Key)?,
        StoreChoice::SecretService => secret_service::open(location, Part::Key)?,
    };
    if slot.read()?.is_some() {
        return Err(slot.exists());
    }
    let seed = Seed::random().map_err(KeyStoreError::Random)?;
    // Before the key is there: what fails after it would leave a key that nobody was told of.
    forget(location, slot.kind())?;
    slot.write(&seed)?;
    let drawn = SigningKey::from_seed(seed).public_key();
    let key = slot.read()?.ok_or_else(|| slot.missing(None))?;
    if key.public_key() != drawn {
        return Err(slot.exists());
    }
    Ok(Loaded { key, store: slot.kind(), remembered: Remembered::Nothing })
}

/// The slot that `auto` creates in, unless the other store has a key that it would hide.
fn vacant_slot(location: &KeyLocation) -> Result<Slot, KeyStoreError> {
    let first = match secret_service::open(location, Part::Key) {
        Err(KeyStoreError::Unreachable { store, source }) => {
            tracing::info!(%store, reason = %source, "key store not reachable, taking the next");
            return keyutils::open(location, Part::Key);
        }
        opened => opened?,
    };
    if let Ok(other) = keyutils::open(location, Part::Key)
        && other.read()?.is_some()
    {
        return Err(other.exists());
    }
    Ok(first)
}

/// Reads the key; blocks.
///
/// # Errors
///
/// [`KeyStoreError::Missing`] if no store that was searched has it; [`KeyStoreError::Locked`] if the store has to be
/// unlocked first: wait and ask again; [`KeyStoreError::Unreachable`] if there is no such store here;
/// [`KeyStoreError::Malformed`], [`KeyStoreError::Ambiguous`] and [`KeyStoreError::Permissions`] if what is there
/// cannot be taken for the key; [`KeyStoreError::Failed`] if the store fails.
pub fn load(location: &KeyLocation) -> Result<Loaded, KeyStoreError> {
    match location.choice {
        StoreChoice::Credential => {
            let key = credential::load(location)?;
            Ok(Loaded { key, store: StoreKind::Credential, remembered: Remembered::Never })
        }
        StoreChoice::Auto | StoreChoice::Keyutils | StoreChoice::SecretService => {
            let read = |slot: &Slot| Ok(slot.read()?.map(|key| (key, slot.kind())));
            let (key, store) = find(location, read)?;
            Ok(Loaded { key, store, remembered: recall(location, store)? })
        }
    }
}

/// Keeps a text beside a key, in the store that has the key, in place of what was there; blocks.
///
/// The text is no secret, and whoever can read the key can change it: it tells an older copy of a journal from the
/// newest one, and does not tell a thief of the key from its owner. A systemd credential remembers nothing.
///
/// # Errors
///
/// [`KeyStoreError::ReadOnly`] for a systemd credential; [`KeyStoreError::Locked`], [`KeyStoreError::Unreachable`] and
/// [`KeyStoreError::Failed`] if the store cannot be used, or the text has more than [`REMEMBERED_BYTES_MAX`] bytes.
pub fn remember(location: &KeyLocation, store: StoreKind, text: &str) -> Result<(), KeyStoreError> {
    if text.len() > REMEMBERED_BYTES_MAX {
        let source = TooLong { actual: text.len() }.into();
        return Err(KeyStoreError::Failed { store, source });
    }
    match beside(location, store)? {
        Some(slot) => slot.write_text(text),
        None => Err(KeyStoreError::ReadOnly { account: location.account.clone() }),
    }
}

/// What was remembered beside a key last; blocks.
///
/// # Errors
///
/// [`KeyStoreError::Locked`], [`KeyStoreError::Unreachable`] and [`KeyStoreError::Failed`] if the store cannot be used.
pub fn recall(location: &KeyLocation, store: StoreKind) -> Result<Remembered, KeyStoreError> {
    Ok(match beside(location, store)? {
        Some(slot) => slot.read_text()?.map_or(Remembered::Nothing, Remembered::Text),
        None => Remembered::Never,
    })
}

/// Removes what was remembered: a key that is made under this name has a journal of its own.
fn forget(location: &KeyLocation, store: StoreKind) -> Result<(), KeyStoreError> {
    match beside(location, store)? {
        Some(slot) => slot.remove().map(drop),
        None => Ok(()),
    }
}

/// The place beside a key; `None` where there is none.
fn beside(location: &KeyLocation, store: StoreKind) -> Result<Option<Slot>, KeyStoreError> {
    match store {
        StoreKind::Credential => Ok(None),
        StoreKind::Keyutils => keyutils::open(location, Part::Head).map(Some),
        StoreKind::SecretService => secret_service::open(location, Part::Head).map(Some),
    }
}

/// The text is longer than what is remembered.
#[derive(Debug, thiserror::Error)]
#[error("{actual} bytes were to be remembered; at most {REMEMBERED_BYTES_MAX} are")]
struct TooLong {
    actual: usize,
}

/// Removes the key, and what is remembered beside it, from the store that [`load`] would take it from; blocks.
///
/// # Errors
///
/// Those of [`load`], and [`KeyStoreError::ReadOnly`] for a systemd credential.
pub fn delete(location: &KeyLocation) -> Result<(), KeyStoreError> {
    match location.choice {
        StoreChoice::Credential => {
            Err(KeyStoreError::ReadOnly { account: location.account.clone() })
        }
        StoreChoice::Auto | StoreChoice::Keyutils | StoreChoice::SecretService => {
            find(location, |slot| {
                let removed = slot.remove()?;
                if removed.is_some() {
                    forget(location, slot.kind())?;
                }
                Ok(removed)
            })
        }
    }
}

/// The first answer of `act` among the keyrings that the location names, in their order.
fn find<T>(
    location: &KeyLocation,
    act: impl Fn(&Slot) -> Result<Option<T>, KeyStoreError>,
) -> Result<T, KeyStoreError> {
    let mut unasked = None;
    if location.choice != StoreChoice::Keyutils {
        match secret_service::open(location, Part::Key) {
            Ok(slot) => match act(&slot)? {
                Some(answer) => return Ok(answer),
                None if location.choice == StoreChoice::SecretService => {
                    return Err(slot.missing(None));
                }
                None => {}
            },
            Err(KeyStoreError::Unreachable { store, source })
                if location.choice == StoreChoice::Auto =>
            {
                tracing::info!(%store, reason = %source, "key store not reachable, asking the next");
                unasked = Some(store);
            }
            Err(error) => return Err(error),
        }
    }
    let slot = keyutils::open(location, Part::Key)?;
    act(&slot)?.ok_or_else(|| slot.missing(unasked))
}

#[cfg(test)]
mod copies;
#[cfg(test)]
mod tests;
