//! What the book shows to others: its signed checkpoints, and the way from an entry to one of them.

use std::sync::Arc;

use mandate::Signer;
use mandate_journal::tree::NodeHash;
use mandate_journal::{Checkpoint, RecallError, StoreError, WriteError, read};
use tokio::sync::watch;

use super::Book;

impl Book {
    /// Gives the book the merchant's key: from now on its journal's checkpoints are signed.
    ///
    /// First hold it against what is remembered of it ([`Book::recall`]). Another's key signs nothing.
    pub fn sign_with(&self, signer: Arc<dyn Signer>) {
        self.journal.sign_with(signer);
    }

    /// Signs a checkpoint of what none covers yet; answers when it is on disk.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn seal(&self) -> Result<(), WriteError> {
        self.journal.seal().await
    }

    /// Holds the book against a checkpoint that was remembered elsewhere. Blocks.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the book it was signed for, or an older copy of it.
    pub fn recall(&self, note: &str) -> Result<(), RecallError> {
        self.journal.recall(note)
    }

    /// The newest signed checkpoint that is on disk, if there is one.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.journal.checkpoint()
    }

    /// The newest signed checkpoint that is on disk, and word of each newer one.
    #[must_use]
    pub fn checkpoints(&self) -> watch::Receiver<Option<Checkpoint>> {
        self.journal.checkpoints()
    }

    /// The hashes that lead from entry `seq` to the root of the first `size` entries. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the journal cannot be read, or is shorter.
    pub fn inclusion_path(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, StoreError> {
        self.journal.read_blocking(|db| read::inclusion_path(db, seq, size))
    }
}
