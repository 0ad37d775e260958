//! Public keys that nobody should trust: points of small order, and a key with a part of small order.
//!
//! Each group trusts its key, as an operator would who listed it without a look.

use curve25519_dalek::EdwardsPoint;

use super::super::forge::encode;
use super::super::intent;
use super::curve::{self, Secret};
use super::flag::Flag::{CofactoredOnly, MixedOrderKey, SmallOrderKey, StricterProfile};
use super::{Flag, Public, Topic, Verdict};

const WEAK: &[Flag] = &[StricterProfile, SmallOrderKey];

pub(super) fn topics() -> Vec<Topic> {
    let mut past_the_field = [0xff; 32];
    (past_the_field[0], past_the_field[31]) = (0xee, 0x7f);
    vec![
        small(
            "a key that is the neutral point",
            "signed by nobody under the neutral point",
            curve::encoded(curve::small(1)),
        ),
        small(
            "a key that is the neutral point, its y past the field",
            "signed by nobody under the neutral point, its y past the field",
            past_the_field,
        ),
        small(
            "a key of order 2",
            "signed by nobody under a key of order 2",
            curve::encoded(curve::small(2)),
        ),
        small(
            "a key of order 4",
            "signed by nobody under a key of order 4",
            curve::encoded(curve::small(4)),
        ),
        small(
            "a key of order 8",
            "signed by nobody under a key of order 8",
            curve::encoded(curve::small(8)),
        ),
        mixed(),
    ]
}

/// Header and claims of an intent under a key, the `n`th of many.
fn message(public: &Public, n: u32) -> String {
    let header = format!(r#"{{"alg":"EdDSA","typ":"intent-mandate+jwt","kid":"{}"}}"#, public.kid);
    let claims = intent::CLAIMS.replace("\"max\":20000", &format!("\"max\":{}", 20_000 + n));
    format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()))
}

/// A forgery that needs no private key: the key's own share in the equation vanishes.
fn small(comment: &'static str, case: &'static str, a: [u8; 32]) -> Topic {
    let public = Public::of(&a);
    let nonce = Secret::of_seed([9; 32]).scalar;
    let r = curve::encoded(curve::base(nonce));
    let jws = curve::first(|n| {
        let message = message(&public, n);
        let vanishes = curve::eighth(curve::challenge(&r, &a, message.as_bytes()));
        let signature = curve::joined(r, nonce.to_bytes());
        vanishes.then(|| format!("{message}.{}", encode(&signature)))
    });
    Topic { comment, public, tests: vec![(case, jws, Verdict::Invalid, WEAK)] }
}

/// A key of the prime-order group plus a point of order 8: the equation holds for one message in eight.
fn mixed() -> Topic {
    let secret = Secret::of_seed([1; 32]);
    let point: EdwardsPoint = secret.point() + curve::small(8);
    let a = curve::encoded(point);
    let public = Public::of(&a);
    let signed = |holds: bool| {
        curve::first(|n| {
            let message = message(&public, n);
            let nonce = secret.nonce(message.as_bytes());
            let r = curve::encoded(curve::base(nonce));
            let k = curve::challenge(&r, &a, message.as_bytes());
            let signature = curve::joined(r, (nonce + k * secret.scalar).to_bytes());
            (curve::eighth(k) == holds).then(|| format!("{message}.{}", encode(&signature)))
        })
    };
    let tests: Vec<(&'static str, String, Verdict, &'static [Flag])> = vec![
        (
            "a key of mixed order, and the equation holds",
            signed(true),
            Verdict::Valid,
            &[MixedOrderKey],
        ),
        (
            "a key of mixed order, and the equation holds with the cofactor only",
            signed(false),
            Verdict::Invalid,
            &[MixedOrderKey, CofactoredOnly],
        ),
    ];
    Topic { comment: "a key of mixed order", public, tests }
}
