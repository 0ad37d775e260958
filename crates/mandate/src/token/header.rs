//! The header: exactly `alg`, `typ` and `kid`. No member of it can bring a key, an address or an option.

use super::error::ParseError;
use super::member::{Members, raw_text, text};
use crate::digest::KeyId;
use crate::json::{Object, excerpt};
use crate::jws::{Algorithm, Segment};

/// A header of a known kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kid: KeyId,
}

impl Header {
    pub(super) fn parse(bytes: &[u8], typ: &'static str) -> Result<Self, ParseError> {
        let object = Object::parse(bytes)
            .map_err(|fault| ParseError::Json { segment: Segment::Header, fault })?;
        let (algorithm, found, kid) = Members::all(object, |members| {
            Ok((
                members.required("alg", |alg| {
                    raw_text(alg, |alg| Ok(Algorithm::parse(alg).ok_or_else(|| excerpt(alg))))
                })?,
                members.required("typ", |found| {
                    raw_text(found, |found| Ok((found != typ).then(|| excerpt(found))))
                })?,
                members.required("kid", text)?,
            ))
        })
        .map_err(ParseError::Header)?;
        if let Some(found) = found {
            return Err(ParseError::Type { expected: typ, found });
        }
        // Both names are of the one algorithm there is, so nothing is chosen by them.
        algorithm.map_err(|found| ParseError::Algorithm { found })?;
        Ok(Self { kid })
    }
}
