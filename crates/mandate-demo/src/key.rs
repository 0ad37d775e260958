//! A key in the system's keyring that is gone when its value is.

use std::io::{self, Write as _};

use mandate::PublicKey;
use mandate_keys::{
    Account, KeyLocation, KeyStoreError, Service, SigningKey, StoreChoice, StoreKind,
};

use crate::error::DemoError;

/// A key of this demonstration, deleted with this value.
#[derive(Debug)]
pub(crate) struct Key {
    location: KeyLocation,
    /// Its public half.
    pub(crate) public: PublicKey,
    /// The keyring that took it.
    pub(crate) store: StoreKind,
    deleted: bool,
}

impl Key {
    /// Makes one. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError::Key`] if no keyring takes it.
    pub(crate) fn create(service: Service, account: Account) -> Result<Self, DemoError> {
        let location = KeyLocation { service, choice: StoreChoice::Auto, account };
        let created = mandate_keys::create(&location)?;
        let (public, store) = (created.key.public_key(), created.store);
        Ok(Self { location, public, store, deleted: false })
    }

    /// Its name in its keyring.
    pub(crate) fn account(&self) -> &Account {
        &self.location.account
    }

    /// Takes it out of its keyring, to sign with it past the program that it belongs to.
    ///
    /// # Errors
    ///
    /// [`DemoError::Key`] if the keyring does not give it.
    pub(crate) async fn load(&self) -> Result<SigningKey, DemoError> {
        let location = self.location.clone();
        let loaded = tokio::task::spawn_blocking(move || mandate_keys::load(&location)).await?;
        Ok(loaded?.key)
    }

    /// Deletes it, and looks whether it is gone. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError`] if it is not.
    pub(crate) fn remove(mut self) -> Result<(), DemoError> {
        self.delete()?;
        match mandate_keys::load(&self.location) {
            Err(KeyStoreError::Missing { .. }) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Err(DemoError::differs(&"no key", &self.location.account)),
        }
    }

    fn delete(&mut self) -> Result<(), KeyStoreError> {
        mandate_keys::delete(&self.location)?;
        self.deleted = true;
        Ok(())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if !self.deleted
            && let Err(error) = self.delete()
        {
            let account = &self.location.account;
            writeln!(io::stderr(), "the key {account} was left behind: {error}")
                .unwrap_or_default();
        }
    }
}
