//! A key for tests: a fixed seed, in the open.

use ed25519_dalek::{Signer as _, SigningKey};

use crate::key::{KeySet, PublicKey, Role, SignError, Signature, Signer};

/// Signs with the seed of 32 equal bytes.
pub(crate) struct TestSigner(SigningKey);

impl TestSigner {
    pub(crate) fn new(seed: u8) -> Self {
        Self(SigningKey::from_bytes(&[seed; 32]))
    }

    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    pub(crate) fn trusted<R: Role>(&self) -> KeySet<R> {
        KeySet::new([self.public_key()])
    }
}

impl Signer for TestSigner {
    fn public_key(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().as_bytes()).unwrap()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        Ok(Signature::from_bytes(self.0.sign(message).to_bytes()))
    }
}
