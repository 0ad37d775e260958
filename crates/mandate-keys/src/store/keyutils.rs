//! The kernel keyring: the user's persistent keyring, reached through the session's.
//!
//! The kernel drops a persistent keyring when nobody asked for it for a while (`kernel.keys.persistent_keyring_expiry`,
//! 3 days by default; every call here starts that time anew), and all of them at a reboot.

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error as KeyringError};
use linux_keyutils_keyring_store::{Cred, Store};

use super::slot::{Part, Slot, fault};
use crate::error::KeyStoreError;
use crate::location::{KeyLocation, StoreKind};

/// Opens the place of a key, or of what is remembered beside it.
pub(super) fn open(location: &KeyLocation, part: Part) -> Result<Slot, KeyStoreError> {
    let entry = entry(location, part).map_err(|error| match error {
        KeyringError::NoStorageAccess(source) => {
            KeyStoreError::Unreachable { store: StoreKind::Keyutils, source }
        }
        other => fault(StoreKind::Keyutils, location, other),
    })?;
    if entry.as_any().downcast_ref::<Cred>().is_some_and(|cred| cred.persistent.is_none()) {
        tracing::warn!(
            "this kernel has no persistent keyring: a key kept in keyutils ends with the login session"
        );
    }
    Ok(Slot::new(entry, StoreKind::Keyutils, location))
}

fn entry(location: &KeyLocation, part: Part) -> Result<Entry, KeyringError> {
    let service = part.service(location);
    let build = || Store::new()?.build(service, location.account.as_str(), None);
    // Asking for the persistent keyring gives a thread without a session keyring of its own a new one, and an entry
    // built before that moment would keep its key in the old one, from where nothing may be linked.
    drop(build()?);
    build()
}
