//! The book's journal, from whoever holds it: the file while the gateway is stopped, the gateway while it runs.
//!
//! The lock on the file decides, so the book that was asked for is the one that is read.

use mandate::{Head, MerchantId, PublicKey};
use mandate_journal::tree::NodeHash;
use mandate_journal::{Checkpoint, CheckpointError, OpenError, StoreError, read};
use mandate_terminal::audit::Provable;
use mandate_terminal::failure::{Failure, chain};
use mandate_terminal::record::{Entries, damaged, unchecked};

use super::places::Places;
use super::record::Gateway;
use super::running::Running;
use crate::book::StoppedBook;
use crate::book::event::Event;
use crate::door::{Checked, InclusionPath, Reserved, Signed, Status, Stored, Waiting};

/// The journal, as long as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Journal {
    source: Source,
    size: u64,
}

#[derive(Debug)]
enum Source {
    File(StoppedBook),
    Gateway(Running),
}

/// Whose book it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The merchant.
    pub(crate) merchant: MerchantId,
    /// The key that signs.
    pub(crate) key: PublicKey,
}

impl Journal {
    /// Finds the journal: the file in the state folder, or the gateway that holds it.
    pub(crate) fn open(places: &Places) -> Result<Self, Failure> {
        match StoppedBook::open(places.state_dir()) {
            Ok(book) => {
                let size = book.head().map_err(|error| unread(&error))?.size;
                Ok(Self { source: Source::File(book), size })
            }
            Err(OpenError::InUse { .. }) => {
                let running = Running::expect(places)?;
                let size = running.get::<Status>("/status")?.head.size;
                Ok(Self { source: Source::Gateway(running), size })
            }
            Err(error) => Err(unopened(&error)),
        }
    }

    /// Every use that waits, oldest first.
    pub(crate) fn waiting(&self) -> Result<Vec<Waiting>, Failure> {
        let mut all: Vec<Waiting> = Vec::new();
        loop {
            let after = all.last().map_or(0, |last| last.seq);
            let page = match &self.source {
                Source::File(book) => {
                    let page = book.reserved(after).map_err(|error| unread(&error))?;
                    page.into_iter().map(Waiting::from).collect()
                }
                Source::Gateway(running) => {
                    running.get::<Reserved>(&format!("/reserved?after={after}"))?.uses
                }
            };
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> Result<Owner, Failure> {
        let first = self.record(0)?;
        let Some(Event::Init(init)) = first.event() else {
            return Err(damaged::<Gateway>("the first entry is none of a gateway"));
        };
        let key = init.key.clone().try_into();
        let key = key.map_err(|error| damaged::<Gateway>(&format!("entry 0: {error}")))?;
        Ok(Owner { merchant: init.merchant.clone(), key })
    }

    /// Has chain, tree and every projection recomputed.
    pub(crate) fn verify(&self) -> Result<Head, Failure> {
        match &self.source {
            Source::File(book) => match book.verify() {
                Ok(verified) => Ok(verified.head),
                Err(fault) if fault.is_inconclusive() => Err(unchecked(&chain(&fault))),
                Err(fault) => Err(Failure::Check(not_whole(&chain(&fault)))),
            },
            Source::Gateway(running) => match running.post_patiently("/verify")? {
                Checked::Whole { head } => Ok(head),
                Checked::Broken { fault } => Err(Failure::Check(not_whole(&fault))),
            },
        }
    }
}

impl Entries for Journal {
    type Side = Gateway;

    fn size(&self) -> u64 {
        self.size
    }

    fn stored(&self, from: u64, limit: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let mut all: Vec<Vec<u8>> = Vec::new();
        loop {
            let read = u64::try_from(all.len()).unwrap_or(u64::MAX);
            let (next, left) = (from.saturating_add(read), limit.saturating_sub(read));
            if left == 0 {
                return Ok(all);
            }
            let page: Vec<Vec<u8>> = match &self.source {
                Source::File(book) => {
                    let left = u32::try_from(left).unwrap_or(read::ENTRIES_MAX);
                    book.entries(next, left).map_err(|error| unread(&error))?
                }
                Source::Gateway(running) => {
                    let target = format!("/entries?from={next}&limit={left}");
                    let page = running.get::<Stored>(&target)?.entries;
                    page.into_iter()
                        .map(|entry| Box::<str>::from(entry).into_boxed_bytes().into())
                        .collect()
                }
            };
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }
}

impl Provable for Journal {
    fn checkpoint(&self) -> Result<Option<Checkpoint>, Failure> {
        let note = match &self.source {
            Source::File(book) => return book.checkpoint().map_err(|error| unread(&error)),
            Source::Gateway(running) => {
                let nothing = serde_json::Map::new();
                running.post::<Signed>("/checkpoint", &nothing)?.checkpoint
            }
        };
        let Some(note) = note else { return Ok(None) };
        let Owner { merchant, key } = self.owner()?;
        let bad = |error: &CheckpointError| damaged::<Gateway>(&format!("the checkpoint {error}"));
        let origin = format!("mandate/gateway/{merchant}").parse().map_err(|error| bad(&error))?;
        Checkpoint::verify(&note, &origin, &[key]).map(Some).map_err(|error| bad(&error))
    }

    fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, Failure> {
        match &self.source {
            Source::File(book) => book.inclusion_path(seq, size).map_err(|error| unread(&error)),
            Source::Gateway(running) => {
                let target = format!("/path?seq={seq}&size={size}");
                let hashes = running.get::<InclusionPath>(&target)?.hashes.into_iter();
                Ok(hashes.map(|hash| NodeHash::from_bytes(*hash.as_bytes())).collect())
            }
        }
    }
}

fn not_whole(fault: &str) -> String {
    format!("the journal is not whole: {fault}; stop the gateway and restore a backup")
}

/// Why a book is not opened, and the way out.
pub(crate) fn unopened(error: &OpenError) -> Failure {
    match error {
        OpenError::Missing { path } => Failure::Config(format!(
            "there is no book at {}; name its folder with --state-dir, restore a backup, or make a new one with \
             `mandate-gateway init`",
            path.display()
        )),
        OpenError::Io { .. } | OpenError::InUse { .. } => Failure::Config(chain(error)),
        error => Failure::Check(format!("the book does not open: {}", chain(error))),
    }
}

/// Why a book is not read.
pub(crate) fn unread(error: &StoreError) -> Failure {
    Failure::Check(format!("the book cannot be read: {}", chain(error)))
}
