//! Checkpoints: the head of one log, signed by its owner.
//!
//! The note's text is three lines: the log's origin, its size, and its root in base64. Extension lines are never
//! written, and a checkpoint that has any is refused. A checkpoint is a claim about one log only: what it says of
//! another origin, or under another key, is nothing.
//!
//! Source: C2SP tlog-checkpoint.

use std::fmt;

use data_encoding::BASE64;
use mandate::digest::DIGEST_BYTES;
use mandate::money::EXACT_INTEGER_MAX;
use mandate::{Head, PublicKey, Root, Signer};
use thiserror::Error;

use crate::note::{self, KeyName, Note, NoteError, NoteKey};

/// Why a note is no checkpoint, or one that cannot be believed. Lines are counted from 1.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// It has more lines than origin, size and root.
    #[error("line 4 is an extension, which no log of this kind has")]
    Extension,
    /// The note around it is at fault.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The origin is missing, or no name that a key may have.
    #[error("line 1 is no origin: 1 to 128 bytes without spaces, control characters and `+`")]
    Origin,
    /// It is of another log.
    #[error("is of the log {found:?}, not of {expected}")]
    OtherLog {
        /// The log that was asked about.
        expected: Origin,
        /// The origin it names.
        found: String,
    },
    /// The root is not the base64 of 32 bytes.
    #[error("line 3 is no root: base64 of {DIGEST_BYTES} bytes")]
    Root,
    /// The size is not a number in its one spelling.
    #[error(
        "line 2 is no size: a whole number of at most {EXACT_INTEGER_MAX} without leading zeros"
    )]
    Size,
}

/// Which log it is: `mandate/<wallet|gateway>/<id>`, fixed when the journal is made. Also the name its key signs under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(KeyName);

impl Origin {
    /// The origin as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A key that signs this log's checkpoints.
    #[must_use]
    pub fn key(&self, key: PublicKey) -> NoteKey {
        NoteKey::new(self.0.clone(), key)
    }
}

impl std::str::FromStr for Origin {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        text.parse().map(Self).or(Err(CheckpointError::Origin))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A signed checkpoint: somebody who held the log's key vouched for the head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    note: Box<str>,
    origin: Origin,
    head: Head,
}

impl Checkpoint {
    /// Signs a head.
    ///
    /// A log never signs two heads of which one does not continue the other: give only heads that are on disk, or that
    /// get there in one transaction with the checkpoint itself.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Note`] if the key does not sign.
    pub fn sign(origin: &Origin, head: Head, signer: &dyn Signer) -> Result<Self, CheckpointError> {
        let root = BASE64.encode(head.root.as_bytes());
        let text = format!("{origin}\n{}\n{root}\n", head.size);
        let note = note::sign(&text, &origin.0, signer)?.into();
        Ok(Self { note, origin: origin.clone(), head })
    }

    /// Reads a checkpoint of a log, signed by one of its keys.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`]: [`CheckpointError::OtherLog`] if it is of another, [`NoteError::KeyUnknown`] if another
    /// key signed it.
    pub fn verify(
        note: &str,
        origin: &Origin,
        keys: &[PublicKey],
    ) -> Result<Self, CheckpointError> {
        let unverified = UnverifiedCheckpoint::parse(note)?;
        if unverified.origin != *origin {
            let found = unverified.origin.as_str().to_owned();
            return Err(CheckpointError::OtherLog { expected: origin.clone(), found });
        }
        unverified.verify(keys).map(|(checkpoint, _)| checkpoint)
    }

    /// The whole note, byte for byte.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.note
    }

    /// Which log it is of.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The head that was signed.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.note)
    }
}

/// A checkpoint of whatever log it says, which nobody vouches for yet.
#[derive(Debug, Clone)]
pub struct UnverifiedCheckpoint<'a> {
    note: Note<'a>,
    whole: &'a str,
    origin: Origin,
    head: Head,
}

impl<'a> UnverifiedCheckpoint<'a> {
    /// Reads a checkpoint's shape.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`], with the line that is at fault.
    pub fn parse(whole: &'a str) -> Result<Self, CheckpointError> {
        let note = Note::parse(whole.as_bytes())?;
        let mut lines = note.unverified_text().split_terminator('\n');
        let origin = lines.next().ok_or(CheckpointError::Origin)?.parse()?;
        let size = lines.next().and_then(size).ok_or(CheckpointError::Size)?;
        let root = lines.next().and_then(root).ok_or(CheckpointError::Root)?;
        if lines.next().is_some() {
            return Err(CheckpointError::Extension);
        }
        Ok(Self { note, whole, origin, head: Head { size, root } })
    }

    /// Which log it says it is of: to find out whose keys to look for.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The checkpoint, if one of these keys signed it as its origin; and which.
    ///
    /// # Errors
    ///
    /// [`NoteError::KeyUnknown`] if none of them did, [`NoteError::Signature`] if its signature does not verify.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<(Checkpoint, PublicKey), CheckpointError> {
        let keys: Vec<NoteKey> = keys.iter().map(|key| self.origin.key(*key)).collect();
        let (_, signer) = self.note.verify(&keys)?;
        let Self { whole, origin, head, note: _ } = self;
        let checkpoint = Checkpoint { note: (*whole).into(), origin: origin.clone(), head: *head };
        Ok((checkpoint, *signer.key()))
    }
}

/// A whole number in its one spelling.
fn size(line: &str) -> Option<u64> {
    let size: u64 = line.parse().ok()?;
    (size <= EXACT_INTEGER_MAX && size.to_string() == line).then_some(size)
}

fn root(line: &str) -> Option<Root> {
    let bytes = BASE64.decode(line.as_bytes()).ok()?;
    bytes.try_into().ok().map(Root::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestKey;

    fn origin() -> Origin {
        "mandate/gateway/lux-hotels".parse().unwrap()
    }

    fn head(size: u64) -> Head {
        Head { size, root: Root::of(b"root") }
    }

    #[test]
    fn a_checkpoint_reads_back_as_it_was_signed() {
        let key = TestKey::new(1);
        let signed = Checkpoint::sign(&origin(), head(42), &key).unwrap();
        assert!(signed.as_str().starts_with("mandate/gateway/lux-hotels\n42\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n\n\u{2014} mandate/gateway/lux-hotels "));
        let keys = [TestKey::new(2).public_key(), key.public_key()];
        assert_eq!(Checkpoint::verify(signed.as_str(), &origin(), &keys).unwrap(), signed);
    }

    #[test]
    fn another_log_and_another_key_are_told_apart() {
        let key = TestKey::new(1);
        let signed = Checkpoint::sign(&origin(), head(42), &key).unwrap();
        let other = "mandate/wallet/ada".parse().unwrap();
        let error = Checkpoint::verify(signed.as_str(), &other, &[key.public_key()]).unwrap_err();
        assert!(matches!(error, CheckpointError::OtherLog { .. }), "{error}");
        let stranger = [TestKey::new(2).public_key()];
        let error = Checkpoint::verify(signed.as_str(), &origin(), &stranger).unwrap_err();
        assert_eq!(error, CheckpointError::Note(NoteError::KeyUnknown));
    }

    #[test]
    fn the_line_at_fault_is_named() {
        let key = TestKey::new(1);
        let root = BASE64.encode(Root::of(b"root").as_bytes());
        let cases = [
            (format!("a b\n1\n{root}\n"), CheckpointError::Origin),
            (format!("a\n01\n{root}\n"), CheckpointError::Size),
            (format!("a\n+1\n{root}\n"), CheckpointError::Size),
            (format!("a\n-1\n{root}\n"), CheckpointError::Size),
            (format!("a\n9007199254740992\n{root}\n"), CheckpointError::Size),
            ("a\n1\nAAAA\n".to_owned(), CheckpointError::Root),
            (format!("a\n1\n{}\n", root.replace('=', "")), CheckpointError::Root),
            (format!("a\n1\n{root}\nmore\n"), CheckpointError::Extension),
            ("a\n1\n".to_owned(), CheckpointError::Root),
            ("a\n".to_owned(), CheckpointError::Size),
        ];
        for (text, expected) in cases {
            let note = note::sign(&text, &"a".parse().unwrap(), &key).unwrap();
            assert_eq!(UnverifiedCheckpoint::parse(&note).unwrap_err(), expected, "{text:?}");
        }
    }
}
