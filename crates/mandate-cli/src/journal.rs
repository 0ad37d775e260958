//! The wallet's journal, from whoever holds it: the file while the wallet is stopped, the daemon while it runs.
//!
//! The lock on the file decides, so the ledger that was asked for is the one that is read.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use mandate::{Head, PrincipalId, PublicKey};
use mandate_journal::tree::NodeHash;
use mandate_journal::{Checkpoint, CheckpointError, OpenError, StoreError};
use mandate_ledger::{Event, StoppedLedger};
use mandate_terminal::audit::Provable;
use mandate_terminal::record::{Entries, damaged, unchecked};

use crate::backup::{copy_file, uncopied};
use crate::failure::{Failure, chain};
use crate::places::Places;
use crate::record::Wallet;
use crate::wallet::Control;

/// The journal, as long as it was when it was opened.
#[derive(Debug)]
pub(crate) struct Journal {
    source: Source,
    size: u64,
}

/// Whose journal it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The principal.
    pub(crate) principal: PrincipalId,
    /// The key that signs.
    pub(crate) key: PublicKey,
}

#[derive(Debug)]
enum Source {
    Daemon(Control),
    File(StoppedLedger),
}

impl Journal {
    /// Finds the journal: the file in the state folder, or whoever holds it.
    ///
    /// Where no folder was named and the default one has no ledger that can be read, the running wallet is asked: it may
    /// keep its ledger elsewhere.
    pub(crate) fn open(places: &Places) -> Result<Self, Failure> {
        match StoppedLedger::open(places.state_dir()) {
            Ok(ledger) => {
                let size = ledger.head().map_err(|error| unreadable(&error))?.size;
                Ok(Self { source: Source::File(ledger), size })
            }
            Err(OpenError::InUse { .. }) => Self::served(places, Some(&places.ledger())),
            Err(error) if is_elsewhere(&error) && !places.state_dir_was_named() => {
                match Self::served(places, None) {
                    Err(Failure::Unreachable { .. } | Failure::Usage(_)) => Err(unopened(&error)),
                    served => served,
                }
            }
            Err(error) => Err(unopened(&error)),
        }
    }

    /// The journal of the running wallet, which must be the one that was asked for.
    fn served(places: &Places, ledger: Option<&Path>) -> Result<Self, Failure> {
        let control = Control::connect(places)?;
        let status = control.status()?;
        let served = PathBuf::from(&status.ledger_path);
        if let Some(ledger) = ledger
            && !is_same_file(ledger, &served)
        {
            return Err(Failure::Config(format!(
                "{} is held by another process, and the wallet that answers serves {}; name the folder of the right \
                 wallet's sockets with --runtime-dir",
                ledger.display(),
                served.display()
            )));
        }
        Ok(Self { source: Source::Daemon(control), size: status.log_size })
    }

    /// The daemon that serves it, if one does.
    pub(crate) fn daemon(&self) -> Option<&Control> {
        match &self.source {
            Source::Daemon(control) => Some(control),
            Source::File(_) => None,
        }
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> Result<Owner, Failure> {
        if let Source::File(ledger) = &self.source {
            let (principal, key) = ledger.owner().map_err(|error| unreadable(&error))?;
            return Ok(Owner { principal, key });
        }
        let first = self.record(0)?;
        let Some(Event::Init(init)) = first.event() else {
            return Err(damaged::<Wallet>("the first entry is none of a wallet"));
        };
        let key = init
            .key
            .clone()
            .try_into()
            .map_err(|error| damaged::<Wallet>(&format!("entry 0: {error}")))?;
        Ok(Owner { principal: init.principal.clone(), key })
    }

    /// Writes a whole copy of the ledger's file.
    pub(crate) fn copy_to(&self, to: &mut File) -> Result<(), Failure> {
        match &self.source {
            Source::Daemon(control) => control.backup(to),
            Source::File(ledger) => {
                let copied = ledger.take_copy();
                let copy = copied.map_err(|error| {
                    Failure::Check(format!("no copy can be made: {}", chain(&error)))
                })?;
                copy_file(copy, to).map_err(|error| uncopied(&error))
            }
        }
    }

    /// Has chain, tree and every total recomputed.
    pub(crate) fn verify(&self) -> Result<Head, Failure> {
        match &self.source {
            Source::Daemon(control) => {
                let answer = control.verify()?;
                if !answer.fault.is_empty() {
                    return Err(Failure::Check(not_whole(&answer.fault)));
                }
                let root = answer
                    .root
                    .parse()
                    .map_err(|error| damaged::<Wallet>(&format!("root: {error}")))?;
                Ok(Head { size: answer.size, root })
            }
            Source::File(ledger) => match ledger.verify() {
                Ok(verified) => Ok(verified.head),
                Err(fault) if fault.is_inconclusive() => Err(unchecked(&chain(&fault))),
                Err(fault) => Err(Failure::Check(not_whole(&chain(&fault)))),
            },
        }
    }
}

impl Entries for Journal {
    type Side = Wallet;

    fn size(&self) -> u64 {
        self.size
    }

    fn stored(&self, from: u64, limit: u64) -> Result<Vec<Vec<u8>>, Failure> {
        match &self.source {
            Source::Daemon(control) => control.entries(from, limit),
            Source::File(ledger) => {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                ledger.entries(from, limit).map_err(|error| unreadable(&error))
            }
        }
    }
}

impl Provable for Journal {
    fn checkpoint(&self) -> Result<Option<Checkpoint>, Failure> {
        let control = match &self.source {
            Source::Daemon(control) => control,
            Source::File(ledger) => return ledger.checkpoint().map_err(|error| unreadable(&error)),
        };
        let note = control.checkpoint()?;
        if note.is_empty() {
            return Ok(None);
        }
        let Owner { principal, key } = self.owner()?;
        let bad = |error: &CheckpointError| damaged::<Wallet>(&format!("the checkpoint {error}"));
        let origin = format!("mandate/wallet/{principal}").parse().map_err(|error| bad(&error))?;
        Checkpoint::verify(&note, &origin, &[key]).map(Some).map_err(|error| bad(&error))
    }

    fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, Failure> {
        match &self.source {
            Source::Daemon(control) => {
                let hashes = control.inclusion(seq, size)?.into_iter();
                let hashes = hashes.map(|hash| hash.try_into().map(NodeHash::from_bytes));
                let bad = |_| damaged::<Wallet>("the way to the root is not made of hashes");
                hashes.collect::<Result<_, _>>().map_err(bad)
            }
            Source::File(ledger) => {
                ledger.inclusion_path(seq, size).map_err(|error| unreadable(&error))
            }
        }
    }
}

fn not_whole(fault: &str) -> String {
    format!("the journal is not whole: {fault}; freeze the wallet and restore a backup")
}

/// Whether the ledger may be another one than that of the default folder.
fn is_elsewhere(error: &OpenError) -> bool {
    match error {
        OpenError::Missing { .. } => true,
        OpenError::Io { source, .. } => {
            matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied)
        }
        _ => false,
    }
}

/// A name and a link to it are one file.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// Why a ledger is not opened, and the way out.
pub(crate) fn unopened(error: &OpenError) -> Failure {
    match error {
        OpenError::Missing { path } => Failure::Config(format!(
            "there is no ledger at {}; name its folder with --state-dir, restore a backup, or make a new wallet with \
             `mandate init`",
            path.display()
        )),
        OpenError::Io { .. } | OpenError::InUse { .. } => Failure::Config(chain(error)),
        error => Failure::Check(format!("the ledger does not open: {}", chain(error))),
    }
}

fn unreadable(error: &StoreError) -> Failure {
    Failure::Check(format!("the ledger cannot be read: {}", chain(error)))
}
