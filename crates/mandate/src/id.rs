//! Identifiers: who signs, who is addressed, what is done, which token.
//!
//! Every identifier is checked when it is made and never again; a value of one kind cannot stand in for another.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::key::PublicKey;

/// Longest identifier, in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// Random bytes in a [`Jti`].
pub const JTI_BYTES: usize = 16;

/// Why a text is not an identifier.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdError {
    /// It is the empty text.
    #[error("is empty; an id has 1 to {ID_BYTES_MAX} characters")]
    Empty,
    /// It starts with a character that may only follow another.
    #[error("starts with {found:?}; an id starts with a-z or 0-9")]
    FirstCharacter {
        /// The character it starts with.
        found: char,
    },
    /// It holds a character that no id may hold.
    #[error("holds {found:?}; an id is made of a-z, 0-9, `.`, `_` and `-`")]
    Character {
        /// The first such character.
        found: char,
    },
    /// A `did:key` that does not encode an Ed25519 public key.
    #[error("is not the did:key of an Ed25519 key (it starts with did:key:z6Mk)")]
    DidKey,
    /// A token id that is not 128 bits of unpadded base64url.
    #[error("is not {JTI_BYTES} bytes of unpadded base64url")]
    Jti,
    /// It is longer than any id may be.
    #[error("has {actual} bytes; an id has at most {ID_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
}

fn check_id(text: &str) -> Result<(), IdError> {
    let first = text.chars().next().ok_or(IdError::Empty)?;
    if let Some(found) =
        text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '-'))
    {
        return Err(IdError::Character { found });
    }
    if !matches!(first, 'a'..='z' | '0'..='9') {
        return Err(IdError::FirstCharacter { found: first });
    }
    if text.len() > ID_BYTES_MAX {
        return Err(IdError::TooLong { actual: text.len() });
    }
    Ok(())
}

/// Implements the text conversions that all identifiers share, over their own `FromStr`.
macro_rules! text_conversions {
    ($name:ident) => {
        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }
    };
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// Matches `[a-z0-9][a-z0-9._-]{0,63}`.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                check_id(text)?;
                Ok(Self(text.into()))
            }
        }

        text_conversions!($name);
    };
}

id! {
    /// A merchant: the `aud` of a mandate and the `iss` of a cart or receipt.
    MerchantId
}
id! {
    /// One action a merchant offers.
    Sku
}
id! {
    /// An agent, by the name its principal gave it: the `act.sub` of a token (RFC 8693, section 4.1).
    AgentName
}

/// A principal: the `did:key` of its first key, or a stable id chosen when the wallet was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalId(Box<str>);

impl PrincipalId {
    /// The `did:key` of a public key.
    ///
    /// Source: The did:key Method, section 3.1 (Ed25519).
    #[must_use]
    pub fn from_key(key: &PublicKey) -> Self {
        Self(key.did_key().into())
    }

    /// The key in the id, when it is a `did:key`.
    #[must_use]
    pub fn did_key(&self) -> Option<PublicKey> {
        PublicKey::from_did_key(&self.0)
    }
}

thread_local! {
    /// The `did:key` that this thread last found good. One principal is read again and again, and whether 32 bytes are a
    /// point of the curve costs half as much as a signature.
    static GOOD: RefCell<Box<str>> = RefCell::default();
}

/// Whether a text is the `did:key` of an Ed25519 key.
fn is_did_key(text: &str) -> bool {
    GOOD.with_borrow_mut(|good| {
        let is_good = **good == *text || PublicKey::from_did_key(text).is_some();
        if is_good && **good != *text {
            *good = text.into();
        }
        is_good
    })
}

impl FromStr for PrincipalId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.starts_with("did:") {
            is_did_key(text).then_some(()).ok_or(IdError::DidKey)?;
        } else {
            check_id(text)?;
        }
        Ok(Self(text.into()))
    }
}

text_conversions!(PrincipalId);

/// A token's own id: 128 random bits, unpadded base64url in a token (RFC 7519, section 4.1.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jti([u8; JTI_BYTES]);

impl Jti {
    /// Takes 128 random bits; the caller draws them from the system's generator.
    #[must_use]
    pub fn from_random(bits: [u8; JTI_BYTES]) -> Self {
        Self(bits)
    }
}

impl FromStr for Jti {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bytes =
            BASE64URL_NOPAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(IdError::Jti)
    }
}

impl fmt::Display for Jti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Jti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jti({self})")
    }
}

impl TryFrom<String> for Jti {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Jti> for String {
    fn from(jti: Jti) -> Self {
        jti.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_lower_case_and_bounded() {
        assert!("lux-hotels".parse::<MerchantId>().is_ok());
        assert!("0a._-".parse::<Sku>().is_ok());
        assert_eq!("".parse::<Sku>(), Err(IdError::Empty));
        assert_eq!("-a".parse::<Sku>(), Err(IdError::FirstCharacter { found: '-' }));
        assert_eq!("aB".parse::<Sku>(), Err(IdError::Character { found: 'B' }));
        assert_eq!("a".repeat(65).parse::<Sku>(), Err(IdError::TooLong { actual: 65 }));
        assert!("a".repeat(64).parse::<Sku>().is_ok());
    }

    #[test]
    fn a_principal_is_a_did_key_or_a_stable_id() {
        // The first example of the did:key method's Ed25519 vectors.
        let did = "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp";
        let id: PrincipalId = did.parse().unwrap();
        assert_eq!(PrincipalId::from_key(&id.did_key().unwrap()), id);
        assert_eq!("did:key:zzz".parse::<PrincipalId>(), Err(IdError::DidKey));
        assert!("did:web:x".parse::<PrincipalId>().is_err());
        assert!("ada".parse::<PrincipalId>().unwrap().did_key().is_none());
    }

    #[test]
    fn a_jti_is_exactly_sixteen_bytes_without_tail_bits() {
        let jti = Jti::from_random([7; JTI_BYTES]);
        assert_eq!(jti.to_string().parse::<Jti>().unwrap(), jti);
        assert_eq!("AAAA".parse::<Jti>(), Err(IdError::Jti));
        // The last character carries four bits that must be zero.
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAB".parse::<Jti>(), Err(IdError::Jti));
    }
}
