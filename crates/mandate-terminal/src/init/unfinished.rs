//! The note that an `init` leaves while it is at work, so that one that was cut off can be finished.
//!
//! A key and a ledger cannot be made in one step. A key without a ledger is normally refused, because its ledger may be
//! lost; this note, on disk before the key is drawn and gone before the wallet can start, says that there never was one.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use mandate::UnixSeconds;
use mandate_keys::KeyLocation;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How long a note is believed, in seconds: one that was forgotten beside a wallet must not let its caps start anew.
const BELIEVED_S: u64 = 24 * 60 * 60;
/// Largest note, in bytes.
const NOTE_BYTES_MAX: u64 = 4 * 1024;
/// What the note says: which key is being made, and since when.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    store: String,
    account: String,
    started: UnixSeconds,
}

/// Whose `init` it is.
#[derive(Debug, Clone, Copy)]
pub struct Maker {
    /// The command that goes on: `mandate init`.
    pub command: &'static str,
    /// The name of the note, beside the ledger: `wallet.init`.
    pub note: &'static str,
}

/// The only `init` at work in a state folder.
#[derive(Debug)]
pub struct Unfinished {
    command: &'static str,
    path: PathBuf,
    file: File,
    found: Option<Note>,
    is_begun: bool,
}

impl Unfinished {
    /// Makes the state folder where there is none, keeps other `init`s out of it, and reads what an earlier one left.
    ///
    /// # Errors
    ///
    /// [`Failure::Config`] when another one is at work, or the folder cannot be used.
    pub fn enter(maker: Maker, state_dir: &Path) -> Result<Self, Failure> {
        let Maker { command, note } = maker;
        let path = state_dir.join(note);
        let failed =
            |error: io::Error| Failure::Config(format!("cannot use {}: {error}", path.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(state_dir).map_err(failed)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let problem = format!("another `{command}` is at work in {}", state_dir.display());
                return Err(Failure::Config(problem));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut text = String::new();
        (&mut file).take(NOTE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        // What does not read was cut off while it was written: before any key was made.
        let found = serde_json::from_str(&text).ok();
        Ok(Self { command, path, file, found, is_begun: false })
    }

    /// Whether an earlier `init` was cut off while it made this very key.
    ///
    /// # Errors
    ///
    /// [`Failure::Config`] when it made another key: that one has to be finished, or given up by hand.
    pub fn is_of(&self, location: &KeyLocation, now: UnixSeconds) -> Result<bool, Failure> {
        let Some(Note { store, account, started }) = &self.found else { return Ok(false) };
        if store != location.choice.as_str() || account != location.account.as_str() {
            return Err(Failure::Config(format!(
                "an earlier init was cut off; finish it with `{} --store {store} --account {account}`, or give its key up \
                 by removing {}",
                self.command,
                self.path.display()
            )));
        }
        Ok(*started <= now && now.since(*started) <= BELIEVED_S)
    }

    /// Writes the note down, on disk, before a key is drawn.
    ///
    /// # Errors
    ///
    /// [`Failure::Config`] when the disk fails.
    pub fn begin(&mut self, location: &KeyLocation, now: UnixSeconds) -> Result<(), Failure> {
        let note = Note {
            store: location.choice.to_string(),
            account: location.account.to_string(),
            started: now,
        };
        self.is_begun = true;
        let written = serde_json::to_vec(&note).map_err(io::Error::from).and_then(|text| {
            self.file.set_len(0)?;
            self.file.rewind()?;
            self.file.write_all(&text)?;
            self.file.sync_all()?;
            self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        });
        written.map_err(|error| {
            Failure::Config(format!("cannot write {}: {error}", self.path.display()))
        })
    }

    /// Removes the note: key and ledger are there.
    ///
    /// # Errors
    ///
    /// [`Failure::Config`] when it stays.
    pub fn end(mut self) -> Result<(), Failure> {
        (self.found, self.is_begun) = (None, true);
        fs::remove_file(&self.path).map_err(|error| {
            Failure::Config(format!(
                "cannot remove {}; remove it by hand: {error}",
                self.path.display()
            ))
        })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // An empty note says nothing, so it does not matter if it stays.
        if !self.is_begun && self.found.is_none() {
            fs::remove_file(&self.path).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use mandate_keys::{Account, Service, StoreChoice};

    use super::*;

    const MAKER: Maker = Maker { command: "mandate init", note: "wallet.init" };

    fn location(account: &str) -> KeyLocation {
        let account: Account = account.parse().unwrap();
        KeyLocation { service: Service::Wallet, choice: StoreChoice::Keyutils, account }
    }

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds).unwrap()
    }

    #[test]
    fn a_note_is_of_one_key_and_believed_for_a_day() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Unfinished::enter(MAKER, folder.path()).unwrap();
        assert!(!first.is_of(&location("a"), at(1_000)).unwrap());
        first.begin(&location("a"), at(1_000)).unwrap();
        assert!(
            matches!(Unfinished::enter(MAKER, folder.path()), Err(Failure::Config(_))),
            "one at a time"
        );
        drop(first);

        let second = Unfinished::enter(MAKER, folder.path()).unwrap();
        assert!(second.is_of(&location("a"), at(1_000)).unwrap());
        assert!(second.is_of(&location("a"), at(1_000 + BELIEVED_S)).unwrap());
        assert!(!second.is_of(&location("a"), at(1_001 + BELIEVED_S)).unwrap());
        assert!(!second.is_of(&location("a"), at(999)).unwrap());
        let other = second.is_of(&location("b"), at(1_000)).unwrap_err();
        assert!(other.to_string().contains("--store keyutils --account a"), "{other}");
        drop(second);
        assert!(folder.path().join(MAKER.note).exists(), "only its end removes a note");
        Unfinished::enter(MAKER, folder.path()).unwrap().end().unwrap();
        assert!(!folder.path().join(MAKER.note).exists());
        drop(Unfinished::enter(MAKER, folder.path()).unwrap());
        assert!(
            !folder.path().join(MAKER.note).exists(),
            "an init that begins nothing leaves nothing"
        );
    }

    #[test]
    fn a_note_that_was_cut_off_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MAKER.note), r#"{"store":"keyu"#).unwrap();
        let unfinished = Unfinished::enter(MAKER, folder.path()).unwrap();
        assert!(!unfinished.is_of(&location("a"), at(1_000)).unwrap());
    }
}
