//! Reads an export that somebody handed in.
//!
//! Which files there are and how long they may be follows from the size that the checkpoint signs; what else lies in the
//! folder is not looked at. [`Export::verify`] holds one bundle of entries in memory, however long the log is.

use std::io;
use std::path::{Path, PathBuf};

use mandate::{Head, KeyId, PublicKey, Root};
use mandate_journal::chain::Link;
use mandate_journal::note::NOTE_BYTES_MAX;
use mandate_journal::tile::{
    TILE_WIDTH, Tile, TileError, TileKind, Tiler, read_entries, read_hashes,
};
use mandate_journal::tree::{Frontier, NodeHash, leaf_hash};
use mandate_journal::{Chain, ChainError, Checkpoint, CheckpointError, UnverifiedCheckpoint};
use thiserror::Error;

use crate::folder::{Folder, FolderError};
use crate::keys::Keys;
use crate::log::Log;
use crate::token::own_kid;

/// The file of the signed head.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The file of the public key, as tools for such logs take it.
pub(crate) const KEY: &str = "key";
/// The file of the public key as a JWK.
pub(crate) const KEY_JWK: &str = "key.jwk";

/// Why an export is not believed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The entries are not a log, although they are what was signed.
    #[error("{path}: {source}")]
    Chain {
        /// The bundle.
        path: String,
        /// What is wrong.
        source: ChainError,
    },
    /// The checkpoint is at fault.
    #[error("{CHECKPOINT}: {0}")]
    Checkpoint(#[source] CheckpointError),
    /// The checkpoint is of an empty log.
    #[error("{CHECKPOINT}: line 2: a log has at least its first entry")]
    Empty,
    /// An entry is not the one that was signed.
    #[error("{path}: entry {seq} is not the one that the signed tree holds")]
    Entry {
        /// The bundle.
        path: String,
        /// The entry.
        seq: u64,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A hash tile holds another hash than the entries lead to.
    #[error("{path}: hash {place} is not the one that the entries lead to")]
    Hash {
        /// The tile.
        path: String,
        /// Which of its hashes, from 1.
        place: usize,
    },
    /// Several of the keys that were given could be the log's, so whoever has one of them could have made all of this.
    #[error(
        "{CHECKPOINT}: {count} of the keys given could be that of {log}: give its own alone, or by name, `{}=KEY`",
        .log.name()
    )]
    KeyUndecided {
        /// Whose log it says it is.
        log: Log,
        /// How many.
        count: usize,
    },
    /// An entry is a token of the log's own under another key, so who signed the head did not make this log.
    #[error(
        "{path}: entry {seq} is a token under the key {found}, and the checkpoint is signed by the key {signer}: a log has \
         one key from its first entry on"
    )]
    OtherKey {
        /// The bundle.
        path: String,
        /// The entry.
        seq: u64,
        /// The key that its header names.
        found: KeyId,
        /// The key that signed the checkpoint.
        signer: KeyId,
    },
    /// The folder does not open.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The checkpoint is of no wallet's or gateway's log.
    #[error("{CHECKPOINT}: line 1: {origin:?} is the log of no wallet and no gateway")]
    Origin {
        /// The origin it names.
        origin: String,
    },
    /// All files agree with each other and not with the checkpoint.
    #[error("the {size} entries lead to the root {found}, and the checkpoint signs {signed}")]
    Root {
        /// How many entries.
        size: u64,
        /// The root they lead to.
        found: Root,
        /// The root that was signed.
        signed: Root,
    },
    /// The bytes of a tile are not what its name says.
    #[error("{path}: {source}")]
    Tile {
        /// The tile.
        path: String,
        /// What is wrong.
        source: TileError,
    },
    /// A text file is not UTF-8.
    #[error("{path} is not UTF-8")]
    Utf8 {
        /// The file.
        path: &'static str,
    },
}

/// An export whose checkpoint was signed by a key that is believed; its entries were not looked at yet.
#[derive(Debug)]
pub struct Export {
    folder: Folder,
    log: Log,
    checkpoint: Checkpoint,
    key: PublicKey,
    keys: Vec<PublicKey>,
    rivals: Vec<PublicKey>,
}

impl Export {
    /// Opens a folder and checks the checkpoint in it.
    ///
    /// # Errors
    ///
    /// [`ExportError`]: that of the checkpoint, if none of `keys` signed it as the log that it names.
    pub fn open(dir: &Path, keys: &Keys) -> Result<Self, ExportError> {
        let folder = Folder::open(dir)
            .map_err(|source| ExportError::Open { path: dir.to_owned(), source })?;
        let note = folder.read(CHECKPOINT, NOTE_BYTES_MAX)?;
        let note = str::from_utf8(&note).or(Err(ExportError::Utf8 { path: CHECKPOINT }))?;
        let unverified = UnverifiedCheckpoint::parse(note).map_err(ExportError::Checkpoint)?;
        let origin = unverified.origin();
        let other = || ExportError::Origin { origin: origin.as_str().to_owned() };
        let log = Log::of(origin).ok_or_else(other)?;
        let (checkpoint, key) =
            unverified.verify(&keys.of(origin)).map_err(ExportError::Checkpoint)?;
        let rivals = keys.rivals(origin, &key);
        let keys = [key].into_iter().chain(keys.named(origin)).collect();
        if checkpoint.head().size == 0 {
            return Err(ExportError::Empty);
        }
        Ok(Self { folder, log, checkpoint, key, keys, rivals })
    }

    /// Whose log it is.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The signed head.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed head's size and root.
    #[must_use]
    pub fn head(&self) -> Head {
        self.checkpoint.head()
    }

    /// The key that signed it.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The keys whose tokens are this log's: the one that signed its head, and those that were given by its name.
    ///
    /// A key that was given for nobody in particular may be anyone's, and who has it could sign for the others.
    pub(crate) fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The keys that could be this log's as well as the one that signed its head; none where a name or an id decides.
    pub(crate) fn rivals(&self) -> &[PublicKey] {
        &self.rivals
    }

    /// One entry's bytes; `None` if there is none of that number.
    pub(crate) fn entry(&self, seq: u64) -> Result<Option<Vec<u8>>, ExportError> {
        let Some(index) = seq.checked_div(TILE_WIDTH.into()) else { return Ok(None) };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(tile) = Tile::entries(self.head().size).nth(index) else { return Ok(None) };
        let bundle = self.read(&tile)?;
        let entries = read_entries(&tile, &bundle).map_err(|source| malformed(&tile, source))?;
        let at = usize::try_from(seq.saturating_sub(tile.first())).unwrap_or(usize::MAX);
        Ok(entries.get(at).map(|entry| entry.to_vec()))
    }

    /// Every entry's bytes in order, none of them checked; [`Export::verify`] does.
    pub fn entries(&self) -> impl Iterator<Item = Result<Vec<u8>, ExportError>> {
        Tile::entries(self.head().size).flat_map(|tile| {
            let entries = self.read(&tile).and_then(|bundle| {
                let entries =
                    read_entries(&tile, &bundle).map_err(|source| malformed(&tile, source))?;
                Ok(entries.into_iter().map(|entry| Ok(entry.to_vec())).collect())
            });
            entries.unwrap_or_else(|error| vec![Err(error)])
        })
    }

    /// Checks every entry, every tile and the root against the checkpoint; `visit` gets each entry and the tree's head
    /// right after it.
    ///
    /// What `visit` was given counts only if this function ends well.
    ///
    /// # Errors
    ///
    /// [`ExportError`] with the file that is at fault, and the entry or hash in it; [`ExportError::KeyUndecided`] before
    /// any is read, if another key that was given could be the log's as well.
    pub fn verify(&self, visit: impl FnMut(&Link<'_>, &Chain)) -> Result<(), ExportError> {
        if !self.rivals.is_empty() {
            let count = self.rivals.len().saturating_add(1);
            return Err(ExportError::KeyUndecided { log: self.log.clone(), count });
        }
        self.read_whole(visit)
    }

    /// The same, whoever's the key is.
    pub(crate) fn read_whole(
        &self,
        mut visit: impl FnMut(&Link<'_>, &Chain),
    ) -> Result<(), ExportError> {
        let (signed, key) = (self.head(), self.key.id());
        let mut chain = Chain::default();
        let mut tiler = Tiler::default();
        for tile in Tile::entries(signed.size) {
            let bundle = self.read(&tile)?;
            let entries =
                read_entries(&tile, &bundle).map_err(|source| malformed(&tile, source))?;
            let leaves = self.hashes(&leaves_of(&tile))?;
            for (entry, leaf) in entries.into_iter().zip(leaves) {
                let seq = chain.size();
                let link = chain.push(entry).map_err(|source| {
                    if leaf_hash(entry) == leaf {
                        ExportError::Chain { path: tile.to_string(), source }
                    } else {
                        self.blame(&tile, seq)
                    }
                })?;
                if link.added.nodes.first() != Some(&leaf) {
                    return Err(self.blame(&tile, seq));
                }
                // The leaves were compared; entries are given as nothing, for only the nodes above matter here.
                tiler.push(b"", &link.added.nodes, |tile, bytes| self.compare(tile, bytes))?;
                if let Some(found) = own_kid(&link.entry).filter(|kid| *kid != key) {
                    return Err(ExportError::OtherKey {
                        path: tile.to_string(),
                        seq,
                        found,
                        signer: key,
                    });
                }
                visit(&link, &chain);
            }
        }
        tiler.finish(|tile, bytes| self.compare(tile, bytes))?;
        let Head { size, root: found } = chain.head();
        if found == signed.root {
            return Ok(());
        }
        Err(ExportError::Root { size, found, signed: signed.root })
    }

    /// Which of an entry and its leaf is at fault: the leaves are right if they lead to the signed root.
    fn blame(&self, bundle: &Tile, seq: u64) -> ExportError {
        let leaves = leaves_of(bundle);
        let is_signed = self.root_of_leaves().is_ok_and(|root| root == self.head().root);
        if is_signed {
            return ExportError::Entry { path: bundle.to_string(), seq };
        }
        let place = usize::try_from(seq.saturating_sub(leaves.first())).unwrap_or(0);
        ExportError::Hash { path: leaves.to_string(), place: place.saturating_add(1) }
    }

    fn root_of_leaves(&self) -> Result<Root, ExportError> {
        let mut frontier = Frontier::default();
        for tile in Tile::entries(self.head().size) {
            for leaf in self.hashes(&leaves_of(&tile))? {
                frontier.push(leaf);
            }
        }
        Ok(frontier.root())
    }

    /// Compares a hash tile above the leaves with the bytes that it must have.
    fn compare(&self, tile: Tile, expected: &[u8]) -> Result<(), ExportError> {
        if matches!(tile.kind, TileKind::Entries | TileKind::Hashes { level: 0 }) {
            return Ok(());
        }
        let hashes = self.hashes(&tile)?;
        let expected = read_hashes(&tile, expected).map_err(|source| malformed(&tile, source))?;
        match hashes.iter().zip(&expected).position(|(found, expected)| found != expected) {
            None => Ok(()),
            Some(at) => {
                Err(ExportError::Hash { path: tile.to_string(), place: at.saturating_add(1) })
            }
        }
    }

    fn hashes(&self, tile: &Tile) -> Result<Vec<NodeHash>, ExportError> {
        read_hashes(tile, &self.read(tile)?).map_err(|source| malformed(tile, source))
    }

    fn read(&self, tile: &Tile) -> Result<Vec<u8>, ExportError> {
        Ok(self.folder.read(&tile.to_string(), tile.bytes_max())?)
    }
}

/// The tile of the leaves of a bundle's entries.
fn leaves_of(bundle: &Tile) -> Tile {
    Tile { kind: TileKind::Hashes { level: 0 }, ..*bundle }
}

fn malformed(tile: &Tile, source: TileError) -> ExportError {
    ExportError::Tile { path: tile.to_string(), source }
}

#[cfg(test)]
mod tests;
