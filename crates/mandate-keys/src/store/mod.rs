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
use slot::Slot;

/// No store can create "only if absent", so look and write must not interleave with those of another thread.
static CREATING: Mutex<()> = Mutex::new(());

/// A key, and where it was found.
#[derive(Debug)]
pub struct Loaded {
    /// The key.
    pub key: SigningKey,
    /// The store that has it.
    pub store: StoreKind,
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
        StoreChoice::Keyutils => keyutils::open(location)?,
        StoreChoice::SecretService => secret_service::open(location)?,
    };
    if slot.read()?.is_some() {
        return Err(slot.exists());
    }
    let seed = Seed::random().map_err(KeyStoreError::Random)?;
    slot.write(&seed)?;
    let drawn = SigningKey::from_seed(seed).public_key();
    let key = slot.read()?.ok_or_else(|| slot.missing(None))?;
    if key.public_key() != drawn {
        return Err(slot.exists());
    }
    Ok(Loaded { key, store: slot.kind() })
}

/// The slot that `auto` creates in, unless the other store has a key that it would hide.
fn vacant_slot(location: &KeyLocation) -> Result<Slot, KeyStoreError> {
    let first = match secret_service::open(location) {
        Err(KeyStoreError::Unreachable { store, source }) => {
            tracing::info!(%store, reason = %source, "key store not reachable, taking the next");
            return keyutils::open(location);
        }
        opened => opened?,
    };
    if let Ok(other) = keyutils::open(location)
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
            Ok(Loaded { key, store: StoreKind::Credential })
        }
        StoreChoice::Auto | StoreChoice::Keyutils | StoreChoice::SecretService => {
            find(location, |slot| Ok(slot.read()?.map(|key| Loaded { key, store: slot.kind() })))
        }
    }
}

/// Removes the key from the store that [`load`] would take it from; blocks.
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
            find(location, Slot::remove)
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
        match secret_service::open(location) {
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
    let slot = keyutils::open(location)?;
    act(&slot)?.ok_or_else(|| slot.missing(unasked))
}

#[cfg(test)]
mod tests;
