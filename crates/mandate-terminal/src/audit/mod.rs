//! What both command lines say of proofs: exporting a journal, proving an entry, and checking what others hand in.
//!
//! What only needs public keys ([`check`], [`reconcile`], [`verify`]) opens no journal and asks no daemon. What needs one
//! gets it as [`Provable`].

pub mod check;
pub mod export;
mod keys;
pub mod prove;
pub mod reconcile;
pub mod seen;
pub mod verify;
pub mod whole;

use mandate_journal::Checkpoint;
use mandate_journal::tree::NodeHash;

use crate::failure::Failure;
use crate::record::Entries;

/// A journal that can prove what is in it.
pub trait Provable: Entries {
    /// The newest signed checkpoint; `None` if none was signed yet.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it cannot be read.
    fn checkpoint(&self) -> Result<Option<Checkpoint>, Failure>;

    /// The inclusion path of entry `seq` in the tree of the first `size` entries.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it cannot be read.
    fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, Failure>;
}
