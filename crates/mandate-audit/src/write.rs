//! Writes an export: a log as a folder that any web server can serve and any tool of that format can check.
//!
//! It is made aside and gets its name last, so a half export never looks like a whole one, and it never takes the place
//! of anything. What does not lead to the signed root is not exported.

use std::io;
use std::path::{Path, PathBuf};

use mandate::PublicKey;
use mandate::key::Jwk;
use mandate_journal::tile::Tiler;
use mandate_journal::{Chain, ChainError, Checkpoint, CheckpointError};
use rustix::fs::{AtFlags, Dir, renameat, unlinkat};
use thiserror::Error;

use crate::export::{CHECKPOINT, KEY, KEY_JWK};
use crate::folder::{Folder, FolderError};
use crate::log::Log;

/// How many unfinished exports of one name are tolerated beside it.
const PARTIAL_MAX: u32 = 16;

/// Why there is no export. Nothing of it is left under its name.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WriteError<E: std::error::Error + 'static> {
    /// The entries do not make a log.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key did not sign the checkpoint.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[source] CheckpointError),
    /// An entry could not be had.
    #[error("cannot read the entries")]
    Entries(#[source] E),
    /// A file could not be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The folder could not be made.
    #[error("cannot make {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The checkpoint is of no wallet's or gateway's log.
    #[error("{origin} is the log of no wallet and no gateway")]
    Origin {
        /// The origin it names.
        origin: String,
    },
    /// Exports that broke off left too much behind.
    #[error("{} and {PARTIAL_MAX} unfinished ones like it are there; remove them", path.display())]
    Partial {
        /// The first of them.
        path: PathBuf,
    },
    /// The entries lead to another root than the one that was signed.
    #[error("the entries do not lead to the root that the checkpoint signs; nothing was exported")]
    Root,
    /// There are fewer or more entries than the checkpoint signs.
    #[error("there are {actual} entries, and the checkpoint signs {signed}; nothing was exported")]
    Size {
        /// How many there are.
        actual: u64,
        /// How many it signs.
        signed: u64,
    },
    /// There is something under that name already.
    #[error("{} is there already; an export never takes the place of anything: name a new folder", path.display())]
    Taken {
        /// The folder.
        path: PathBuf,
    },
}

/// What an export holds beside the entries.
#[derive(Debug)]
pub struct Contents<'a> {
    /// The head that is exported; entries after it are not part of the export.
    pub checkpoint: &'a Checkpoint,
    /// The key that signed it.
    pub key: PublicKey,
    /// The configuration in force, byte for byte.
    pub policy: Option<&'a [u8]>,
}

/// Writes the export of a log into a folder that is new or empty.
///
/// `entries` are those of the log from the first on, exactly as many as the checkpoint signs. One bundle of them is in
/// memory at a time.
///
/// # Errors
///
/// [`WriteError`].
///
/// Source: C2SP tlog-tiles.
pub fn write<E: std::error::Error + 'static>(
    dir: &Path,
    contents: &Contents<'_>,
    entries: impl IntoIterator<Item = Result<Vec<u8>, E>>,
) -> Result<(), WriteError<E>> {
    let Contents { checkpoint, key, policy } = contents;
    let origin = checkpoint.origin();
    Checkpoint::verify(checkpoint.as_str(), origin, &[*key]).map_err(WriteError::Checkpoint)?;
    let other = || WriteError::Origin { origin: origin.as_str().to_owned() };
    let log = Log::of(origin).ok_or_else(other)?;
    let partial = Partial::make(dir)?;
    let written = (|| {
        tiles(&partial.folder, checkpoint, entries)?;
        let folder = &partial.folder;
        folder.write(CHECKPOINT, checkpoint.as_str().as_bytes())?;
        folder.write(KEY, format!("{}\n", origin.key(*key)).as_bytes())?;
        folder.write(KEY_JWK, jwk(key).as_bytes())?;
        if let Some(policy) = policy {
            folder.write(log.side.policy_name(), policy)?;
        }
        partial.finish()
    })();
    if written.is_err() {
        // What is left of it is in nobody's way, and the first fault is the one worth telling.
        partial.remove();
    }
    written
}

/// Writes every tile, and checks on the way that they are those of the signed root.
fn tiles<E: std::error::Error + 'static>(
    folder: &Folder,
    checkpoint: &Checkpoint,
    entries: impl IntoIterator<Item = Result<Vec<u8>, E>>,
) -> Result<(), WriteError<E>> {
    let signed = checkpoint.head();
    let mut chain = Chain::default();
    let mut tiler = Tiler::default();
    for entry in entries {
        let entry = entry.map_err(WriteError::Entries)?;
        let nodes = chain.push(&entry)?.added.nodes;
        if chain.size() > signed.size {
            return Err(WriteError::Size { actual: chain.size(), signed: signed.size });
        }
        tiler.push(&entry, &nodes, |tile, bytes| folder.write(&tile.to_string(), bytes))?;
    }
    tiler.finish(|tile, bytes| folder.write(&tile.to_string(), bytes))?;
    let head = chain.head();
    if head.size != signed.size {
        return Err(WriteError::Size { actual: head.size, signed: signed.size });
    }
    if head.root == signed.root { Ok(()) } else { Err(WriteError::Root) }
}

fn jwk(key: &PublicKey) -> String {
    let Jwk { kty, crv, x } = Jwk::from(key);
    // Its three members are plain ASCII.
    format!("{{\"kty\":\"{kty}\",\"crv\":\"{crv}\",\"x\":\"{x}\"}}\n")
}

/// An export that does not have its name yet.
struct Partial<'a> {
    dir: &'a Path,
    parent: Folder,
    name: String,
    folder: Folder,
}

impl<'a> Partial<'a> {
    fn make<E: std::error::Error + 'static>(dir: &'a Path) -> Result<Self, WriteError<E>> {
        let io = |source| WriteError::Io { path: dir.to_owned(), source };
        let is_taken = match dir.symlink_metadata() {
            Ok(found) => !found.is_dir() || dir.read_dir().map_err(io)?.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(io(error)),
        };
        if is_taken {
            return Err(WriteError::Taken { path: dir.to_owned() });
        }
        let name = dir.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| io(io::ErrorKind::InvalidFilename.into()))?;
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = Folder::open(parent.unwrap_or(Path::new("."))).map_err(io)?;
        for number in 0..PARTIAL_MAX {
            let name = format!("{name}.partial-{number}");
            match parent.make(&name) {
                Ok(folder) => return Ok(Self { dir, parent, name, folder }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io(error)),
            }
        }
        Err(WriteError::Partial { path: dir.with_file_name(format!("{name}.partial-0")) })
    }

    /// Gives it its name, once all of it is on disk.
    fn finish<E: std::error::Error + 'static>(&self) -> Result<(), WriteError<E>> {
        let io = |source| WriteError::Io { path: self.dir.to_owned(), source };
        self.folder.sync().map_err(io)?;
        let name = self.dir.file_name().unwrap_or_default();
        // The kernel lets a folder take the place of an empty folder only.
        renameat(self.parent.fd(), &*self.name, self.parent.fd(), name).map_err(
            |errno| match errno {
                rustix::io::Errno::NOTEMPTY
                | rustix::io::Errno::EXIST
                | rustix::io::Errno::NOTDIR => WriteError::Taken { path: self.dir.to_owned() },
                errno => io(errno.into()),
            },
        )?;
        self.parent.sync().map_err(io)
    }

    fn remove(&self) {
        if empty(&self.folder).is_ok() {
            unlinkat(self.parent.fd(), &*self.name, AtFlags::REMOVEDIR).unwrap_or_default();
        }
    }
}

/// Removes what is in a folder, without following a link.
fn empty(folder: &Folder) -> io::Result<()> {
    for item in Dir::read_from(folder.fd())? {
        let item = item?;
        let name = item.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if unlinkat(folder.fd(), name, AtFlags::empty()).is_err() {
            let inner = folder.open_in(name)?;
            empty(&inner)?;
            unlinkat(folder.fd(), name, AtFlags::REMOVEDIR)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::fs;

    use mandate::Signer as _;

    use super::*;
    use crate::testing::{TestKey, export_numbers, numbers};

    fn try_write(dir: &Path, entries: Vec<Vec<u8>>, checkpoint: &Checkpoint, key: u8) -> String {
        let key = TestKey::new(key).public_key();
        let contents = Contents { checkpoint, key, policy: None };
        let entries = entries.into_iter().map(Ok::<_, Infallible>);
        write(dir, &contents, entries).unwrap_err().to_string()
    }

    #[test]
    fn an_export_has_the_files_of_the_format() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("export");
        export_numbers(&dir, 257);
        let files = [
            "checkpoint",
            "key",
            "key.jwk",
            "wallet.toml",
            "tile/0/000",
            "tile/0/001.p/1",
            "tile/1/000.p/1",
            "tile/entries/000",
            "tile/entries/001.p/1",
        ];
        for file in files {
            assert!(dir.join(file).is_file(), "{file}");
        }
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "nothing is left beside it");
        fs::create_dir(temp.path().join("empty")).unwrap();
        export_numbers(&temp.path().join("empty"), 3);
    }

    #[test]
    fn what_does_not_lead_to_the_signed_root_is_not_exported() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("export");
        let (entries, checkpoint) = numbers(300);
        let mut short = entries.clone();
        short.pop();
        let error = try_write(&dir, short, &checkpoint, 1);
        assert!(error.contains("299 entries"), "{error}");
        let (long, _) = numbers(301);
        let error = try_write(&dir, long, &checkpoint, 1);
        assert!(error.contains("301 entries"), "{error}");
        let mut other = entries.clone();
        let last = String::from_utf8(other.pop().unwrap()).unwrap();
        other.push(last.replace(":299}", ":300}").into_bytes());
        let error = try_write(&dir, other, &checkpoint, 1);
        assert!(error.contains("do not lead to the root"), "{error}");
        let error = try_write(&dir, entries, &checkpoint, 2);
        assert!(error.contains("no key that is known"), "{error}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn nothing_is_ever_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let (entries, checkpoint) = numbers(1);
        let full = temp.path().join("full");
        fs::create_dir(&full).unwrap();
        fs::write(full.join("file"), "mine").unwrap();
        let away = temp.path().join("away");
        fs::create_dir(&away).unwrap();
        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&away, &link).unwrap();
        for dir in [&full, &full.join("file"), &link] {
            let error = try_write(dir, entries.clone(), &checkpoint, 1);
            assert!(error.contains("is there already"), "{error}");
        }
        assert_eq!(fs::read(full.join("file")).unwrap(), b"mine");
        assert_eq!(fs::read_dir(&away).unwrap().count(), 0);
    }
}
