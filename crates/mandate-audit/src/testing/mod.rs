//! A key, and a log that is made of nothing but numbers, for the tests of this crate.

mod example;
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
pub(crate) mod story;

use ed25519_dalek::{Signer as _, SigningKey};
use mandate::key::SignError;
use mandate::{PublicKey, Signature, Signer, UnixSeconds};
use mandate_journal::{Chain, Checkpoint};
use serde_json::json;

use crate::keys::{Keys, TrustedKey};
use crate::write::{Contents, write};

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

/// That key, believed whoever's it is.
pub(crate) fn keys(bytes: &[u8]) -> Keys {
    let key = |byte: &u8| TrustedKey { key: TestKey::new(*byte).public_key(), origin: None };
    Keys::new(bytes.iter().map(key))
}

/// Those keys, each as that of the log of that name alone.
pub(crate) fn named(keys: &[(u8, &str)]) -> Keys {
    let key = |(byte, name): &(u8, &str)| TrustedKey {
        key: TestKey::new(*byte).public_key(),
        origin: Some(name.parse().unwrap()),
    };
    Keys::new(keys.iter().map(key))
}

/// The entries of a log of that size, and its checkpoint under the first test key.
pub(crate) fn numbers(size: u64) -> (Vec<Vec<u8>>, Checkpoint) {
    let mut chain = Chain::default();
    let mut entries = Vec::new();
    for number in 0..size {
        let time = UnixSeconds::new(1_700_000_000).unwrap();
        let entry = chain.encode(time, "number", &json!({ "number": number })).unwrap();
        chain.push(&entry).unwrap();
        entries.push(entry);
    }
    let origin = "mandate/wallet/ada".parse().unwrap();
    (entries, Checkpoint::sign(&origin, chain.head(), &TestKey::new(1)).unwrap())
}

/// Writes an export of that log.
pub(crate) fn export_numbers(dir: &std::path::Path, size: u64) {
    let (entries, checkpoint) = numbers(size);
    let key = TestKey::new(1).public_key();
    let contents = Contents { checkpoint: &checkpoint, key, policy: Some(b"# rules") };
    write(dir, &contents, entries.into_iter().map(Ok::<_, std::convert::Infallible>)).unwrap();
}
