//! A token that came in, and a token that can be trusted.

use std::fmt;

use thiserror::Error;

use super::TOKEN_BYTES_MAX;
use super::error::ParseError;
use super::header::Header;
use super::kind::Kind;
use super::member::{Members, own_head};
use crate::digest::{Head, KeyId};
use crate::json::Object;
use crate::jws::{self, Decoded, Segment};
use crate::key::{KeySet, Signature, SignatureError};

/// A token whose shape, header and claims are right, and whose signature nobody has checked.
#[derive(Clone)]
pub struct UnverifiedMandate<K: Kind> {
    compact: Box<str>,
    header: Header,
    signature: Signature,
    claims: K::Claims,
    head: Head,
}

impl<K: Kind> UnverifiedMandate<K> {
    /// Reads a compact JWS of this kind: size, shape, header, claims, in this order.
    ///
    /// # Errors
    ///
    /// [`ParseError`] with the first thing that is wrong.
    pub fn parse(compact: &str) -> Result<Self, ParseError> {
        if compact.len() > TOKEN_BYTES_MAX {
            return Err(ParseError::TooLarge { actual: compact.len() });
        }
        let Decoded { header, payload, signature } = jws::decode(compact)?;
        let header = Header::parse(&header, K::TYP)?;
        let (claims, head) = parse_payload::<K>(&payload)?;
        Ok(Self { compact: compact.into(), header, signature, claims, head })
    }

    /// Which key it says it was signed with.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.header.kid
    }

    /// What it says, for finding the keys it has to verify under. Nothing of it is known to be true.
    #[must_use]
    pub fn claims(&self) -> &K::Claims {
        &self.claims
    }

    /// What it says of its signer's journal. As [`UnverifiedMandate::claims`].
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// H of the token: SHA-256 of the ASCII of its compact form.
    #[must_use]
    pub fn hash(&self) -> K::Hash {
        K::hash(&self.compact)
    }

    /// Checks the signature, by the strict rules, under the one trusted key that the header names.
    ///
    /// Only the set decides which keys count. A key of the other role does not even compile:
    ///
    /// ```compile_fail,E0308
    /// use mandate::token::{Cart, UnverifiedMandate};
    /// use mandate::{KeySet, PrincipalRole};
    ///
    /// fn check(cart: UnverifiedMandate<Cart>, wallet: &KeySet<PrincipalRole>) {
    ///     let _ = cart.verify(wallet);
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`VerifyError::KeyUnknown`] if the set has no such key, [`VerifyError::Signature`] if it does not verify.
    pub fn verify(self, keys: &KeySet<K::Role>) -> Result<Mandate<K>, VerifyError> {
        let Self { compact, header: Header { kid }, signature, claims, head } = self;
        let key = keys.key(&kid).ok_or(VerifyError::KeyUnknown { kid })?;
        jws::verify(&compact, &signature, key).map_err(VerifyError::Signature)?;
        Ok(Mandate { compact, kid, claims, head })
    }
}

fn parse_payload<K: Kind>(payload: &[u8]) -> Result<(K::Claims, Head), ParseError> {
    let object = Object::parse(payload)
        .map_err(|fault| ParseError::Json { segment: Segment::Payload, fault })?;
    let log_is_last = object.last_key() == Some("log");
    let (claims, head) =
        Members::all(object, |members| Ok((K::read(members)?, members.required("log", own_head)?)))
            .map_err(ParseError::Claim)?;
    if !log_is_last {
        return Err(ParseError::LogNotLast);
    }
    K::check(&claims).map_err(ParseError::Rule)?;
    Ok((claims, head))
}

/// Why a token is not signed by a trusted key.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The set has no key of that id.
    #[error("it is signed with the key {kid}, which is not a trusted one")]
    KeyUnknown {
        /// The key it names.
        kid: KeyId,
    },
    /// The trusted key did not make this signature over these bytes.
    #[error(transparent)]
    Signature(SignatureError),
}

impl VerifyError {
    /// A stable name of the fault, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::KeyUnknown { .. } => "key_unknown",
            Self::Signature(_) => "signature_invalid",
        }
    }
}

/// A token that was verified, or that was just issued here.
#[derive(Clone)]
pub struct Mandate<K: Kind> {
    compact: Box<str>,
    kid: KeyId,
    claims: K::Claims,
    head: Head,
}

impl<K: Kind> Mandate<K> {
    /// What was just signed here. No one else may call a text a mandate.
    pub(super) fn issued(compact: String, kid: KeyId, claims: K::Claims, head: Head) -> Self {
        Self { compact: compact.into(), kid, claims, head }
    }

    /// The claims, all but `log`.
    #[must_use]
    pub fn claims(&self) -> &K::Claims {
        &self.claims
    }

    /// The `log` claim: the signer's journal right after the entry of this token.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// H of the token: SHA-256 of the ASCII of its compact form.
    #[must_use]
    pub fn hash(&self) -> K::Hash {
        K::hash(&self.compact)
    }

    /// The compact form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.compact
    }

    /// The key it is signed with.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

// A token may be used once by whoever has it, so it is not written out by chance.
impl<K: Kind> fmt::Debug for UnverifiedMandate<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("UnverifiedMandate");
        f.field("typ", &K::TYP).field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl<K: Kind> fmt::Debug for Mandate<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Mandate");
        f.field("typ", &K::TYP).field("claims", &self.claims).finish_non_exhaustive()
    }
}
