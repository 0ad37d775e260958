//! Where the private key is kept, and the Ed25519 signer over it.
//!
//! A key is 32 bytes drawn once by [`create`], kept by a store of the system (Secret Service, kernel keyring, or a
//! systemd credential) and read back by [`load`] into a page of memory of its own, which is locked and wiped.
//! [`SigningKey`] signs with it and is all that a program gets to hold.
//!
//! Beside a key its store also remembers one text, which is no secret: the head of the journal that the key signs
//! ([`remember`]).
//!
//! This crate never decides what may be signed, never overwrites a key, never writes one to a file, and never lets
//! private bytes into a log, an error or a `Debug`.

mod error;
mod harden;
mod location;
mod seed;
mod signer;
mod store;
#[cfg(test)]
mod testing;

pub use error::KeyStoreError;
pub use harden::{Hardening, MemoryLock, Protection, harden_process};
pub use location::{
    ACCOUNT_BYTES_MAX, Account, AccountError, KeyLocation, Service, StoreChoice, StoreChoiceError,
    StoreKind,
};
pub use seed::{SEED_BYTES, Seed};
pub use signer::SigningKey;
pub use store::{Loaded, REMEMBERED_BYTES_MAX, Remembered, create, delete, load, recall, remember};
