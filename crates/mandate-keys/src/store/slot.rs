//! One named place in a keyring, whichever keyring it is.
//!
//! The bytes that the keyring crates return are copied into a [`Seed`] and wiped here.

use keyring_core::{Entry, Error as KeyringError};
use zeroize::Zeroizing;

use crate::error::KeyStoreError;
use crate::location::{KeyLocation, StoreKind};
use crate::seed::{SEED_BYTES, Seed};
use crate::signer::SigningKey;

/// Which of an account's places in a keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What is remembered of the key's journal; no secret.
    Head,
    /// The key.
    Key,
}

impl Part {
    /// The service it is filed under.
    pub(super) fn service(self, location: &KeyLocation) -> &'static str {
        match self {
            Self::Head => location.service.head(),
            Self::Key => location.service.as_str(),
        }
    }
}

/// A place that holds one key, or one text that stands beside a key, or nothing.
pub(super) struct Slot {
    entry: Entry,
    kind: StoreKind,
    location: KeyLocation,
}

impl Slot {
    pub(super) fn new(entry: Entry, kind: StoreKind, location: &KeyLocation) -> Self {
        Self { entry, kind, location: location.clone() }
    }

    pub(super) fn kind(&self) -> StoreKind {
        self.kind
    }

    /// The key that is here, if any.
    pub(super) fn read(&self) -> Result<Option<SigningKey>, KeyStoreError> {
        let bytes = match self.entry.get_secret() {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(KeyringError::NoEntry) => return Ok(None),
            Err(error) => return Err(self.fault(error)),
        };
        let bytes: &[u8; SEED_BYTES] =
            bytes.as_slice().try_into().ok().ok_or_else(|| self.malformed())?;
        Ok(Some(SigningKey::from_seed(Seed::copy_from(bytes))))
    }

    pub(super) fn write(&self, seed: &Seed) -> Result<(), KeyStoreError> {
        seed.expose(|bytes| self.entry.set_secret(bytes)).map_err(|error| self.fault(error))
    }

    /// The text that is here, if any.
    pub(super) fn read_text(&self) -> Result<Option<String>, KeyStoreError> {
        match self.entry.get_secret() {
            // What is no text is nothing that was put here; whoever reads it finds that it says nothing.
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => Err(self.fault(error)),
        }
    }

    pub(super) fn write_text(&self, text: &str) -> Result<(), KeyStoreError> {
        self.entry.set_secret(text.as_bytes()).map_err(|error| self.fault(error))
    }

    /// Removes what is here; `None` if there was nothing.
    pub(super) fn remove(&self) -> Result<Option<()>, KeyStoreError> {
        match self.entry.delete_credential() {
            Ok(()) => Ok(Some(())),
            Err(KeyringError::NoEntry) => Ok(None),
            Err(error) => Err(self.fault(error)),
        }
    }

    pub(super) fn exists(&self) -> KeyStoreError {
        KeyStoreError::Exists { store: self.kind, account: self.location.account.clone() }
    }

    pub(super) fn missing(&self, unasked: Option<StoreKind>) -> KeyStoreError {
        KeyStoreError::Missing {
            store: self.kind,
            service: self.location.service,
            account: self.location.account.clone(),
            unasked,
        }
    }

    fn malformed(&self) -> KeyStoreError {
        KeyStoreError::Malformed { store: self.kind, account: self.location.account.clone() }
    }

    fn fault(&self, error: KeyringError) -> KeyStoreError {
        fault(self.kind, &self.location, error)
    }
}

/// Translates a keyring's error, leaving behind whatever secret bytes it carries.
pub(super) fn fault(
    store: StoreKind,
    location: &KeyLocation,
    error: KeyringError,
) -> KeyStoreError {
    match error {
        KeyringError::Ambiguous(entries) => KeyStoreError::Ambiguous {
            store,
            account: location.account.clone(),
            count: entries.len(),
        },
        KeyringError::BadEncoding(bytes) | KeyringError::BadDataFormat(bytes, _) => {
            drop(Zeroizing::new(bytes));
            KeyStoreError::Malformed { store, account: location.account.clone() }
        }
        KeyringError::NoStorageAccess(source) | KeyringError::PlatformFailure(source) => {
            if super::secret_service::says_locked(source.as_ref()) {
                KeyStoreError::Locked { store }
            } else {
                KeyStoreError::Failed { store, source }
            }
        }
        other => KeyStoreError::Failed { store, source: other.into() },
    }
}

#[cfg(test)]
impl Slot {
    /// Puts bytes here that need not be a key.
    pub(super) fn write_raw(&self, bytes: &[u8]) {
        self.entry.set_secret(bytes).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::location::{Account, Service, StoreChoice};

    #[test]
    fn secret_bytes_in_a_keyring_error_go_no_further() {
        let location = KeyLocation {
            service: Service::Wallet,
            choice: StoreChoice::Keyutils,
            account: Account::default(),
        };
        let canary = b"canary".to_vec();
        for error in [
            KeyringError::BadEncoding(canary.clone()),
            KeyringError::BadDataFormat(canary.clone(), "canary".into()),
        ] {
            let fault = fault(StoreKind::Keyutils, &location, error);
            assert!(matches!(fault, KeyStoreError::Malformed { .. }));
            let shown = format!("{fault} {fault:?}");
            assert!(!shown.contains("canary") && !shown.contains(&format!("{canary:?}")));
        }
    }
}
