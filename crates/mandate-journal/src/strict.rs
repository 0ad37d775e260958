//! Checks that bytes are one JSON object every reader understands alike.
//!
//! No duplicate key at any depth, and no number but whole ones of at most 2^53 − 1. Nothing is built from the text.

use std::collections::BTreeSet;
use std::fmt;

use mandate::money::EXACT_INTEGER_MAX;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Checks one JSON object, without anything before or after it.
///
/// # Errors
///
/// The position of the first thing that is wrong, as JSON or by the rules of this module.
pub(crate) fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    if bytes.first() != Some(&b'{') || bytes.last() != Some(&b'}') {
        return Err(Error::custom("not one object from its first byte to its last"));
    }
    serde_json::from_slice::<Value>(bytes).map(|Value| ())
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
        let mut keys = BTreeSet::new();
        while let Some(key) = members.next_key::<String>()? {
            let Self = members.next_value()?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format_args!("duplicate key {key:?}")));
            }
        }
        Ok(self)
    }
}
