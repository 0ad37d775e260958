//! Signed notes: a text, and below it one line for each signature.
//!
//! Only Ed25519 signatures of type 0x01 are made and checked; lines of keys that are not known are carried along and
//! mean nothing. A text is worth reading only after [`Note::verify`].
//!
//! Source: C2SP signed-note.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use mandate::key::{PUBLIC_KEY_BYTES, SIGNATURE_BYTES, SignError};
use mandate::{PublicKey, Signature, Signer};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Most bytes in a note: room for 16 signatures of any kind.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;
/// Most signature lines in a note; verifiers must take at least 16.
pub const SIGNATURES_MAX: usize = 64;
/// Most bytes in the name of a key.
pub const KEY_NAME_BYTES_MAX: usize = 128;

/// Bytes of a key's id before each signature.
const KEY_ID_BYTES: usize = 4;
/// The type of a plain Ed25519 signature.
const ED25519: u8 = 0x01;
/// What a signature line begins with.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// Why a text is no note, or one that cannot be believed. Lines are counted from 1.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteError {
    /// It holds a control character other than the newline.
    #[error("line {line} holds a control character")]
    Control {
        /// The line.
        line: usize,
    },
    /// The text and its signatures are not told apart by an empty line.
    #[error("has no empty line between a text and its signatures")]
    Frame,
    /// The name of a key is empty, too long, or holds a space or a plus.
    #[error(
        "{name:?} is no name of a key: 1 to {KEY_NAME_BYTES_MAX} bytes without spaces, control characters and `+`"
    )]
    KeyName {
        /// The name.
        name: String,
    },
    /// A key is not written as its name, id and public half.
    #[error("is no verifier key: `<name>+<8 hex digits>+<base64 of 0x01 and the 32 bytes>`")]
    KeyText,
    /// No key that is known signed it.
    #[error("no key that is known signed it")]
    KeyUnknown,
    /// A line among the signatures is none.
    #[error("line {line} is no signature line")]
    Line {
        /// The line.
        line: usize,
    },
    /// The key did not sign.
    #[error("the key did not sign")]
    Sign(#[from] SignError),
    /// A known key's signature does not verify.
    #[error("the signature on line {line} does not verify")]
    Signature {
        /// The line.
        line: usize,
    },
    /// It is larger than any note may be.
    #[error("has {actual} bytes; at most {NOTE_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
    },
    /// It has more signatures than any note may have.
    #[error("has {actual} signatures; at most {SIGNATURES_MAX} are allowed")]
    TooManySignatures {
        /// How many.
        actual: usize,
    },
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    Utf8,
}

/// The name under which a key signs notes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if text.is_empty() || text.len() > KEY_NAME_BYTES_MAX || text.contains(is_bad) {
            return Err(NoteError::KeyName {
                name: text.chars().take(KEY_NAME_BYTES_MAX).collect(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that notes are checked with: its name and its public half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: KeyName,
    key: PublicKey,
    id: [u8; KEY_ID_BYTES],
}

impl NoteKey {
    /// A key under a name.
    #[must_use]
    pub fn new(name: KeyName, key: PublicKey) -> Self {
        let mut hash = Sha256::new();
        hash.update(name.as_str().as_bytes());
        hash.update([b'\n', ED25519]);
        hash.update(key.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let [a, b, c, d, ..] = digest;
        Self { name, key, id: [a, b, c, d] }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The public half.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// As other tools take it: `<name>+<key id in hex>+<base64 of the type and the public half>`.
impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: Vec<u8> = [ED25519].iter().chain(self.key.as_bytes()).copied().collect();
        write!(f, "{}+{}+{}", self.name, HEXLOWER.encode(&self.id), BASE64.encode(&key))
    }
}

impl FromStr for NoteKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::KeyText);
        };
        let key = BASE64.decode(key.as_bytes()).or(Err(NoteError::KeyText))?;
        let key = key.strip_prefix(&[ED25519]).ok_or(NoteError::KeyText)?;
        let key: &[u8; PUBLIC_KEY_BYTES] = key.try_into().or(Err(NoteError::KeyText))?;
        let key = PublicKey::from_bytes(key).or(Err(NoteError::KeyText))?;
        let known = Self::new(name.parse()?, key);
        if HEXLOWER.encode(&known.id) == id { Ok(known) } else { Err(NoteError::KeyText) }
    }
}

/// Signs a text, which ends in a newline and holds no other control character.
///
/// # Errors
///
/// [`NoteError::Control`] or [`NoteError::Frame`] if the text makes no note, [`NoteError::Sign`].
pub fn sign(text: &str, name: &KeyName, signer: &dyn Signer) -> Result<String, NoteError> {
    let key = NoteKey::new(name.clone(), signer.public_key());
    check_controls(text)?;
    if !text.ends_with('\n') {
        return Err(NoteError::Frame);
    }
    let signature = signer.sign(text.as_bytes())?;
    let bytes: Vec<u8> = key.id.iter().chain(signature.as_bytes()).copied().collect();
    Ok(format!("{text}\n{SIGNATURE_PREFIX}{name} {}\n", BASE64.encode(&bytes)))
}

/// A note that was read; nobody vouches for its text yet.
#[derive(Debug, Clone)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<Line<'a>>,
}

/// One signature line.
#[derive(Debug, Clone)]
struct Line<'a> {
    number: usize,
    name: &'a str,
    id: [u8; KEY_ID_BYTES],
    signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Reads a note; of its signatures only the shape is looked at.
    ///
    /// # Errors
    ///
    /// [`NoteError`], with the line where one is at fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge { actual: bytes.len() });
        }
        let note = str::from_utf8(bytes).or(Err(NoteError::Utf8))?;
        check_controls(note)?;
        let end = note.rfind("\n\n").ok_or(NoteError::Frame)?;
        let (text, lines) = note.split_at_checked(end.saturating_add(1)).ok_or(NoteError::Frame)?;
        let lines = lines.strip_prefix('\n').ok_or(NoteError::Frame)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Frame)?;
        let first = text.matches('\n').count().saturating_add(2);
        let lines: Vec<&str> = lines.split('\n').collect();
        if lines.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures { actual: lines.len() });
        }
        let numbered = (first..).zip(lines);
        let signatures = numbered.map(|(number, line)| {
            Line::parse(number, line).ok_or(NoteError::Line { line: number })
        });
        Ok(Self { text, signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// The text, which somebody signed if any of `keys` did; and which of them.
    ///
    /// # Errors
    ///
    /// [`NoteError::KeyUnknown`] if none of them is among the signers, [`NoteError::Signature`] if the signature of one
    /// does not verify.
    pub fn verify<'k>(&self, keys: &'k [NoteKey]) -> Result<(&'a str, &'k NoteKey), NoteError> {
        let mut signer = None;
        for line in &self.signatures {
            let is_known = |key: &&NoteKey| key.id == line.id && key.name.as_str() == line.name;
            let mut known = keys.iter().filter(is_known).peekable();
            if known.peek().is_none() {
                continue;
            }
            let failed = NoteError::Signature { line: line.number };
            let signature: [u8; SIGNATURE_BYTES] =
                line.signature.as_slice().try_into().or(Err(failed.clone()))?;
            let signature = Signature::from_bytes(signature);
            // Four bytes of id can be had for another key by trying; that must not hide whose signature it is.
            let found =
                known.find(|key| key.key.verify_strict(self.text.as_bytes(), &signature).is_ok());
            signer = signer.or(Some(found.ok_or(failed)?));
        }
        signer.map(|key| (self.text, key)).ok_or(NoteError::KeyUnknown)
    }

    /// The text that nobody vouches for: to find out whose keys to look for, and for nothing else.
    pub(crate) fn unverified_text(&self) -> &'a str {
        self.text
    }
}

impl<'a> Line<'a> {
    fn parse(number: usize, line: &'a str) -> Option<Self> {
        let (name, signature) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        // The key may be one that is not known, so the name need not be one that ours could have: C2SP signed-note,
        // Format.
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return None;
        }
        let bytes = BASE64.decode(signature.as_bytes()).ok()?;
        let (id, signature) = bytes.split_first_chunk::<KEY_ID_BYTES>()?;
        let signature = signature.to_vec();
        (!signature.is_empty()).then_some(Self { number, name, id: *id, signature })
    }
}

fn check_controls(note: &str) -> Result<(), NoteError> {
    let is_bad = |byte: u8| byte < 0x20 && byte != b'\n';
    let Some(at) = note.bytes().position(is_bad) else { return Ok(()) };
    let before = note.bytes().take(at).filter(|byte| *byte == b'\n').count();
    Err(NoteError::Control { line: before.saturating_add(1) })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests;
