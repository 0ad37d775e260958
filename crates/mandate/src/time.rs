//! Moments in whole seconds, as tokens and the journal carry them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::money::EXACT_INTEGER_MAX;

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds (RFC 7519, `NumericDate`, whole).
///
/// At most 2^53 − 1, so that every JSON reader sees the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct UnixSeconds(u64);

/// The number of seconds is past 2^53 − 1.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("is past {EXACT_INTEGER_MAX} seconds")]
pub struct TimeError;

impl UnixSeconds {
    /// The epoch.
    pub const EPOCH: Self = Self(0);
    /// The latest moment.
    pub const MAX: Self = Self(EXACT_INTEGER_MAX);

    /// Takes seconds since the epoch.
    ///
    /// # Errors
    ///
    /// [`TimeError`] past 2^53 − 1.
    pub fn new(seconds: u64) -> Result<Self, TimeError> {
        if seconds > EXACT_INTEGER_MAX {
            return Err(TimeError);
        }
        Ok(Self(seconds))
    }

    /// The number of seconds since the epoch.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// This moment and `seconds` more, stopping at the latest moment.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds).min(EXACT_INTEGER_MAX))
    }

    /// This moment less `seconds`, stopping at the epoch.
    #[must_use]
    pub fn minus(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds))
    }

    /// The moment in UTC for people, such as `2026-11-26T18:55:01Z` (RFC 3339).
    ///
    /// Never for what is hashed or signed: there a moment is its number of seconds.
    #[must_use]
    pub fn utc(self) -> impl fmt::Display {
        Utc(self)
    }

    /// Seconds from `earlier` to this moment; zero if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

struct Utc(UnixSeconds);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.0).ok();
        match seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
            Some(time) => time.fmt(f),
            // Past the year 9999.
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}

impl TryFrom<u64> for UnixSeconds {
    type Error = TimeError;

    fn try_from(seconds: u64) -> Result<Self, TimeError> {
        Self::new(seconds)
    }
}

impl From<UnixSeconds> for u64 {
    fn from(time: UnixSeconds) -> Self {
        time.0
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (1_795_719_301, "2026-11-26T18:55:01Z"),
            (253_402_300_800, "253402300800 s after 1970"),
        ] {
            assert_eq!(UnixSeconds::new(seconds).unwrap().utc().to_string(), expected);
        }
    }
}
