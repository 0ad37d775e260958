//! Where the proof that an entry is in the journal comes from.

use crate::failure::Failure;

/// Makes the proof of one entry.
pub(super) trait Proofs {
    /// The proof of the entry `seq` as the text of a file; `None` where it is to be asked for by itself.
    ///
    /// # Errors
    ///
    /// [`Failure`] when it should be there and cannot be made.
    fn proof(&mut self, seq: u64) -> Result<Option<String>, Failure>;
}

/// No proof is put into the statement: each line names the command that makes it.
#[derive(Debug)]
pub(super) struct ByCommand;

impl Proofs for ByCommand {
    fn proof(&mut self, _seq: u64) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}
