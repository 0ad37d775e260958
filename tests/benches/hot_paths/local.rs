//! What needs no other process: the curve, the disk, and the library's check of a payment.

use std::hint::black_box;
use std::path::Path;

use ed25519_dalek::{Signer as _, SigningKey};
use mandate::{Draft, KeySet, Payment, PrincipalRole, UnverifiedMandate};
use mandate_keys::Seed;
use mandate_tests::bench::figures::Latencies;
use mandate_tests::bench::floors;

use crate::calls::{Times, Tokens};

/// Bytes that the raw operations sign and verify.
pub const MESSAGE_BYTES: usize = 400;

/// The bytes of the entries that one purchase leaves in the wallet's journal.
pub struct Entries {
    pub intent: Vec<u8>,
    pub payment: Vec<u8>,
}

/// One after the other: a second has as many as fit into it.
fn timed(latencies: &Latencies) -> Times {
    Times::of(latencies, latencies.seconds())
}

/// One raw signature.
pub fn sign(count: u64) -> Times {
    let (key, message) = (SigningKey::from_bytes(&[7; 32]), [0x61; MESSAGE_BYTES]);
    timed(&Latencies::of(count, |_| {
        black_box(key.sign(black_box(&message)));
    }))
}

/// One raw `verify_strict`.
pub fn verify(count: u64) -> Times {
    let (key, message) = (SigningKey::from_bytes(&[7; 32]), [0x61; MESSAGE_BYTES]);
    let (public, signature) = (key.verifying_key(), key.sign(&message));
    timed(&Latencies::of(count, |_| {
        public.verify_strict(black_box(&message), &signature).expect("a good signature");
    }))
}

/// The library's check of a payment, as a gateway makes it: read strictly, then verified.
pub fn check_payment(tokens: &Tokens, keys: &KeySet<PrincipalRole>, count: u64) -> Times {
    timed(&Latencies::of(count, |_| {
        let payment = UnverifiedMandate::<Payment>::parse(black_box(&tokens.payment));
        black_box(payment.expect("a token").verify(keys).expect("a good signature"));
    }))
}

/// The one `verify_strict` that this check needs: the same message, key and signature.
pub fn verify_payment(tokens: &Tokens, key: &mandate::PublicKey, count: u64) -> Times {
    let (message, signature) = tokens.payment.rsplit_once('.').expect("three parts");
    let signature = data_encoding::BASE64URL_NOPAD.decode(signature.as_bytes()).expect("base64url");
    let signature = ed25519_dalek::Signature::from_slice(&signature).expect("64 bytes");
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.as_bytes()).expect("a key");
    timed(&Latencies::of(count, |_| {
        let message = black_box(message).as_bytes();
        key.verify_strict(message, &signature).expect("a good signature");
    }))
}

/// A payment made and signed by the library, with the check that no signature leaves without; no ledger, no call.
pub fn sign_payment(tokens: &Tokens, count: u64) -> Times {
    let token = UnverifiedMandate::<Payment>::parse(&tokens.payment).expect("a token");
    let key = mandate_keys::SigningKey::from_seed(Seed::copy_from(&[7; 32]));
    timed(&Latencies::of(count, |_| {
        let draft = Draft::<Payment>::new(black_box(token.claims()), key.public_key().id());
        black_box(draft.expect("a draft").issue(token.head(), &key).expect("a signature"));
    }))
}

/// Appends of 4 KiB, each with its `fdatasync`.
pub fn sync(dir: &Path, count: u64) -> Times {
    timed(&floors::syncs(dir, count))
}

/// Commits of one entry each, over a WAL that has reached its size.
pub fn commit(dir: &Path, entry: &[u8], count: u64) -> Times {
    timed(&floors::commits_in_place(dir, entry, count))
}
