//! What an auditor does with public keys alone: reads an export, checks a proof, and holds two logs against each other.
//!
//! An export ([`Export`], [`write`](write())) is one log as a folder of files. Everything in it is hostile until it was
//! checked: names and lengths follow from the checkpoint's size, never from the folder. Entries are read as any JSON
//! object with tokens in it; this crate knows neither side's kinds of entry, so it is a second reader of the format and
//! shares no mistake with the programs that write it.
//!
//! It never opens a database or a socket, never asks a daemon, and never holds a private key.

mod export;
mod folder;
mod keys;
mod log;
mod proof;
pub mod reconcile;
mod story;
#[cfg(test)]
mod testing;
mod tie;
mod token;
mod write;

pub use export::{Export, ExportError};
pub use folder::FolderError;
pub use keys::{KeyTextError, Keys, TrustedKey};
pub use log::{Log, Side};
pub use proof::{Checked, EntryProofError, Fact, PROOF_TOKENS_MAX, check, compose};
pub use reconcile::{ReconcileError, Reconciliation, reconcile};
pub use story::{Story, own_jti};
pub use token::Typ;
pub use write::{Contents, WriteError, write};
