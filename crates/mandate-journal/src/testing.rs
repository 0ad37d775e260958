//! A key for the tests of this crate.

use ed25519_dalek::{Signer as _, SigningKey};
use mandate::key::SignError;
use mandate::{PublicKey, Signature, Signer};

/// An Ed25519 key of a known seed.
#[derive(Debug)]
pub(crate) struct TestKey(SigningKey);

impl TestKey {
    /// The key whose seed is that byte, 32 times.
    pub(crate) fn new(byte: u8) -> Self {
        Self(SigningKey::from_bytes(&[byte; 32]))
    }
}

impl Signer for TestKey {
    fn public_key(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().as_bytes()).unwrap()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        Ok(Signature::from_bytes(self.0.sign(message).to_bytes()))
    }
}
