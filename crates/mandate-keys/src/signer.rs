//! The Ed25519 signer over a [`Seed`].
//!
//! Only the seed is kept. What signing derives from it (RFC 8032, section 5.1.6) lives on the stack of one call and is
//! wiped there, as it is in every use of the signature crate: the hash costs little beside the signature.

use std::fmt;

use ed25519_dalek::VerifyingKey;
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use mandate::key::SignError;
use mandate::{PublicKey, Signature, Signer};
use sha2::Sha512;

use crate::seed::Seed;

/// A private key that signs and does nothing else.
pub struct SigningKey {
    seed: Seed,
    public: PublicKey,
    verifying: VerifyingKey,
}

impl SigningKey {
    /// Makes the signer of a seed.
    ///
    /// Keys that are meant to last come from [`load`](crate::load); this one is for keys made on the spot, such as
    /// those of tests and of a demonstration's merchant.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "a clamped scalar is a multiple of 8 below 8 times the group's prime order, so never zero in it"
    )]
    pub fn from_seed(seed: Seed) -> Self {
        let verifying = seed.expose(|seed| VerifyingKey::from(&ExpandedSecretKey::from(seed)));
        let public = PublicKey::from_bytes(verifying.as_bytes())
            .expect("a clamped multiple of the base point has prime order");
        Self { seed, public, verifying }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Whether the private bytes are kept out of swap; if not, `RLIMIT_MEMLOCK` leaves no room for one page.
    #[must_use]
    pub fn is_locked_in_memory(&self) -> bool {
        self.seed.is_locked()
    }
}

#[cfg(test)]
impl SigningKey {
    /// The seed under a mask, byte by byte: to search for without holding it.
    pub(crate) fn masked(&self, mask: u8) -> [u8; crate::SEED_BYTES] {
        // By index: a map over the array would copy it to the stack first.
        self.seed.expose(|seed| std::array::from_fn(|at| seed[at] ^ mask))
    }
}

impl Signer for SigningKey {
    fn public_key(&self) -> PublicKey {
        self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let signature = self.seed.expose(|seed| {
            raw_sign::<Sha512>(&ExpandedSecretKey::from(seed), message, &self.verifying)
        });
        let signature = Signature::from_bytes(signature.to_bytes());
        // A fault while signing can give the private key away, so no signature leaves unchecked.
        self.public.verify_strict(message, &signature).or(Err(SignError::SelfCheck))?;
        Ok(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;

    fn key(seed_hex: &str) -> SigningKey {
        let bytes = HEXLOWER.decode(seed_hex.as_bytes()).unwrap();
        SigningKey::from_seed(Seed::copy_from(bytes.as_slice().try_into().unwrap()))
    }

    /// RFC 8032, section 7.1, tests 1 to 3: seed, public key, message, signature.
    const RFC_8032: [[&str; 4]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ];

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        for [seed, public, message, expected] in RFC_8032 {
            let key = key(seed);
            assert_eq!(HEXLOWER.encode(key.public_key().as_bytes()), public);
            let message = HEXLOWER.decode(message.as_bytes()).unwrap();
            let signature = key.sign(&message).unwrap();
            assert_eq!(HEXLOWER.encode(signature.as_bytes()), expected);
            assert_eq!(key.sign(&message).unwrap(), signature, "one message, one signature");
        }
    }

    #[test]
    fn a_signature_that_does_not_verify_is_withheld() {
        // As after a bit flip in the public half: signing with it would give the private scalar away.
        let mut key = key(RFC_8032[0][0]);
        key.verifying = VerifyingKey::from(&ExpandedSecretKey::from(&[7; 32]));
        assert_eq!(key.sign(b"message"), Err(SignError::SelfCheck));
    }

    #[test]
    fn debug_shows_the_public_name_only() {
        let key = key(RFC_8032[0][0]);
        assert_eq!(format!("{key:?}"), "SigningKey(kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k)");
    }
}
