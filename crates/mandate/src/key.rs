//! Public keys, their names, and the trait a private key signs through.
//!
//! No private byte ever enters this crate: a [`Signer`] lives with whoever holds the key.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::KeyId;

/// Bytes in an Ed25519 public key.
pub const PUBLIC_KEY_BYTES: usize = 32;
/// Bytes in an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Multicodec prefix of an Ed25519 public key in a `did:key`, as an unsigned varint.
const MULTICODEC_ED25519: [u8; 2] = [0xed, 0x01];
/// `did:key:` and the multibase letter of base58btc.
const DID_KEY_PREFIX: &str = "did:key:z";

/// Why bytes or a JWK are not an Ed25519 public key.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// `x` is not 32 bytes of unpadded base64url.
    #[error("`x` is not {PUBLIC_KEY_BYTES} bytes of unpadded base64url")]
    Encoding,
    /// The bytes are no usable point: not on the curve, or of small order.
    #[error("`x` is not a usable Ed25519 public key")]
    Point,
    /// `kty` is not `OKP` or `crv` is not `Ed25519`.
    #[error("a key is {{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }}")]
    Type,
}

/// A usable Ed25519 public key: a canonical point that is not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032, section 5.1.5.
    ///
    /// # Errors
    ///
    /// [`KeyError::Point`] if they are not a curve point or one of small order.
    pub fn from_bytes(bytes: &[u8; PUBLIC_KEY_BYTES]) -> Result<Self, KeyError> {
        match VerifyingKey::from_bytes(bytes) {
            Ok(key) if !key.is_weak() => Ok(Self(key)),
            _ => Err(KeyError::Point),
        }
    }

    /// The 32 bytes of RFC 8032, section 5.1.5.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        self.0.as_bytes()
    }

    /// The key's name in a token header: its RFC 7638 thumbprint (members in RFC 8037 order).
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::of(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x()).as_bytes())
    }

    /// The key as the `x` of a JWK.
    #[must_use]
    pub fn x(&self) -> String {
        BASE64URL_NOPAD.encode(self.as_bytes())
    }

    /// The key as a `did:key`.
    ///
    /// Source: The did:key Method, section 3.1 (Ed25519).
    #[must_use]
    pub fn did_key(&self) -> String {
        let bytes: Vec<u8> = MULTICODEC_ED25519.iter().chain(self.as_bytes()).copied().collect();
        format!("{DID_KEY_PREFIX}{}", bs58::encode(bytes).into_string())
    }

    /// Reads a `did:key`; `None` if it is not one of a usable Ed25519 key, or not in its one canonical form.
    #[must_use]
    pub fn from_did_key(did: &str) -> Option<Self> {
        let bytes = bs58::decode(did.strip_prefix(DID_KEY_PREFIX)?).into_vec().ok()?;
        let key = bytes.strip_prefix(&MULTICODEC_ED25519)?.try_into().ok()?;
        Self::from_bytes(key).ok().filter(|key| key.did_key() == did)
    }

    /// Checks a signature by the strict rules: canonical `S`, and no small-order point.
    ///
    /// # Errors
    ///
    /// [`SignatureError`] if it does not verify.
    ///
    /// Source: RFC 8032, section 5.1.7.
    pub fn verify_strict(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).or(Err(SignatureError))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.x())
    }
}

/// A public key as a JWK of RFC 8037, section 2: exactly `kty`, `crv` and `x`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// Always `OKP`.
    pub kty: String,
    /// Always `Ed25519`.
    pub crv: String,
    /// The key, unpadded base64url.
    pub x: String,
}

impl From<&PublicKey> for Jwk {
    fn from(key: &PublicKey) -> Self {
        Self { kty: "OKP".to_owned(), crv: "Ed25519".to_owned(), x: key.x() }
    }
}

impl TryFrom<Jwk> for PublicKey {
    type Error = KeyError;

    fn try_from(jwk: Jwk) -> Result<Self, KeyError> {
        let Jwk { kty, crv, x } = jwk;
        if kty != "OKP" || crv != "Ed25519" {
            return Err(KeyError::Type);
        }
        let bytes = BASE64URL_NOPAD
            .decode(x.as_bytes())
            .ok()
            .and_then(|bytes| <[u8; PUBLIC_KEY_BYTES]>::try_from(bytes).ok())
            .ok_or(KeyError::Encoding)?;
        Self::from_bytes(&bytes)
    }
}

/// A signature does not verify.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("the signature does not verify")]
pub struct SignatureError;

/// An Ed25519 signature, 64 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; SIGNATURE_BYTES]);

impl Signature {
    /// Takes the 64 bytes of RFC 8032, section 5.1.6.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SIGNATURE_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; SIGNATURE_BYTES] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", BASE64URL_NOPAD.encode(&self.0))
    }
}

/// A private key could not sign.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// The fresh signature does not verify under the key's own public half: faulty memory, or a fault attack.
    #[error("a fresh signature did not verify; the machine's memory may be faulty")]
    SelfCheck,
    /// The key is not at hand: the store is locked or it was dropped.
    #[error("the signing key is not available")]
    Unavailable,
}

/// Something that holds an Ed25519 private key and signs with it.
///
/// Signing is deterministic (RFC 8032, section 5.1.6): one message, one signature.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Signs bytes.
    ///
    /// # Errors
    ///
    /// [`SignError`] if the key is not at hand or its signature does not verify.
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;
}

/// Whose keys may sign a kind of token.
pub trait Role: private::Sealed + fmt::Debug + Clone + Copy + Send + Sync + 'static {}

/// Principals sign intents and payments.
#[derive(Debug, Clone, Copy)]
pub struct PrincipalRole;
/// Merchants sign carts and receipts.
#[derive(Debug, Clone, Copy)]
pub struct MerchantRole;

impl Role for PrincipalRole {}
impl Role for MerchantRole {}

mod private {
    pub trait Sealed {}
    impl Sealed for super::PrincipalRole {}
    impl Sealed for super::MerchantRole {}
}

/// The trusted keys of one party in one role.
///
/// A wallet's key cannot verify a cart and a merchant's cannot verify a mandate, because the sets differ in type.
#[derive(Debug, Clone)]
pub struct KeySet<R: Role> {
    keys: BTreeMap<KeyId, PublicKey>,
    role: PhantomData<R>,
}

impl<R: Role> KeySet<R> {
    /// Makes a set of keys, all trusted alike.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self { keys: keys.into_iter().map(|key| (key.id(), key)).collect(), role: PhantomData }
    }

    /// The key of that id, if it is trusted.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<&PublicKey> {
        self.keys.get(id)
    }

    /// The ids of all keys, in order.
    pub fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.keys()
    }

    /// All keys, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.keys.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037_appendix_a_3() {
        let jwk = Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
        };
        let key = PublicKey::try_from(jwk.clone()).unwrap();
        assert_eq!(key.id().to_string(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(Jwk::from(&key), jwk);
        assert_eq!(PublicKey::from_did_key(&key.did_key()), Some(key));
    }

    #[test]
    fn small_order_and_malformed_keys_are_refused() {
        let jwk =
            |x: &str| Jwk { kty: "OKP".to_owned(), crv: "Ed25519".to_owned(), x: x.to_owned() };
        let identity = BASE64URL_NOPAD.encode(&[[1].as_slice(), &[0; 31]].concat());
        assert_eq!(PublicKey::try_from(jwk(&identity)), Err(KeyError::Point));
        assert_eq!(PublicKey::try_from(jwk("AAAA")), Err(KeyError::Encoding));
        let rsa = Jwk { kty: "RSA".to_owned(), ..jwk("AAAA") };
        assert_eq!(PublicKey::try_from(rsa), Err(KeyError::Type));
    }
}
