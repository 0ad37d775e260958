//! The signature: changed, of another length, over something else, or not as RFC 8032 makes it.

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest as _, Sha256, Sha512};

use super::super::forge::Fault::{Parts as Altered, Token};
use super::super::forge::{Holder, Parts, encode, resigned, segments};
use super::super::intent;
use super::curve::{self, Secret};
use super::flag::Flag::{
    CofactoredOnly, SignatureLength, SignatureMalleability, SmallOrderR, StricterProfile,
    WrongMessage, WrongSignature,
};
use super::{Row, Topic, invalid};

pub(super) fn topic() -> Topic {
    Topic::new("signatures", &intent::parts(), ROWS)
}

fn secret() -> Secret {
    Secret::of_seed([1; 32])
}

/// What is signed: header and payload of the token.
fn message(parts: &Parts) -> String {
    let [header, payload, _] = segments(&parts.token());
    format!("{header}.{payload}")
}

/// The token under this signature.
fn sealed(parts: &Parts, signature: &[u8]) -> String {
    format!("{}.{}", message(parts), encode(signature))
}

/// A good signature of the trusted key, over this message instead.
fn over(parts: &Parts, message: &[u8]) -> String {
    sealed(parts, &plain(message, &[], message))
}

/// A signature as in RFC 8032, section 5.1.6, over `signed`, with `dom` before all that is hashed.
fn plain(nonce_of: &[u8], dom: &[u8], signed: &[u8]) -> Vec<u8> {
    let (secret, a) = (secret(), curve::encoded(secret().point()));
    let nonce = secret.nonce(nonce_of);
    let r = curve::encoded(curve::base(nonce));
    let s = nonce + curve::wide(&[dom, &r, &a, signed]) * secret.scalar;
    curve::joined(r, s.to_bytes())
}

/// `dom2` of RFC 8032, section 2.
fn dom2(hashed: bool, context: &str) -> Vec<u8> {
    let length = u8::try_from(context.len()).unwrap();
    let head = [u8::from(hashed), length];
    [b"SigEd25519 no Ed25519 collisions".as_slice(), &head, context.as_bytes()].concat()
}

/// A signature whose R is this text of a point of small order, and whose S answers it.
fn with_small_r(parts: &Parts, r: [u8; 32]) -> String {
    let (secret, a) = (secret(), curve::encoded(secret().point()));
    let k = curve::challenge(&r, &a, message(parts).as_bytes());
    sealed(parts, &curve::joined(r, (k * secret.scalar).to_bytes()))
}

/// The neutral point in a text that is not its one encoding: y past the field, or the sign of a zero.
fn neutral_otherwise(sign: bool) -> [u8; 32] {
    let mut bytes = [0; 32];
    if sign {
        bytes[0] = 1;
        bytes[31] = 0x80;
    } else {
        bytes = [0xff; 32];
        bytes[0] = 0xee;
        bytes[31] = 0x7f;
    }
    bytes
}

fn flipped(parts: &Parts, byte: usize, bit: u8) -> String {
    resigned(&parts.token(), |bytes| bytes[byte] ^= 1 << bit)
}

const CHANGED: &[super::Flag] = &[WrongSignature];

const ROWS: &[Row] = &[
    invalid("the first bit of R flipped", CHANGED, Token(|parts| flipped(parts, 0, 0))),
    invalid("a bit in the middle of R flipped", CHANGED, Token(|parts| flipped(parts, 16, 3))),
    invalid("the sign of R flipped", CHANGED, Token(|parts| flipped(parts, 31, 7))),
    invalid("the first bit of S flipped", CHANGED, Token(|parts| flipped(parts, 32, 0))),
    invalid("a bit in the middle of S flipped", CHANGED, Token(|parts| flipped(parts, 48, 3))),
    invalid("bit 252 of S flipped", CHANGED, Token(|parts| flipped(parts, 63, 4))),
    invalid("bit 253 of S flipped", &[SignatureMalleability], Token(|parts| flipped(parts, 63, 5))),
    invalid("bit 254 of S flipped", &[SignatureMalleability], Token(|parts| flipped(parts, 63, 6))),
    invalid("bit 255 of S flipped", &[SignatureMalleability], Token(|parts| flipped(parts, 63, 7))),
    invalid(
        "all bytes zero",
        CHANGED,
        Token(|parts| resigned(&parts.token(), |bytes| bytes.fill(0))),
    ),
    invalid(
        "all bytes 255",
        &[SignatureMalleability],
        Token(|parts| resigned(&parts.token(), |bytes| bytes.fill(0xff))),
    ),
    invalid(
        "R zero",
        CHANGED,
        Token(|parts| resigned(&parts.token(), |bytes| bytes[..32].fill(0))),
    ),
    invalid(
        "S zero",
        CHANGED,
        Token(|parts| resigned(&parts.token(), |bytes| bytes[32..].fill(0))),
    ),
    invalid(
        "R and S swapped",
        CHANGED,
        Token(|parts| resigned(&parts.token(), |bytes| bytes.rotate_left(32))),
    ),
    invalid(
        "the bytes in reverse order",
        CHANGED,
        Token(|parts| resigned(&parts.token(), |bytes| bytes.reverse())),
    ),
    invalid(
        "R neutral and S zero",
        &[WrongSignature, SmallOrderR],
        Token(|parts| sealed(parts, &curve::joined(curve::encoded(curve::small(1)), [0; 32]))),
    ),
    invalid("signed by another key", CHANGED, Altered(|parts| parts.signed_by = Holder::Other)),
    invalid(
        "signed by the merchant's key",
        CHANGED,
        Altered(|parts| parts.signed_by = Holder::Merchant),
    ),
    invalid(
        "S and the order of the group",
        &[SignatureMalleability],
        Token(|parts| resigned(&parts.token(), |bytes| curve::plus_orders(&mut bytes[32..], 1))),
    ),
    invalid(
        "S and twice the order of the group",
        &[SignatureMalleability],
        Token(|parts| resigned(&parts.token(), |bytes| curve::plus_orders(&mut bytes[32..], 2))),
    ),
    invalid(
        "S and eight times the order of the group",
        &[SignatureMalleability],
        Token(|parts| resigned(&parts.token(), |bytes| curve::plus_orders(&mut bytes[32..], 8))),
    ),
    invalid(
        "S and fourteen times the order of the group",
        &[SignatureMalleability],
        Token(|parts| resigned(&parts.token(), |bytes| curve::plus_orders(&mut bytes[32..], 14))),
    ),
    invalid("an empty signature", &[SignatureLength], Token(|parts| sealed(parts, b""))),
    invalid(
        "a signature of one byte",
        &[SignatureLength],
        Token(|parts| resigned(&parts.token(), |bytes| bytes.truncate(1))),
    ),
    invalid(
        "R alone",
        &[SignatureLength],
        Token(|parts| resigned(&parts.token(), |bytes| bytes.truncate(32))),
    ),
    invalid(
        "a signature of 63 bytes",
        &[SignatureLength],
        Token(|parts| resigned(&parts.token(), |bytes| bytes.truncate(63))),
    ),
    invalid(
        "a zero after the signature",
        &[SignatureLength],
        Token(|parts| resigned(&parts.token(), |bytes| bytes.push(0))),
    ),
    invalid(
        "a zero before the signature",
        &[SignatureLength],
        Token(|parts| resigned(&parts.token(), |bytes| bytes.insert(0, 0))),
    ),
    invalid(
        "the public key after the signature",
        &[SignatureLength],
        Token(|parts| {
            resigned(&parts.token(), |bytes| bytes.extend(parts.signed_by.public_key().as_bytes()))
        }),
    ),
    invalid(
        "the signature twice",
        &[SignatureLength],
        Token(|parts| resigned(&parts.token(), |bytes| bytes.extend_from_within(..))),
    ),
    invalid(
        "the signature as hexadecimal digits",
        &[SignatureLength],
        Token(|parts| {
            resigned(&parts.token(), |bytes| {
                *bytes = data_encoding::HEXLOWER.encode(bytes).into_bytes();
            })
        }),
    ),
    invalid(
        "the signature of another header",
        &[WrongMessage],
        Token(|parts| {
            let [_, payload, signature] = segments(&parts.token());
            let header = encode(parts.header.replace("EdDSA", "Ed25519").as_bytes());
            format!("{header}.{payload}.{signature}")
        }),
    ),
    invalid(
        "the signature of other claims",
        &[WrongMessage],
        Token(|parts| {
            let [header, _, signature] = segments(&parts.token());
            format!(
                "{header}.{}.{signature}",
                encode(parts.claims.replace("20000", "90000").as_bytes())
            )
        }),
    ),
    invalid(
        "a signature over the payload alone",
        &[WrongMessage],
        Token(|parts| {
            let [_, payload, _] = segments(&parts.token());
            over(parts, payload.as_bytes())
        }),
    ),
    invalid(
        "a signature over the claims, not encoded",
        &[WrongMessage],
        Token(|parts| over(parts, parts.claims.as_bytes())),
    ),
    invalid(
        "a signature over the decoded segments",
        &[WrongMessage],
        Token(|parts| over(parts, format!("{}.{}", parts.header, parts.claims).as_bytes())),
    ),
    invalid(
        "a signature over a line feed more",
        &[WrongMessage],
        Token(|parts| over(parts, format!("{}\n", message(parts)).as_bytes())),
    ),
    invalid(
        "a signature over a hash of the message",
        &[WrongMessage],
        Token(|parts| over(parts, &Sha256::digest(message(parts)))),
    ),
    invalid("a signature over no bytes", &[WrongMessage], Token(|parts| over(parts, b""))),
    invalid(
        "a signature of Ed25519ctx",
        &[WrongMessage],
        Token(|parts| {
            let signed = message(parts);
            sealed(parts, &plain(signed.as_bytes(), &dom2(false, "mandate"), signed.as_bytes()))
        }),
    ),
    invalid(
        "a signature of Ed25519ph",
        &[WrongMessage],
        Token(|parts| {
            let hash = Sha512::digest(message(parts));
            sealed(parts, &plain(&hash, &dom2(true, ""), &hash))
        }),
    ),
    invalid(
        "R is neutral, and S answers it",
        &[StricterProfile, SmallOrderR],
        Token(|parts| with_small_r(parts, curve::encoded(curve::small(1)))),
    ),
    invalid(
        "R is neutral with a y past the field, and S answers it",
        &[SmallOrderR],
        Token(|parts| with_small_r(parts, neutral_otherwise(false))),
    ),
    invalid(
        "R is neutral with the sign of a zero, and S answers it",
        &[SmallOrderR],
        Token(|parts| with_small_r(parts, neutral_otherwise(true))),
    ),
    invalid(
        "R is of order 2, and S answers it",
        &[SmallOrderR, CofactoredOnly],
        Token(|parts| with_small_r(parts, curve::encoded(curve::small(2)))),
    ),
    invalid(
        "R is of order 4, and S answers it",
        &[SmallOrderR, CofactoredOnly],
        Token(|parts| with_small_r(parts, curve::encoded(curve::small(4)))),
    ),
    invalid(
        "R is of order 8, and S answers it",
        &[SmallOrderR, CofactoredOnly],
        Token(|parts| with_small_r(parts, curve::encoded(curve::small(8)))),
    ),
    invalid(
        "R has a part of order 8",
        &[CofactoredOnly],
        Token(|parts| {
            let (secret, a, signed) = (secret(), curve::encoded(secret().point()), message(parts));
            let nonce = secret.nonce(signed.as_bytes());
            let r = curve::encoded(curve::base(nonce) + curve::small(8));
            let s = nonce + curve::challenge(&r, &a, signed.as_bytes()) * secret.scalar;
            sealed(parts, &curve::joined(r, s.to_bytes()))
        }),
    ),
    invalid(
        "S is negated",
        CHANGED,
        Token(|parts| {
            let [_, _, signature] = segments(&parts.token());
            let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
            let s: [u8; 32] = bytes[32..].try_into().unwrap();
            let negated = -curve25519_dalek::Scalar::from_bytes_mod_order(s);
            sealed(parts, &curve::joined(bytes[..32].try_into().unwrap(), negated.to_bytes()))
        }),
    ),
];
