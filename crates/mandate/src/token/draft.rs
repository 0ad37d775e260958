//! A token before its signature: what a journal entry stores, and what the same bytes can be made from at any time.

use std::fmt::{self, Write as _};

use data_encoding::BASE64URL_NOPAD;
use serde_json::value::{RawValue, to_raw_value};
use thiserror::Error;

use super::TOKEN_BYTES_MAX;
use super::error::{ParseError, RuleError};
use super::header::Header;
use super::kind::Kind;
use super::member::Members;
use super::signed::Mandate;
use crate::digest::{DIGEST_BYTES, Head, KeyId};
use crate::json::Object;
use crate::jws::{Protected, Segment, sign};
use crate::key::{SIGNATURE_BYTES, SignError, Signer};
use crate::money::EXACT_INTEGER_MAX;

/// What the `log` claim adds at most: its frame, sixteen digits and a root.
const LOG_BYTES_MAX: usize =
    r#","log":{"size":9007199254740991,"root":""}"#.len() + (DIGEST_BYTES * 4).div_ceil(3);

/// Why claims cannot become a token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DraftError {
    /// They cannot be written as JSON.
    #[error("the token cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// They break a rule of their kind.
    #[error("claims: {0}")]
    Rule(#[source] RuleError),
    /// The token would be too long.
    #[error("the token would have {actual} bytes; at most {TOKEN_BYTES_MAX} are allowed")]
    TooLarge {
        /// The most it could have, in bytes.
        actual: usize,
    },
}

/// Why a draft cannot be signed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// The head is of an empty log, or of a larger one than any.
    #[error("a log of {size} entries cannot hold this token's own")]
    Head {
        /// The head's size.
        size: u64,
    },
    /// The signer holds another key than the one the header names.
    #[error("the header names the key {expected}, and the signer holds {actual}")]
    KeyMismatch {
        /// The key in the header.
        expected: KeyId,
        /// The signer's key.
        actual: KeyId,
    },
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// The header and the claims without `log`, as the exact bytes that will be signed.
#[derive(Clone)]
pub struct Draft<K: Kind> {
    protected: Protected,
    kid: KeyId,
    header_json: Box<RawValue>,
    claims_json: Box<RawValue>,
    claims: K::Claims,
}

impl<K: Kind> Draft<K> {
    /// Writes claims in their one canonical form, for the key of that id.
    ///
    /// # Errors
    ///
    /// [`DraftError`] if they break a rule of their kind or the token would be too long.
    pub fn new(claims: &K::Claims, kid: KeyId) -> Result<Self, DraftError> {
        K::check(claims).map_err(DraftError::Rule)?;
        let protected = Protected::new(K::TYP, &kid);
        let header_json = to_raw_value(protected.members()).map_err(DraftError::Encode)?;
        let claims_json = to_raw_value(claims).map_err(DraftError::Encode)?;
        let actual = token_bytes_max(&header_json, &claims_json);
        if actual > TOKEN_BYTES_MAX {
            return Err(DraftError::TooLarge { actual });
        }
        Ok(Self { protected, kid, header_json, claims_json, claims: claims.clone() })
    }

    /// Takes up a draft that was stored, and keeps its bytes.
    ///
    /// # Errors
    ///
    /// [`ParseError`] if it is not a draft that [`Draft::new`] could have made.
    pub fn from_stored(header: &RawValue, claims: &RawValue) -> Result<Self, ParseError> {
        let actual = token_bytes_max(header, claims);
        if actual > TOKEN_BYTES_MAX {
            return Err(ParseError::TooLarge { actual });
        }
        let Header { kid, .. } = Header::parse(header.get().as_bytes(), K::TYP)?;
        let protected = Protected::new(K::TYP, &kid);
        // What signs builds its header from the members, so only their one form can give the same bytes again.
        let minted = to_raw_value(protected.members()).or(Err(ParseError::StoredHeader))?;
        if minted.get() != header.get() {
            return Err(ParseError::StoredHeader);
        }
        let object = Object::parse(claims.get().as_bytes())
            .map_err(|fault| ParseError::Json { segment: Segment::Payload, fault })?;
        let read = Members::all(object, K::read).map_err(ParseError::Claim)?;
        K::check(&read).map_err(ParseError::Rule)?;
        Ok(Self {
            protected,
            kid,
            header_json: minted,
            claims_json: claims.to_owned(),
            claims: read,
        })
    }

    /// The header's exact bytes.
    #[must_use]
    pub fn header(&self) -> &RawValue {
        &self.header_json
    }

    /// The exact bytes of the claims, all but `log`.
    #[must_use]
    pub fn claims_json(&self) -> &RawValue {
        &self.claims_json
    }

    /// The claims, all but `log`.
    #[must_use]
    pub fn claims(&self) -> &K::Claims {
        &self.claims
    }

    /// The key it is to be signed with.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// Signs the token: the stored claims with `log` put in before their last brace.
    ///
    /// `head` is of the journal whose last entry is this token's own. The same draft, head and key give the same bytes.
    ///
    /// # Errors
    ///
    /// [`IssueError`] if the key is not the one the header names, the head is impossible, or the key does not sign.
    pub fn issue(&self, head: Head, signer: &dyn Signer) -> Result<Mandate<K>, IssueError> {
        if !(1..=EXACT_INTEGER_MAX).contains(&head.size) {
            return Err(IssueError::Head { size: head.size });
        }
        let actual = signer.public_key().id();
        if actual != self.kid {
            return Err(IssueError::KeyMismatch { expected: self.kid, actual });
        }
        let payload = payload(self.claims_json.get(), head);
        let compact = sign(&self.protected, payload.as_bytes(), signer)?;
        Ok(Mandate::issued(compact, self.kid, self.claims.clone(), head))
    }
}

/// Puts `log` in before the last brace.
fn payload(claims: &str, Head { size, root }: Head) -> String {
    let open = claims.rsplit_once('}').map_or(claims, |(open, _)| open);
    let mut payload = String::with_capacity(claims.len().saturating_add(LOG_BYTES_MAX));
    payload.push_str(open);
    // Writing to a String cannot fail.
    write!(payload, r#","log":{{"size":{size},"root":"{root}"}}}}"#).unwrap_or_default();
    payload
}

/// The longest compact form that a header and claims can have.
fn token_bytes_max(header: &RawValue, claims: &RawValue) -> usize {
    let payload_bytes = claims.get().len().saturating_add(LOG_BYTES_MAX);
    [header.get().len(), payload_bytes, SIGNATURE_BYTES]
        .map(|bytes| BASE64URL_NOPAD.encode_len(bytes))
        .iter()
        .fold("..".len(), |sum, segment| sum.saturating_add(*segment))
}

impl<K: Kind> fmt::Debug for Draft<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Draft");
        f.field("typ", &K::TYP).field("claims", &self.claims).finish_non_exhaustive()
    }
}
