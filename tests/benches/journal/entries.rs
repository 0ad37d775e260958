//! Entries as a wallet writes them, in shape and in size.

use mandate::UnixSeconds;
use serde_json::{Value, json};

/// The moment every entry is written at.
pub fn now() -> UnixSeconds {
    UnixSeconds::new(1_800_000_000).expect("a moment")
}

/// The kind of the entries.
pub const KIND: &str = "payment";

/// The fields of one entry: a payment's header and claims, without the merchant's cart.
pub fn fields(seq: u64) -> Value {
    let hash = "y3mUuzh3CNx5T8nRTTm8FBaWzOBqCTgVeJ3uFOf7b1c";
    json!({
        "agent": "travel-agent",
        "uid": 1000,
        "policy": hash,
        "header": {"alg": "EdDSA", "kid": hash, "typ": "payment-mandate+jwt"},
        "claims": {
            "act": {"sub": "travel-agent"},
            "action": {"quantity": 1, "request": hash, "sku": "book_room"},
            "aud": "lux-hotels",
            "cart": hash,
            "exp": 1_800_000_030,
            "iat": 1_800_000_000,
            "intent": hash,
            "iss": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
            "jti": format!("{seq:022}"),
            "peer_log": {"root": hash, "size": seq},
            "total": {"amount": 18_000, "currency": "EUR"},
        },
    })
}
