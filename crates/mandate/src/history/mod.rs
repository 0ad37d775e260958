//! What a peer shows of its journal, and which two of its heads cannot both be true.
//!
//! A token carries its signer's head right after the token's own entry, so it is the last entry of the log that it
//! shows. An honest log only grows, and each size of it has one last entry. This is pure: it knows heads and hashes
//! only, never who the peer is or where its tokens are kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::{DIGEST_BYTES, KeyId, TokenHash};
use crate::key::{KeySet, Role};
use crate::token::{Kind, Mandate, UnverifiedMandate};

/// One head that a peer showed.
///
/// Its root has no place here: of two tokens that show one size, one at most is that log's last entry, whatever the
/// roots say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The key that signed it.
    pub kid: KeyId,
    /// Entries in the peer's log, the token's own as the last one.
    pub size: u64,
    /// The token that shows it.
    pub token: TokenHash,
}

/// What is known of which of two tokens was signed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The earlier one: it was here before that was written which the new one answers.
    Known,
    /// Either: tokens come in late and in any order.
    Unknown,
}

/// The rule that two heads break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A log grew shorter: it was cut back, as by a backup that was put back, or it was forked.
    Backwards,
    /// Two tokens are each the last entry of a log of one size: it was forked.
    SameSize,
}

impl Rule {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Backwards, Self::SameSize];

    /// The word, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backwards => "backwards",
            Self::SameSize => "same_size",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Shown {
    /// Whether this head and one of the same log that came before cannot both be true; one token agrees with itself.
    #[must_use]
    pub fn contradicts(&self, earlier: &Self, order: Order) -> Option<Rule> {
        if self.token == earlier.token {
            return None;
        }
        if self.size == earlier.size {
            return Some(Rule::SameSize);
        }
        (order == Order::Known && self.size < earlier.size).then_some(Rule::Backwards)
    }

    fn new(kid: KeyId, size: u64, token: impl Into<[u8; DIGEST_BYTES]>) -> Self {
        Self { kid, size, token: TokenHash::from_bytes(token.into()) }
    }
}

impl<K: Kind> From<&Mandate<K>> for Shown {
    fn from(token: &Mandate<K>) -> Self {
        Self::new(*token.kid(), token.head().size, token.hash())
    }
}

impl<K: Kind> From<&UnverifiedMandate<K>> for Shown {
    fn from(token: &UnverifiedMandate<K>) -> Self {
        Self::new(*token.kid(), token.head().size, token.hash())
    }
}

/// The keys whose heads show the same log as those of `kid`.
///
/// Those that are trusted for one peer at one time sign one log. A key that is trusted no longer shows the log that it
/// always showed, which the peer may have lost since.
#[must_use]
pub fn same_log<R: Role>(kid: KeyId, trusted: &KeySet<R>) -> Vec<KeyId> {
    if trusted.key(&kid).is_some() { trusted.ids().copied().collect() } else { vec![kid] }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests;
