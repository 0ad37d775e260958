//! Where the proof that a payment is in the journal comes from.

use mandate_journal::Checkpoint;
use mandate_terminal::audit::Provable as _;
use mandate_terminal::audit::prove::prove_among;

use super::purchases::Purchase;
use crate::failure::Failure;
use crate::journal::Journal;

/// Makes the proof of one payment.
pub(super) trait Proofs {
    /// The proof of the payment's entry as the text of a file; `None` where it is to be asked for by itself.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it should be there and cannot be made.
    fn proof(&mut self, purchase: &Purchase) -> Result<Option<String>, Failure>;
}

/// Proofs under the newest checkpoint of the journal, each with the merchant's cart and receipt beside it.
///
/// What no checkpoint covers, after a wallet that did not end in order, has none here.
#[derive(Debug)]
pub(super) struct FromJournal<'j> {
    journal: &'j Journal,
    checkpoint: Option<Checkpoint>,
}

impl<'j> FromJournal<'j> {
    /// Asks the journal for its newest checkpoint.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it cannot be read.
    pub(super) fn new(journal: &'j Journal) -> Result<Self, Failure> {
        Ok(Self { journal, checkpoint: journal.checkpoint()? })
    }
}

impl Proofs for FromJournal<'_> {
    fn proof(&mut self, purchase: &Purchase) -> Result<Option<String>, Failure> {
        let seq = purchase.seq;
        let covers = |checkpoint: &&Checkpoint| seq < checkpoint.head().size;
        let Some(checkpoint) = self.checkpoint.as_ref().filter(covers) else { return Ok(None) };
        let proven = prove_among(self.journal, checkpoint, seq, purchase.settled_seq)?;
        Ok(Some(proven.text))
    }
}
