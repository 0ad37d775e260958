//! From when to when a token lives. Whose clock decides, and what it forgives, is for each side to say.

use super::error::RuleError;
use crate::time::UnixSeconds;

/// Longest life of an intent, in seconds.
pub const INTENT_LIFE_S_MAX: u64 = 300;
/// Longest life of a cart, in seconds.
pub const CART_LIFE_S_MAX: u64 = 900;
/// Longest life of a payment, in seconds.
pub const PAYMENT_LIFE_S_MAX: u64 = 300;

/// When a token was issued and when it ends (RFC 7519, sections 4.1.4 and 4.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// When it was issued.
    pub iat: UnixSeconds,
    /// The last second in which it may be used.
    pub exp: UnixSeconds,
}

impl Life {
    /// Whether it is past its end by more than `skew_s` seconds.
    #[must_use]
    pub fn has_ended(self, now: UnixSeconds, skew_s: u64) -> bool {
        now > self.exp.plus(skew_s)
    }

    /// Whether it is from more than `skew_s` seconds after `now`.
    #[must_use]
    pub fn is_ahead(self, now: UnixSeconds, skew_s: u64) -> bool {
        self.iat > now.plus(skew_s)
    }

    /// It has to end after it begins, and soon.
    pub(super) fn check(self, max_s: u64) -> Result<(), RuleError> {
        match self.exp.since(self.iat) {
            0 => Err(RuleError::LifeEmpty),
            actual_s if actual_s > max_s => Err(RuleError::LifeTooLong { actual_s, max_s }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_open_through_its_last_second_and_the_skew() {
        let at = |seconds| UnixSeconds::new(seconds).unwrap();
        let life = Life { iat: at(100), exp: at(160) };
        assert!(!life.has_ended(at(160), 0) && life.has_ended(at(161), 0));
        assert!(!life.has_ended(at(190), 30) && life.has_ended(at(191), 30));
        assert!(!life.is_ahead(at(100), 0) && life.is_ahead(at(99), 0));
        assert!(!life.is_ahead(at(70), 30) && life.is_ahead(at(69), 30));
    }
}
