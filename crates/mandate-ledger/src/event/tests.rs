use mandate::{MinorUnits, TOKEN_BYTES_MAX};
use mandate_journal::ENTRY_BYTES_MAX;
use mandate_policy::{CAPS_BYTES_MAX, MERCHANT_KEYS_MAX, Rules, Users};

use super::*;

struct Nobody;

impl Users for Nobody {
    fn uid(&self, _: &str) -> Option<u32> {
        None
    }
}

/// What a journal entry has beside the kind's own fields, and a token's header, at most, in bytes.
const FRAME_BYTES: usize = 512;

/// A JSON text of that many letters.
fn raw(bytes: usize) -> Box<RawValue> {
    RawValue::from_string(format!("\"{}\"", "c".repeat(bytes))).unwrap()
}

#[test]
fn the_largest_payment_that_a_wallet_toml_allows_fits_an_entry() {
    let text = "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n[[cap]]\nper = \"day\"\nspend = \"1.00 EUR\"\n";
    let rules = Rules::parse(text, &Nobody).unwrap();
    let cap = &rules.caps()[0];
    let seen = CapSeen {
        cap: cap.label().to_owned(),
        spent: Some(Money { currency: "EUR".parse().unwrap(), amount: MinorUnits::MAX }),
        count: u64::MAX,
    };
    let seen_bytes = serde_json::to_string(&seen).unwrap().len() + 1;
    assert!(seen_bytes <= cap.entry_bytes_max(), "{seen_bytes} bytes");
    let key = Jwk { kty: "OKP".to_owned(), crv: "Ed25519".to_owned(), x: "x".repeat(43) };
    let payment = Payment {
        agent: "a".repeat(64).parse().unwrap(),
        uid: u32::MAX,
        header: raw(0),
        // Base64url makes four bytes of a token out of three of its claims.
        claims: raw(TOKEN_BYTES_MAX / 4 * 3),
        cart: "c".repeat(TOKEN_BYTES_MAX),
        intent_seq: u64::MAX,
        keys: vec![key; MERCHANT_KEYS_MAX],
        caps: vec![seen; CAPS_BYTES_MAX / cap.entry_bytes_max()],
        policy: PolicyDigest::of(b""),
    };
    let bytes = serde_json::to_string(&payment).unwrap().len() + FRAME_BYTES;
    assert!(bytes <= ENTRY_BYTES_MAX, "{bytes} bytes");
}
