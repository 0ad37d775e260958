//! Checks that bytes are one JSON object every reader understands alike.
//!
//! No duplicate key at any depth, and no number but whole ones of at most 2^53 − 1. Nothing is built from the text.

use std::borrow::Cow;
use std::fmt;

use mandate::money::EXACT_INTEGER_MAX;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Checks one JSON object, without anything before or after it, and returns it as text.
///
/// # Errors
///
/// The position of the first thing that is wrong as JSON, or what is wrong by the rules of this module.
pub(crate) fn check(bytes: &[u8]) -> Result<&str, serde_json::Error> {
    if bytes.first() != Some(&b'{') || bytes.last() != Some(&b'}') {
        return Err(Error::custom("not one object from its first byte to its last"));
    }
    let text = str::from_utf8(bytes).map_err(Error::custom)?;
    serde_json::from_str::<Value>(text).map(|Value| text)
}

/// Any JSON value that follows the rules.
struct Value;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("strict JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self, E> {
        if number > EXACT_INTEGER_MAX {
            return Err(E::custom(format_args!("{number} is past {EXACT_INTEGER_MAX}")));
        }
        Ok(self)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self, E> {
        self.visit_u64(number.unsigned_abs())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self, E> {
        Err(E::custom(format_args!("{number} is not written as a whole number")))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while let Some(Self) = items.next_element()? {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut keys: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Key(key)) = members.next_key()? {
            let Self = members.next_value()?;
            keys.push(key);
        }
        // Sorted once: whatever an object holds, its cost stays near that of reading it.
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair.first() == pair.last()) {
            Some(pair) => Err(A::Error::custom(format_args!("duplicate key {:?}", pair.first()))),
            None => Ok(self),
        }
    }
}

/// A member's name, taken from the text itself unless it is written with escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(key)))
    }

    fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(key.to_owned())))
    }
}
