//! Ed25519 by its parts (RFC 8032, section 5.1), for keys and signatures that no library makes.

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest as _, Sha512};

/// Most messages that are tried until the challenge fits; one in eight does.
const TRIES_MAX: u32 = 1_000;

/// The order of the group, little endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// A private key: the scalar, and the half of the hash that nonces are made of.
pub(super) struct Secret {
    pub(super) scalar: Scalar,
    prefix: [u8; 32],
}

impl Secret {
    pub(super) fn of_seed(seed: [u8; 32]) -> Self {
        let hash: [u8; 64] = Sha512::digest(seed).into();
        let (scalar, prefix) = hash.split_at(32);
        let scalar = Scalar::from_bytes_mod_order(clamp_integer(scalar.try_into().unwrap()));
        Self { scalar, prefix: prefix.try_into().unwrap() }
    }

    pub(super) fn nonce(&self, message: &[u8]) -> Scalar {
        wide(&[&self.prefix, message])
    }

    pub(super) fn point(&self) -> EdwardsPoint {
        ED25519_BASEPOINT_POINT * self.scalar
    }
}

/// A point of order 1, 2, 4 or 8.
pub(super) fn small(order: u8) -> EdwardsPoint {
    EIGHT_TORSION[usize::from(8 / order) % 8]
}

pub(super) fn base(scalar: Scalar) -> EdwardsPoint {
    ED25519_BASEPOINT_POINT * scalar
}

pub(super) fn encoded(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// The challenge of a signature.
pub(super) fn challenge(r: &[u8; 32], a: &[u8; 32], message: &[u8]) -> Scalar {
    wide(&[r, a, message])
}

/// A scalar of the hash of these bytes, one after the other.
pub(super) fn wide(parts: &[&[u8]]) -> Scalar {
    let hash = parts.iter().fold(Sha512::new(), Sha512::chain_update);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// Whether a point of small order vanishes when it is multiplied by this scalar.
pub(super) fn eighth(scalar: Scalar) -> bool {
    scalar.as_bytes()[0].is_multiple_of(8)
}

pub(super) fn joined(r: [u8; 32], s: [u8; 32]) -> Vec<u8> {
    [r, s].concat()
}

/// S with the order of the group added so many times.
pub(super) fn plus_orders(s: &mut [u8], times: usize) {
    for _ in 0..times {
        let mut carry = 0;
        for (byte, add) in s.iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            [*byte, _] = sum.to_le_bytes();
            carry = sum >> 8;
        }
        assert_eq!(carry, 0, "S does not fit into 32 bytes");
    }
}

/// The first of the numbers from 0 for which something can be made.
pub(super) fn first<T>(make: impl FnMut(u32) -> Option<T>) -> T {
    (0..TRIES_MAX).find_map(make).unwrap()
}
