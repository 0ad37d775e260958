//! One side's log as that side hands it in: what `audit export` takes from a stopped journal, and the proof of an entry.
//!
//! Nothing here changes a journal.

use std::convert::Infallible;
use std::path::Path;

use mandate::{Head, PublicKey};
use mandate_audit::{Contents, Story, compose, write};
use mandate_gateway::book::StoppedBook;
use mandate_journal::{Checkpoint, Entry, StoreError, read};
use mandate_ledger::StoppedLedger;

use crate::error::DemoError;

/// A log: its entries, and its head as it was signed.
#[derive(Debug, Clone)]
pub(crate) struct Handed {
    /// The signed head.
    pub(crate) checkpoint: Checkpoint,
    /// The key that signed it.
    pub(crate) key: PublicKey,
    /// The entries that it covers, as stored.
    pub(crate) entries: Vec<Vec<u8>>,
}

impl Handed {
    /// That of a wallet that does not run. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it cannot be read.
    pub(crate) fn wallet(dir: &Path) -> Result<Self, DemoError> {
        let ledger = StoppedLedger::open(dir)?;
        let (_, key) = ledger.owner()?;
        let limit = usize::try_from(read::ENTRIES_MAX).unwrap_or(usize::MAX);
        Self::read((ledger.checkpoint()?, key), |from| ledger.entries(from, limit))
    }

    /// That of a gateway that does not run. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it cannot be read.
    pub(crate) fn gateway(dir: &Path) -> Result<Self, DemoError> {
        let book = StoppedBook::open(dir)?;
        let (_, key) = book.owner()?;
        Self::read((book.checkpoint()?, key), |from| book.entries(from, read::ENTRIES_MAX))
    }

    fn read(
        (checkpoint, key): (Option<Checkpoint>, PublicKey),
        page: impl Fn(u64) -> Result<Vec<Vec<u8>>, StoreError>,
    ) -> Result<Self, DemoError> {
        let checkpoint =
            checkpoint.ok_or_else(|| DemoError::differs(&"a signed checkpoint", &"none"))?;
        let size = usize::try_from(checkpoint.head().size).unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        while entries.len() < size {
            let read = page(u64::try_from(entries.len()).unwrap_or(u64::MAX))?;
            if read.is_empty() {
                return Err(DemoError::differs(&"another entry", &"the end of the log"));
            }
            entries.extend(read);
        }
        entries.truncate(size);
        Ok(Self { checkpoint, key, entries })
    }

    /// The signed head.
    pub(crate) fn head(&self) -> Head {
        self.checkpoint.head()
    }

    /// One entry, as stored.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if there is none of that number.
    pub(crate) fn entry(&self, seq: u64) -> Result<&[u8], DemoError> {
        let entry = usize::try_from(seq).ok().and_then(|seq| self.entries.get(seq));
        entry
            .map(Vec::as_slice)
            .ok_or_else(|| DemoError::differs(&format_args!("entry {seq}"), &"a shorter log"))
    }

    /// Writes the export, into a folder that is not there yet. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError::ExportUnwritten`], also when the entries do not lead to the signed root.
    pub(crate) fn export(&self, dir: &Path) -> Result<(), DemoError> {
        let contents = Contents { checkpoint: &self.checkpoint, key: self.key, policy: None };
        write(dir, &contents, self.entries.iter().cloned().map(Ok::<_, Infallible>))?;
        Ok(())
    }

    /// The proof of one entry of a stopped wallet, with the merchant's tokens of its purchase: what `mandate audit prove`
    /// writes. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when there is no such entry, or the ledger cannot be read.
    pub(crate) fn proof(&self, dir: &Path, seq: u64) -> Result<String, DemoError> {
        let entry = Entry::parse(self.entry(seq)?)?;
        let mut story = Story::of(&entry);
        for bytes in &self.entries {
            story.take(&Entry::parse(bytes)?);
        }
        let path = StoppedLedger::open(dir)?.inclusion_path(seq, self.head().size)?;
        Ok(compose(&self.checkpoint, seq, path, entry.body, &story.tokens())?)
    }
}
