//! SHA-256 digests, each with a type of its own.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Bytes in a SHA-256 digest.
pub const DIGEST_BYTES: usize = 32;

/// The text is not a digest.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is not {DIGEST_BYTES} bytes of unpadded base64url")]
pub struct DigestError;

macro_rules! digest {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 32 bytes; unpadded base64url as text.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; DIGEST_BYTES]);

        impl $name {
            /// Hashes bytes with SHA-256.
            #[must_use]
            pub fn of(bytes: &[u8]) -> Self {
                Self(Sha256::digest(bytes).into())
            }

            /// Takes a digest that was computed or stored elsewhere.
            #[must_use]
            pub fn from_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = DigestError;

            fn from_str(text: &str) -> Result<Self, DigestError> {
                let bytes = BASE64URL_NOPAD
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or(DigestError)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE64URL_NOPAD.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = DigestError;

            fn try_from(text: String) -> Result<Self, DigestError> {
                text.parse()
            }
        }

        impl From<$name> for [u8; DIGEST_BYTES] {
            fn from(digest: $name) -> Self {
                digest.0
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> Self {
                digest.to_string()
            }
        }
    };
}

digest! {
    /// H(intent): SHA-256 of the ASCII of a compact intent mandate.
    IntentHash
}
digest! {
    /// H(cart): SHA-256 of the ASCII of a compact cart mandate.
    CartHash
}
digest! {
    /// H(payment): SHA-256 of the ASCII of a compact payment mandate.
    PaymentHash
}
digest! {
    /// H(receipt): SHA-256 of the ASCII of a compact receipt.
    ReceiptHash
}
digest! {
    /// H of a token, whichever kind it is.
    TokenHash
}
digest! {
    /// The RFC 7638 thumbprint of a public key: a token's `kid`.
    KeyId
}
digest! {
    /// The digest of one HTTP request: `method LF target LF content-type LF body`.
    RequestDigest
}
digest! {
    /// The digest of the bytes of one `wallet.toml`.
    PolicyDigest
}
digest! {
    /// The root of a journal's Merkle tree (RFC 9162, section 2.1.1).
    Root
}

/// A journal's head: how many entries it has and the root over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Number of entries, at most 2^53 − 1.
    pub size: u64,
    /// Root of the tree over these entries.
    pub root: Root,
}
