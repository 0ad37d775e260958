//! What a use is known by.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use mandate::digest::{DIGEST_BYTES, DigestError};
use mandate::{IntentHash, PaymentHash};

/// What one use is known by, for ever: H(payment), or H(intent) for a free action.
///
/// 32 bytes; unpadded base64url as text, which is also the `Idempotency-Key` that the API behind the gateway sees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UseKey([u8; DIGEST_BYTES]);

impl UseKey {
    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl From<PaymentHash> for UseKey {
    fn from(hash: PaymentHash) -> Self {
        Self(hash.into())
    }
}

impl From<IntentHash> for UseKey {
    fn from(hash: IntentHash) -> Self {
        Self(hash.into())
    }
}

impl FromStr for UseKey {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse::<PaymentHash>().map(Self::from)
    }
}

impl fmt::Display for UseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for UseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UseKey({self})")
    }
}
