//! A tamper-evident log: entries, their hash chain, their Merkle tree, and a durable store for all of it.
//!
//! The pure half ([`entry`], [`chain`], [`tree`]) turns facts into bytes and bytes into one root hash, and makes and
//! checks what convinces others ([`checkpoint`] over [`note`], [`tile`], [`proof`]), from public keys alone. The durable
//! half ([`store`]) keeps them in one SQLite file, groups concurrent writes into one commit, and lets a side hang its
//! own tables ([`Projection`]) into the same transaction. An answer comes only after the commit is on disk.
//!
//! This crate never knows what an entry means, never decides anything, never reads a clock and never holds a key: a
//! [`Signer`](mandate::Signer) signs its checkpoints.

pub mod chain;
pub mod checkpoint;
pub mod entry;
pub mod note;
pub mod proof;
pub mod store;
mod strict;
mod sync;
#[cfg(test)]
mod testing;
pub mod tile;
pub mod tree;

pub use chain::{Chain, ChainError, verify_entries};
pub use checkpoint::{Checkpoint, CheckpointError, Origin, UnverifiedCheckpoint};
pub use entry::{ENTRY_BYTES_MAX, Entry, EntryError, EntryHash};
pub use store::{
    Appended, CHECKPOINT_ENTRIES, CheckpointFault, Damage, Died, Fault, Files, Genesis, Hook,
    Hooks, Journal, LogOwner, Moment, Observer, OpenError, Options, Place, Progress, Projection,
    RecallError, Staged, Stopped, StoreError, Transaction, Verified, VerifyFault, WriteError,
    peers, read, verify, verify_stopped,
};
