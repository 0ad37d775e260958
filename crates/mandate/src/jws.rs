//! Compact JSON Web Signatures (RFC 7515, section 7.1) with Ed25519 (RFC 8037, section 3.1).
//!
//! josekit writes the serialization and signs through its own trait, so that no key ever becomes an OpenSSL object. What
//! comes in is taken apart here, once: its shape is judged before its signature. This is the one module that knows josekit.

use data_encoding::BASE64URL_NOPAD;
use josekit::jws::{JwsAlgorithm, JwsHeader, JwsSigner};
use josekit::{JoseError, jws};
use serde::Serialize;
use thiserror::Error;

use crate::digest::KeyId;
use crate::key::{PublicKey, SIGNATURE_BYTES, SignError, Signature, SignatureError, Signer};

/// The names of the one pinned algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// Fully specified (RFC 9864, section 2.2).
    Ed25519,
    /// What is written when minting (RFC 8037, section 3.1).
    EdDsa,
}

impl Algorithm {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Ed25519, Self::EdDsa].into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl JwsAlgorithm for Algorithm {
    fn name(&self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::EdDsa => "EdDSA",
        }
    }

    fn box_clone(&self) -> Box<dyn JwsAlgorithm> {
        Box::new(*self)
    }
}

/// One of the three parts of a compact JWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// The protected header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
}

impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// The decoded parts of a compact JWS, its signature unchecked.
pub(crate) struct Decoded {
    pub(crate) header: Vec<u8>,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Signature,
}

/// Why a text does not have the shape of a compact JWS.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub(crate) enum ShapeError {
    #[error("its {0} is not unpadded base64url with zero tail bits")]
    Base64(Segment),
    #[error("it has {0} segments")]
    Segments(usize),
    #[error("its signature has {0} bytes")]
    SignatureLength(usize),
}

/// Takes a compact JWS apart: three segments, each in the one canonical encoding, and a signature of the right length.
pub(crate) fn decode(compact: &str) -> Result<Decoded, ShapeError> {
    let mut segments = compact.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Err(ShapeError::Segments(compact.split('.').count()));
    };
    let bytes = |text: &str, segment| {
        BASE64URL_NOPAD.decode(text.as_bytes()).or(Err(ShapeError::Base64(segment)))
    };
    let signature: [u8; SIGNATURE_BYTES] = bytes(signature, Segment::Signature)?
        .try_into()
        .map_err(|bytes: Vec<u8>| ShapeError::SignatureLength(bytes.len()))?;
    Ok(Decoded {
        header: bytes(header, Segment::Header)?,
        payload: bytes(payload, Segment::Payload)?,
        signature: Signature::from_bytes(signature),
    })
}

/// The header that is minted: exactly `alg`, `typ` and `kid`, in this order.
///
/// josekit keeps the order in which members were set.
#[derive(Debug, Clone)]
pub(crate) struct Protected(JwsHeader);

impl Protected {
    pub(crate) fn new(typ: &str, kid: &KeyId) -> Self {
        let mut header = JwsHeader::new();
        header.set_algorithm(Algorithm::EdDsa.name());
        header.set_token_type(typ);
        header.set_key_id(kid.to_string());
        Self(header)
    }

    /// The members, for the bytes that will be signed.
    pub(crate) fn members(&self) -> &impl Serialize {
        self.0.claims_set()
    }
}

/// Signs a payload. One key, header and payload always give the same text.
pub(crate) fn sign(
    header: &Protected,
    payload: &[u8],
    signer: &dyn Signer,
) -> Result<String, SignError> {
    jws::serialize_compact(payload, &header.0, &Signing(signer)).map_err(|error| match error {
        JoseError::InvalidSignature(source) => source.downcast().unwrap_or(SignError::Unavailable),
        _ => SignError::Unavailable,
    })
}

/// Checks the signature of a compact JWS over all that stands before it (RFC 7515, section 5.2).
pub(crate) fn verify(
    compact: &str,
    signature: &Signature,
    key: &PublicKey,
) -> Result<(), SignatureError> {
    let (signed, _signature) = compact.rsplit_once('.').ok_or(SignatureError)?;
    key.verify_strict(signed.as_bytes(), signature)
}

/// A borrowed key, as josekit wants to see it.
struct Signing<'a>(&'a dyn Signer);

impl std::fmt::Debug for Signing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signing")
    }
}

impl JwsSigner for Signing<'_> {
    fn algorithm(&self) -> &dyn JwsAlgorithm {
        &Algorithm::EdDsa
    }

    fn key_id(&self) -> Option<&str> {
        None
    }

    fn signature_len(&self) -> usize {
        SIGNATURE_BYTES
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, JoseError> {
        let signature = self.0.sign(message);
        let signature = signature.map_err(|error| JoseError::InvalidSignature(error.into()))?;
        Ok(signature.as_bytes().to_vec())
    }

    fn box_clone(&self) -> Box<dyn JwsSigner> {
        Box::new(Detached)
    }
}

/// What a clone of a borrowed key is: no key at all, because a clone would outlive the loan.
#[derive(Debug)]
struct Detached;

impl JwsSigner for Detached {
    fn algorithm(&self) -> &dyn JwsAlgorithm {
        &Algorithm::EdDsa
    }

    fn key_id(&self) -> Option<&str> {
        None
    }

    fn signature_len(&self) -> usize {
        SIGNATURE_BYTES
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, JoseError> {
        Err(JoseError::InvalidSignature(SignError::Unavailable.into()))
    }

    fn box_clone(&self) -> Box<dyn JwsSigner> {
        Box::new(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestSigner;

    /// RFC 8037, appendix A.4: the private key of A.1 over the text of A.4.
    const RFC_8037: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

    fn rfc_8037_key() -> TestSigner {
        let d = BASE64URL_NOPAD.decode(b"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        TestSigner::from_seed(d.try_into().unwrap())
    }

    #[test]
    fn the_signature_is_that_of_rfc_8037_appendix_a_4() {
        let mut header = JwsHeader::new();
        header.set_algorithm("EdDSA");
        let signed = sign(&Protected(header), b"Example of Ed25519 signing", &rfc_8037_key());
        assert_eq!(signed.unwrap(), RFC_8037);
        let read = decode(RFC_8037).unwrap();
        assert_eq!(read.payload, b"Example of Ed25519 signing");
        assert_eq!(verify(RFC_8037, &read.signature, &rfc_8037_key().public_key()), Ok(()));
    }

    #[test]
    fn another_key_or_another_text_does_not_verify() {
        let Decoded { signature, .. } = decode(RFC_8037).unwrap();
        let (key, other) = (rfc_8037_key().public_key(), TestSigner::new(1).public_key());
        assert_eq!(verify(RFC_8037, &signature, &other), Err(SignatureError));
        let another = RFC_8037.replacen('R', "S", 1);
        assert_eq!(verify(&another, &signature, &key), Err(SignatureError));
    }

    #[test]
    fn the_members_of_a_minted_header_keep_their_order() {
        let kid = rfc_8037_key().public_key().id();
        let header = serde_json::to_string(Protected::new("t", &kid).members()).unwrap();
        assert_eq!(header, format!(r#"{{"alg":"EdDSA","typ":"t","kid":"{kid}"}}"#));
    }

    #[test]
    fn a_clone_of_a_borrowed_key_signs_nothing() {
        let key = rfc_8037_key();
        assert!(Signing(&key).box_clone().sign(b"x").is_err());
    }

    struct Locked;

    impl Signer for Locked {
        fn public_key(&self) -> PublicKey {
            rfc_8037_key().public_key()
        }

        fn sign(&self, _: &[u8]) -> Result<Signature, SignError> {
            Err(SignError::SelfCheck)
        }
    }

    #[test]
    fn why_a_key_did_not_sign_comes_through() {
        let header = Protected::new("t", &Locked.public_key().id());
        assert_eq!(sign(&header, b"x", &Locked), Err(SignError::SelfCheck));
    }
}
