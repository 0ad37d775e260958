//! Strict JSON: one object that every reader understands alike.
//!
//! No duplicate key at any depth, no number but a whole one of at most 2^53 − 1, nothing before or after the object,
//! and bounds on depth and members. It never guesses: what two parsers might read differently is refused.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use thiserror::Error;

use crate::money::EXACT_INTEGER_MAX;

/// Deepest nesting of objects and arrays; a token needs three.
pub(crate) const JSON_DEPTH_MAX: usize = 8;
/// Most members of one object; a token needs seventeen.
pub(crate) const JSON_MEMBERS_MAX: usize = 32;

/// Most characters of the sender's text that an error repeats.
const EXCERPT_CHARS_MAX: usize = 64;

/// Why bytes are not strict JSON.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// It starts with a byte order mark (RFC 8259, section 8.1).
    #[error("starts with a byte order mark")]
    ByteOrderMark,
    /// It nests too deep.
    #[error("nests deeper than {JSON_DEPTH_MAX} levels")]
    Depth,
    /// A key stands twice in one object (RFC 7515, section 4; RFC 7519, section 4).
    #[error("holds the key {key:?} twice")]
    DuplicateKey {
        /// The start of the key.
        key: String,
    },
    /// An object has too many members.
    #[error("has an object of more than {JSON_MEMBERS_MAX} members")]
    Members,
    /// It is some other value than an object.
    #[error("is not an object from its first byte on")]
    NotAnObject,
    /// A number has a sign, a fraction or an exponent.
    #[error("holds a number that is not written as a plain whole number")]
    Number,
    /// A number is past 2^53 − 1.
    #[error("holds a number past {EXACT_INTEGER_MAX}")]
    NumberTooLarge,
    /// It is not JSON.
    #[error("is not JSON: {problem}")]
    Syntax {
        /// What the parser met, and where.
        problem: String,
    },
    /// Something follows the object.
    #[error("goes on after its object")]
    Trailing,
    /// It is not UTF-8.
    #[error("is not UTF-8")]
    Utf8,
}

impl JsonError {
    /// A stable name of the fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ByteOrderMark => "json_byte_order_mark",
            Self::Depth => "json_depth",
            Self::DuplicateKey { .. } => "json_duplicate_key",
            Self::Members => "json_members",
            Self::NotAnObject => "json_not_an_object",
            Self::Number => "json_number",
            Self::NumberTooLarge => "json_number_too_large",
            Self::Syntax { .. } => "json_syntax",
            Self::Trailing => "json_trailing",
            Self::Utf8 => "json_utf8",
        }
    }
}

/// The start of a text that someone else wrote, for an error to repeat.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}

/// A strict JSON value. Texts without escapes are borrowed from the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Array(Vec<Value<'a>>),
    Integer(u64),
    /// `true`, `false` or `null`: no token has them, so nothing tells them apart.
    Keyword,
    Object(Object<'a>),
    Text(Cow<'a, str>),
}

/// The members of an object, in their order, each key once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// Reads one object and nothing else.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, JsonError> {
        if bytes.starts_with("\u{feff}".as_bytes()) {
            return Err(JsonError::ByteOrderMark);
        }
        let text = std::str::from_utf8(bytes).or(Err(JsonError::Utf8))?;
        if !text.starts_with('{') {
            return Err(JsonError::NotAnObject);
        }
        let fault = Cell::new(None);
        let mut reader = serde_json::Deserializer::from_str(text);
        let value =
            Strict { depth: 0, fault: &fault }.deserialize(&mut reader).map_err(|error| {
                fault.take().unwrap_or_else(|| JsonError::Syntax { problem: error.to_string() })
            })?;
        // `end` lets white space pass, and a signature should cover no byte without a meaning.
        if reader.end().is_err() || !text.ends_with('}') {
            return Err(JsonError::Trailing);
        }
        match value {
            Value::Object(object) => Ok(object),
            _ => Err(JsonError::NotAnObject),
        }
    }

    /// Takes a member out.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value<'a>> {
        let position = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(position).1)
    }

    /// The first key that is still there.
    pub(crate) fn first_key(&self) -> Option<&str> {
        self.0.first().map(|(name, _)| &**name)
    }

    /// The last key that is still there.
    pub(crate) fn last_key(&self) -> Option<&str> {
        self.0.last().map(|(name, _)| &**name)
    }
}

/// Reads any value at one depth. Its own faults travel in the cell, because a parser's error is only a text.
#[derive(Clone, Copy)]
struct Strict<'f> {
    depth: usize,
    fault: &'f Cell<Option<JsonError>>,
}

impl Strict<'_> {
    fn refuse<E: serde::de::Error>(&self, fault: JsonError) -> E {
        let error = E::custom(&fault);
        self.fault.set(Some(fault));
        error
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= JSON_DEPTH_MAX {
            return Err(self.refuse(JsonError::Depth));
        }
        Ok(Self { depth: self.depth.saturating_add(1), ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("strict JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Keyword)
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Keyword)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value<'de>, E> {
        if number > EXACT_INTEGER_MAX {
            return Err(self.refuse(JsonError::NumberTooLarge));
        }
        Ok(Value::Integer(number))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Value<'de>, E> {
        Err(self.refuse(JsonError::Number))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value<'de>, E> {
        Err(self.refuse(JsonError::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let inside = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        let inside = self.deeper()?;
        let mut members: Vec<(Cow<'de, str>, Value<'de>)> = Vec::new();
        while let Some(key) = entries.next_key_seed(inside)? {
            let Value::Text(key) = key else {
                return Err(A::Error::custom("a key is a text"));
            };
            if members.iter().any(|(name, _)| *name == key) {
                return Err(self.refuse(JsonError::DuplicateKey { key: excerpt(&key) }));
            }
            if members.len() >= JSON_MEMBERS_MAX {
                return Err(self.refuse(JsonError::Members));
            }
            members.push((key, entries.next_value_seed(inside)?));
        }
        Ok(Value::Object(Object(members)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(text: &str) -> JsonError {
        Object::parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_plain_object_is_read_in_order() {
        let mut object = Object::parse(br#"{"b":1,"a":[{"x":"\u0041"},true]}"#).unwrap();
        assert_eq!((object.first_key(), object.last_key()), (Some("b"), Some("a")));
        assert_eq!(object.take("b"), Some(Value::Integer(1)));
        assert_eq!(object.take("b"), None);
        assert!(matches!(object.take("a"), Some(Value::Array(items)) if items.len() == 2));
    }

    #[test]
    fn keys_stand_once_at_any_depth_and_through_escapes() {
        let twice = JsonError::DuplicateKey { key: "a".to_owned() };
        assert_eq!(fault(r#"{"a":1,"a":1}"#), twice);
        assert_eq!(fault(r#"{"b":[{"a":1,"\u0061":1}]}"#), twice);
    }

    #[test]
    fn numbers_are_whole_plain_and_exact() {
        for number in ["1.0", "-1", "-0", "1e2", "1E2", "0.5", "18446744073709551616"] {
            assert_eq!(fault(&format!(r#"{{"a":{number}}}"#)), JsonError::Number, "{number}");
        }
        for number in ["9007199254740992", "18446744073709551615"] {
            assert_eq!(fault(&format!(r#"{{"a":{number}}}"#)), JsonError::NumberTooLarge);
        }
        for number in ["01", "00", "+1", "0x1", "1_000", "NaN"] {
            assert!(matches!(fault(&format!(r#"{{"a":{number}}}"#)), JsonError::Syntax { .. }));
        }
        assert!(Object::parse(br#"{"a":9007199254740991,"b":0}"#).is_ok());
    }

    #[test]
    fn nothing_stands_around_the_object() {
        for text in ["", " {}", "[]", "1", "null", "\"a\""] {
            assert_eq!(fault(text), JsonError::NotAnObject, "{text:?}");
        }
        for text in ["{} ", "{}\n", "{}{}", "{}}", "{}\0"] {
            assert_eq!(fault(text), JsonError::Trailing, "{text:?}");
        }
        assert_eq!(fault("\u{feff}{}"), JsonError::ByteOrderMark);
        assert_eq!(Object::parse(b"{\"a\":\"\xff\"}"), Err(JsonError::Utf8));
        assert!(matches!(fault(r#"{"a":"\ud800"}"#), JsonError::Syntax { .. }));
    }

    #[test]
    fn depth_and_members_are_bounded() {
        let nested =
            |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
        assert!(Object::parse(nested(JSON_DEPTH_MAX - 1).as_bytes()).is_ok());
        assert_eq!(fault(&nested(JSON_DEPTH_MAX)), JsonError::Depth);
        let wide = |count: usize| {
            let members: Vec<_> = (0..count).map(|i| format!(r#""k{i}":0"#)).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(Object::parse(wide(JSON_MEMBERS_MAX).as_bytes()).is_ok());
        assert_eq!(fault(&wide(JSON_MEMBERS_MAX + 1)), JsonError::Members);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            drop(Object::parse(&bytes));
        }

        #[test]
        fn what_is_accepted_every_lenient_reader_accepts(text in r#"\{("[ab]":([0-9]{1,3}|"x"|\[\]|\{\})(,"[ab]":-?[0-9.e]{1,3})?)?\}? ?"#) {
            if Object::parse(text.as_bytes()).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok());
            }
        }
    }
}
