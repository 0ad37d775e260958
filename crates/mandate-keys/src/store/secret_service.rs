//! The Secret Service of the desktop (such as GNOME Keyring), over the session bus.
//!
//! The keyring crate unlocks what it finds locked, and so may wait for a person for ever. Before it is asked for
//! anything, a look of our own finds out whether that would happen. A keyring that is locked between the look and the
//! call can still prompt.

#![expect(
    clippy::disallowed_types,
    reason = "the keyring crates take their attributes in a HashMap"
)]

use std::collections::HashMap;
use std::error::Error as StdError;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error as KeyringError};
use secret_service::blocking::SecretService;
use secret_service::{EncryptionType, Error as ServiceError};
use zbus_secret_service_keyring_store::Store;

use super::slot::{Part, Slot, fault};
use crate::error::KeyStoreError;
use crate::location::{KeyLocation, StoreKind};

const STORE: StoreKind = StoreKind::SecretService;
/// The attribute by which the keyring crate files a service.
const SERVICE: &str = "service";
/// The attribute by which the keyring crate files an account.
const ACCOUNT: &str = "username";

/// Opens the place of a key, or of what is remembered beside it, unless that needs somebody to unlock it.
pub(super) fn open(location: &KeyLocation, part: Part) -> Result<Slot, KeyStoreError> {
    look(location, part)?;
    let entry = entry(location, part).map_err(|error| fault(STORE, location, error))?;
    Ok(Slot::new(entry, STORE, location))
}

fn entry(location: &KeyLocation, part: Part) -> Result<Entry, KeyringError> {
    let what = match part {
        Part::Head => "journal's head",
        Part::Key => "signing key",
    };
    let label = format!("{} {what} ({})", location.service.as_str(), location.account);
    let modifiers = HashMap::from([("label", label.as_str())]);
    Store::new()?.build(part.service(location), location.account.as_str(), Some(&modifiers))
}

/// Makes sure that the service is there and that neither reading nor writing would prompt.
fn look(location: &KeyLocation, part: Part) -> Result<(), KeyStoreError> {
    let failed =
        |source: ServiceError| KeyStoreError::Failed { store: STORE, source: source.into() };
    // No secret crosses this connection, so it needs no encryption of its own.
    let service = SecretService::connect(EncryptionType::Plain).map_err(unreachable)?;
    let attributes =
        HashMap::from([(SERVICE, part.service(location)), (ACCOUNT, location.account.as_str())]);
    let found = service.search_items(attributes).map_err(failed)?;
    let count = found.unlocked.len().saturating_add(found.locked.len());
    if count > 1 {
        return Err(KeyStoreError::Ambiguous {
            store: STORE,
            account: location.account.clone(),
            count,
        });
    }
    if !found.locked.is_empty() {
        return Err(KeyStoreError::Locked { store: STORE });
    }
    if !found.unlocked.is_empty() {
        return Ok(());
    }
    // Some services do not search what is locked, so "not found" in a locked keyring proves nothing.
    let keyring = service.get_default_collection().map_err(|error| match error {
        ServiceError::NoResult => unreachable(NoDefaultKeyring),
        other => failed(other),
    })?;
    if keyring.is_locked().map_err(failed)? {
        return Err(KeyStoreError::Locked { store: STORE });
    }
    Ok(())
}

fn unreachable(source: impl StdError + Send + Sync + 'static) -> KeyStoreError {
    KeyStoreError::Unreachable { store: STORE, source: source.into() }
}

/// The service runs, but nobody has made a keyring in it.
#[derive(Debug, thiserror::Error)]
#[error("it has no default keyring; log in to the desktop once to have one made")]
struct NoDefaultKeyring;

/// Whether a keyring's platform error means that somebody has to unlock it.
pub(super) fn says_locked(error: &(dyn StdError + 'static)) -> bool {
    matches!(
        error.downcast_ref::<ServiceError>(),
        Some(ServiceError::Locked | ServiceError::Prompt | ServiceError::PromptDisconnected)
    )
}
