//! Free text that is safe to show: bounded, and without characters that could restyle what a person reads.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a text is refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// It holds a control, bidirectional or line-separator character.
    #[error("holds U+{code:04X}; control, bidi and line-separator characters are not allowed", code = u32::from(*.found))]
    Character {
        /// The first such character.
        found: char,
    },
    /// It is longer than its kind allows.
    #[error("has {actual} bytes; at most {max} are allowed")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
        /// The most its kind allows, in bytes.
        max: usize,
    },
}

/// UTF-8 of at most `MAX` bytes without control, bidi or line-separator characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(Box<str>);

/// What a line of a cart is for: at most 80 bytes.
pub type Title = Text<80>;
/// Why a merchant made a void: at most 200 bytes.
pub type VoidReason = Text<200>;
/// A merchant's own reference: at most 80 bytes.
pub type Order = Text<80>;
/// An agent's own words for the journal: at most 512 bytes.
pub type Purpose = Text<512>;

/// Whether a character could break a line, hide text or turn its direction.
///
/// Control characters (Cc), the bidi controls of UAX #9, and the line and paragraph separators.
#[must_use]
pub fn is_unsafe_to_show(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

impl<const MAX: usize> Text<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Text<MAX> {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.len() > MAX {
            return Err(TextError::TooLong { actual: text.len(), max: MAX });
        }
        if let Some(found) = text.chars().find(|c| is_unsafe_to_show(*c)) {
            return Err(TextError::Character { found });
        }
        Ok(Self(text.into()))
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        text.parse()
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> Self {
        text.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_in_bytes() {
        assert!("é".repeat(40).parse::<Title>().is_ok());
        assert_eq!(
            "é".repeat(41).parse::<Title>(),
            Err(TextError::TooLong { actual: 82, max: 80 })
        );
    }

    #[test]
    fn text_cannot_steer_a_terminal_or_a_reader() {
        for found in ['\u{1b}', '\n', '\u{7f}', '\u{85}', '\u{202e}', '\u{2066}', '\u{2028}'] {
            assert_eq!(format!("a{found}b").parse::<Title>(), Err(TextError::Character { found }));
        }
    }
}
