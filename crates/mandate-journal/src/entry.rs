//! One entry of the log: its bytes, how they are made and how they are read.
//!
//! An entry is one JSON object: `seq`, `time`, `kind`, `prev`, then the kind's own fields, in this order. Its bytes
//! are what is hashed; they are made once and never again from parsed values. What reads back is strict: no duplicate
//! key at any depth, no number that is not a whole number every JSON reader agrees on.

use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use mandate::UnixSeconds;
use mandate::money::EXACT_INTEGER_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::strict;
use crate::tree::{self, NodeHash};

/// Most bytes in one entry.
pub const ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Most bytes in the name of a kind.
pub const KIND_BYTES_MAX: usize = 32;

/// SHA-256 of an entry's bytes: what the next entry carries as `prev`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntryHash([u8; 32]);

impl EntryHash {
    /// Hashes an entry's bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads the unpadded base64url of a `prev`.
    fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntryHash({self})")
    }
}

/// Why bytes are not an entry, or fields do not make one.
#[derive(Debug, Error, Clone)]
#[non_exhaustive]
pub enum EntryError {
    /// The kind's own fields are not what was asked for, or cannot be written as JSON.
    #[error("the fields are not those of the kind")]
    Fields(#[source] Arc<serde_json::Error>),
    /// The kind is not `[a-z][a-z0-9_]*` of at most [`KIND_BYTES_MAX`] bytes.
    #[error("the kind is not [a-z][a-z0-9_]* of at most {KIND_BYTES_MAX} bytes")]
    Kind,
    /// The bytes are not one JSON object without duplicate keys and inexact numbers.
    #[error("not a strict JSON object")]
    Json(#[source] Arc<serde_json::Error>),
    /// The object does not begin with `seq`, `time`, `kind` and `prev` in their one spelling.
    #[error("{field} is missing or not in its one spelling")]
    Shape {
        /// The first field that is wrong.
        field: &'static str,
    },
    /// The entry is too large.
    #[error("has {actual} bytes; at most {ENTRY_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size in bytes.
        actual: usize,
    },
}

/// An entry that was parsed strictly, over its bytes.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// Its number, from 0: its leaf in the tree.
    pub seq: u64,
    /// When it was written, by the writer's clock.
    pub time: UnixSeconds,
    /// What it records; the owner of the log gives it a meaning.
    pub kind: &'a str,
    /// The hash of the entry before it; `None` for the first.
    pub prev: Option<EntryHash>,
    /// The whole entry: exactly the bytes that are stored and hashed.
    pub body: &'a str,
    /// What follows `prev`: empty, or a comma and the kind's own fields, without the last brace.
    rest: &'a str,
}

impl<'a> Entry<'a> {
    /// Reads an entry from its stored bytes.
    ///
    /// # Errors
    ///
    /// [`EntryError::TooLarge`], [`EntryError::Json`], [`EntryError::Shape`] or [`EntryError::Kind`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EntryError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge { actual: bytes.len() });
        }
        strict::check(bytes).map_err(|error| EntryError::Json(Arc::new(error)))?;
        let shape = |field| EntryError::Shape { field };
        let body = str::from_utf8(bytes).or(Err(shape("the text")))?;
        let (seq, rest) = integer(body, "{\"seq\":").ok_or(shape("seq"))?;
        let (time, rest) = integer(rest, ",\"time\":").ok_or(shape("time"))?;
        let (kind, rest) = string(rest, ",\"kind\":\"").ok_or(shape("kind"))?;
        let (prev, rest) = string(rest, ",\"prev\":\"").ok_or(shape("prev"))?;
        check_kind(kind)?;
        let time = UnixSeconds::new(time).or(Err(shape("time")))?;
        let prev = match prev {
            "" => None,
            text => Some(EntryHash::parse(text).ok_or(shape("prev"))?),
        };
        let rest = rest.strip_suffix('}').ok_or(shape("the last brace"))?;
        Ok(Self { seq, time, kind, prev, body, rest })
    }

    /// The kind's own fields: what follows `seq`, `time`, `kind` and `prev`.
    ///
    /// `T` sees an object of these alone, so `deny_unknown_fields` works in it.
    ///
    /// # Errors
    ///
    /// [`EntryError::Fields`] if they are not a `T`.
    pub fn fields<T: DeserializeOwned>(&self) -> Result<T, EntryError> {
        let fields = self.rest.strip_prefix(',').unwrap_or_default();
        serde_json::from_str(&format!("{{{fields}}}"))
            .map_err(|error| EntryError::Fields(Arc::new(error)))
    }

    /// The hash that the next entry carries as `prev`.
    #[must_use]
    pub fn hash(&self) -> EntryHash {
        EntryHash::of(self.body.as_bytes())
    }

    /// The entry's leaf in the tree.
    #[must_use]
    pub fn leaf(&self) -> NodeHash {
        tree::leaf_hash(self.body.as_bytes())
    }
}

/// Makes an entry's bytes.
///
/// `fields` must serialise as a JSON object whose keys are not those every entry has. Whoever appends parses the
/// result, so that nothing is stored that does not read back.
///
/// # Errors
///
/// [`EntryError::Fields`] or [`EntryError::Shape`] if `fields` cannot be written as an object, [`EntryError::Kind`].
pub(crate) fn encode(
    seq: u64,
    time: UnixSeconds,
    kind: &str,
    prev: Option<EntryHash>,
    fields: &impl Serialize,
) -> Result<Vec<u8>, EntryError> {
    check_kind(kind)?;
    let fields =
        serde_json::to_string(fields).map_err(|error| EntryError::Fields(Arc::new(error)))?;
    let fields = match fields.strip_prefix('{') {
        Some("}") => "}",
        Some(fields) => &format!(",{fields}"),
        None => return Err(EntryError::Shape { field: "the kind's object of fields" }),
    };
    let prev = prev.map(|hash| hash.to_string()).unwrap_or_default();
    let text = format!(r#"{{"seq":{seq},"time":{time},"kind":"{kind}","prev":"{prev}"{fields}"#);
    Ok(text.into_bytes())
}

fn check_kind(kind: &str) -> Result<(), EntryError> {
    let first = kind.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let all = kind.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if first && all && kind.len() <= KIND_BYTES_MAX { Ok(()) } else { Err(EntryError::Kind) }
}

/// Reads `label` and a whole number; returns it and what follows.
fn integer<'a>(text: &'a str, label: &str) -> Option<(u64, &'a str)> {
    let text = text.strip_prefix(label)?;
    let (digits, rest) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let number = digits.parse().ok().filter(|number| *number <= EXACT_INTEGER_MAX)?;
    Some((number, rest))
}

/// Reads `label` and text up to the next quote; returns it and what follows the quote.
///
/// Escapes are not understood: nothing that may stand here contains one.
fn string<'a>(text: &'a str, label: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(label)?.split_once('"')
}
