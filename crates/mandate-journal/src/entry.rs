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

/// Most bytes in one entry: what the length before an entry in a bundle can say (C2SP tlog-tiles).
pub const ENTRY_BYTES_MAX: usize = 65_535;
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
        let body = strict::check(bytes).map_err(|error| EntryError::Json(Arc::new(error)))?;
        let shape = |field| EntryError::Shape { field };
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
        if !(rest.is_empty() || rest.starts_with(',')) {
            return Err(shape("what follows prev"));
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds).unwrap()
    }

    #[test]
    fn an_entry_is_one_object_in_one_order() {
        let first = encode(0, at(7), "init", None, &json!({"a": 1})).unwrap();
        assert_eq!(
            str::from_utf8(&first),
            Ok(r#"{"seq":0,"time":7,"kind":"init","prev":"","a":1}"#)
        );
        let prev = EntryHash::of(&first);
        let second = encode(1, at(8), "mint", Some(prev), &json!({})).unwrap();
        let expected = format!(r#"{{"seq":1,"time":8,"kind":"mint","prev":"{prev}"}}"#);
        assert_eq!(str::from_utf8(&second), Ok(expected.as_str()));
        let entry = Entry::parse(&second).unwrap();
        assert_eq!((entry.seq, entry.time, entry.kind, entry.prev), (1, at(8), "mint", Some(prev)));
        assert_eq!(entry.fields::<serde_json::Value>().unwrap(), json!({}));
    }

    #[test]
    fn raw_json_keeps_its_bytes() {
        #[derive(Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Minted {
            claims: Box<RawValue>,
        }
        let claims = r#"{ "iss":"a",  "n":[1, 2]}"#;
        let fields = Minted { claims: RawValue::from_string(claims.into()).unwrap() };
        let bytes = encode(3, at(9), "mint", Some(EntryHash::of(b"")), &fields).unwrap();
        let back: Minted = Entry::parse(&bytes).unwrap().fields().unwrap();
        assert_eq!(back.claims.get(), claims);
    }

    #[test]
    fn the_fields_are_those_of_the_kind_alone() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        let bytes = encode(0, at(0), "init", None, &json!({})).unwrap();
        assert!(Entry::parse(&bytes).unwrap().fields::<Nothing>().is_ok());
        let bytes = encode(0, at(0), "init", None, &json!({"a": 1})).unwrap();
        let error = Entry::parse(&bytes).unwrap().fields::<Nothing>().unwrap_err();
        assert!(matches!(error, EntryError::Fields(_)));
    }

    #[test]
    fn what_is_not_an_entry_is_refused() {
        let json = |text: &str| matches!(Entry::parse(text.as_bytes()), Err(EntryError::Json(_)));
        let shape = |text: &str, field| match Entry::parse(text.as_bytes()) {
            Err(EntryError::Shape { field: found }) => assert_eq!(found, field, "{text}"),
            other => panic!("{text}: {other:?}"),
        };
        let head = r#"{"seq":0,"time":0,"kind":"a","prev":"""#;
        assert!(Entry::parse(format!("{head}}}").as_bytes()).is_ok());
        for wrong in [
            head.into(),
            format!("{head}}} "),
            format!(" {head}}}"),
            format!("{head}}}}}"),
            format!(r#"{head},"seq":0}}"#),
            format!(r#"{head},"a":1,"a":1}}"#),
            format!(r#"{head},"a":{{"b":1,"b":1}}}}"#),
            format!(r#"{head},"a":[{{"b":1,"\u0062":1}}]}}"#),
            format!(r#"{head},"a":1.0}}"#),
            format!(r#"{head},"a":1e2}}"#),
            format!(r#"{head},"a":-0}}"#),
            format!(r#"{head},"a":9007199254740992}}"#),
            format!(r#"{head},"a":-9007199254740992}}"#),
            r#"{"seq":00,"time":0,"kind":"a","prev":""}"#.into(),
            "[]".into(),
            String::new(),
        ] {
            assert!(json(&wrong), "{wrong}");
        }
        assert!(matches!(Entry::parse(b"{\"\xff\":1}"), Err(EntryError::Json(_))));
        shape(r#"{"time":0,"seq":0,"kind":"a","prev":""}"#, "seq");
        shape(r#"{"seq": 0,"time":0,"kind":"a","prev":""}"#, "seq");
        shape(r#"{"seq":-1,"time":0,"kind":"a","prev":""}"#, "seq");
        shape(r#"{"seq":0,"time":"0","kind":"a","prev":""}"#, "time");
        shape(r#"{"seq":0,"time":0,"prev":"","kind":"a"}"#, "kind");
        shape(r#"{"seq":0,"time":0,"kind":"a","prev":null}"#, "prev");
        shape(r#"{"seq":0,"time":0,"kind":"a","prev":"AA"}"#, "prev");
        let padded = format!(r#"{{"seq":0,"time":0,"kind":"a","prev":"{}="}}"#, "A".repeat(43));
        shape(&padded, "prev");
        let tail_bits = format!(r#"{{"seq":0,"time":0,"kind":"a","prev":"{}B"}}"#, "A".repeat(42));
        shape(&tail_bits, "prev");
        shape(r#"{"seq":0,"time":0,"kind":"a","prev":"" }"#, "what follows prev");
        shape(r#"{"seq":0,"time":0,"kind":"a","prev":"" ,"a":1}"#, "what follows prev");
        for kind in ["", "A", "1a", "a-b", &"a".repeat(KIND_BYTES_MAX + 1)] {
            let text = format!(r#"{{"seq":0,"time":0,"kind":"{kind}","prev":""}}"#);
            assert!(matches!(Entry::parse(text.as_bytes()), Err(EntryError::Kind)), "{kind}");
            let encoded = encode(0, at(0), kind, None, &json!({}));
            assert!(matches!(encoded, Err(EntryError::Kind)), "{kind}");
        }
    }

    #[test]
    fn fields_that_make_no_entry_are_refused() {
        assert!(matches!(encode(0, at(0), "a", None, &json!([1])), Err(EntryError::Shape { .. })));
        let reserved = encode(0, at(0), "a", None, &json!({"prev": ""})).unwrap();
        assert!(matches!(Entry::parse(&reserved), Err(EntryError::Json(_))));
    }

    #[test]
    fn the_size_is_limited() {
        let frame = encode(0, at(0), "a", None, &json!({"x": ""})).unwrap().len();
        let of = |bytes: usize| {
            encode(0, at(0), "a", None, &json!({"x": "x".repeat(bytes - frame)})).unwrap()
        };
        assert!(Entry::parse(&of(ENTRY_BYTES_MAX)).is_ok());
        let error = Entry::parse(&of(ENTRY_BYTES_MAX + 1)).unwrap_err();
        assert!(matches!(error, EntryError::TooLarge { actual } if actual == ENTRY_BYTES_MAX + 1));
    }

    proptest! {
        #[test]
        fn what_is_encoded_parses_to_the_same(
            seq in 0..=EXACT_INTEGER_MAX,
            time in 0..=EXACT_INTEGER_MAX,
            kind in "[a-z][a-z0-9_]{0,31}",
            prev in proptest::option::of(any::<[u8; 32]>()),
            text in any::<String>(),
            number in -9_007_199_254_740_991i64..=9_007_199_254_740_991,
        ) {
            let prev = prev.map(EntryHash);
            let fields = json!({"text": text, "number": number, "list": [null, true, {"a": []}]});
            let bytes = encode(seq, at(time), &kind, prev, &fields).unwrap();
            let entry = Entry::parse(&bytes).unwrap();
            prop_assert_eq!(entry.seq, seq);
            prop_assert_eq!(entry.time, at(time));
            prop_assert_eq!(entry.kind, kind);
            prop_assert_eq!(entry.prev, prev);
            prop_assert_eq!(entry.body.as_bytes(), &bytes);
            prop_assert_eq!(entry.fields::<serde_json::Value>().unwrap(), fields);
        }

        #[test]
        fn any_bytes_are_an_entry_or_refused(bytes in any::<Vec<u8>>()) {
            prop_assert!(Entry::parse(&bytes).is_err());
        }
    }
}
