//! Which key is meant: whose it is, the store that keeps it, its name there.
//!
//! Everything here is public and may be logged.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest [`Account`], in bytes.
pub const ACCOUNT_BYTES_MAX: usize = 64;

/// Whose key it is: the name it is filed under in every store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The merchant's gateway.
    Gateway,
    /// The principal's wallet.
    Wallet,
}

impl Service {
    /// The service name in the store: `mandate-gateway` or `mandate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "mandate-gateway",
            Self::Wallet => "mandate",
        }
    }

    /// The service name under which the head of the key's journal is remembered: `mandate-gateway-head` or
    /// `mandate-head`.
    #[must_use]
    pub fn head(self) -> &'static str {
        match self {
            Self::Gateway => "mandate-gateway-head",
            Self::Wallet => "mandate-head",
        }
    }

    /// The command that makes this key.
    pub(crate) fn init_command(self) -> &'static str {
        match self {
            Self::Gateway => "mandate-gateway init",
            Self::Wallet => "mandate init",
        }
    }
}

/// The store that a configuration asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoreChoice {
    /// The Secret Service if there is one, else the kernel keyring.
    #[default]
    Auto,
    /// A systemd credential; read only.
    Credential,
    /// The kernel keyring.
    Keyutils,
    /// The desktop's keyring.
    SecretService,
}

impl StoreChoice {
    /// Every choice, in the order in which they are explained to people.
    pub const ALL: [Self; 4] = [Self::Auto, Self::SecretService, Self::Keyutils, Self::Credential];

    /// The choice as a configuration spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Credential => "credential",
            Self::Keyutils => "keyutils",
            Self::SecretService => "secret-service",
        }
    }
}

impl fmt::Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text names no store.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is not a key store; use auto, secret-service, keyutils or credential")]
pub struct StoreChoiceError;

impl FromStr for StoreChoice {
    type Err = StoreChoiceError;

    fn from_str(text: &str) -> Result<Self, StoreChoiceError> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == text).ok_or(StoreChoiceError)
    }
}

/// The store that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// A systemd credential.
    Credential,
    /// The kernel keyring.
    Keyutils,
    /// The desktop's keyring.
    SecretService,
}

impl StoreKind {
    /// Every store.
    pub const ALL: [Self; 3] = [Self::Credential, Self::Keyutils, Self::SecretService];

    /// Whether the key is gone after a reboot.
    #[must_use]
    pub fn is_volatile(self) -> bool {
        self == Self::Keyutils
    }

    /// One sentence for people: what becomes of a key kept here.
    #[must_use]
    pub fn durability(self) -> &'static str {
        match self {
            Self::Credential => {
                "systemd hands the key over at each start; it is as durable as the encrypted credential file"
            }
            Self::Keyutils => {
                "the kernel forgets the key at a reboot, and by default 3 days after it was last read; \
                 use a systemd credential on a server that must come back by itself"
            }
            Self::SecretService => {
                "the key is on disk, encrypted under the login password, and can be read while the keyring \
                 is unlocked"
            }
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "systemd credential",
            Self::Keyutils => "kernel keyring (keyutils)",
            Self::SecretService => "Secret Service",
        })
    }
}

/// Why a text is not an [`Account`].
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccountError {
    /// It holds a character that no account may hold, or not in that place.
    #[error(
        "holds {found:?} where it may not; an account is made of a-z, 0-9, `.`, `_` and `-` and starts with a-z or 0-9"
    )]
    Character {
        /// The first such character.
        found: char,
    },
    /// It is the empty text.
    #[error("is empty; an account has 1 to {ACCOUNT_BYTES_MAX} characters")]
    Empty,
    /// It is longer than any account may be.
    #[error("has {actual} bytes; an account has at most {ACCOUNT_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
}

/// The name of a key within its store.
///
/// Matches `[a-z0-9][a-z0-9._-]{0,63}`, so that it is also a safe file name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account(Box<str>);

impl Account {
    /// The account as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Account {
    fn default() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Account {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        if text.is_empty() {
            return Err(AccountError::Empty);
        }
        if text.len() > ACCOUNT_BYTES_MAX {
            return Err(AccountError::TooLong { actual: text.len() });
        }
        let allowed = |(index, c): &(usize, char)| match c {
            'a'..='z' | '0'..='9' => true,
            '.' | '_' | '-' => *index > 0,
            _ => false,
        };
        match text.char_indices().find(|c| !allowed(c)) {
            Some((_, found)) => Err(AccountError::Character { found }),
            None => Ok(Self(text.into())),
        }
    }
}

/// Where one key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLocation {
    /// Whose key it is.
    pub service: Service,
    /// The store that is asked for.
    pub choice: StoreChoice,
    /// Its name in the store.
    pub account: Account,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_a_safe_file_name() {
        for good in ["default", "0", "a.b_c-d", &"a".repeat(ACCOUNT_BYTES_MAX)] {
            assert_eq!(good.parse::<Account>().unwrap().as_str(), good);
        }
        let refused = |text: &str| text.parse::<Account>().unwrap_err();
        assert_eq!(refused(""), AccountError::Empty);
        assert_eq!(refused(".."), AccountError::Character { found: '.' });
        assert_eq!(refused("a/b"), AccountError::Character { found: '/' });
        assert_eq!(refused("a\0"), AccountError::Character { found: '\0' });
        assert_eq!(refused("Default"), AccountError::Character { found: 'D' });
        assert_eq!(refused(&"a".repeat(65)), AccountError::TooLong { actual: 65 });
    }

    #[test]
    fn a_choice_reads_back_what_it_prints() {
        for choice in StoreChoice::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("keychain".parse::<StoreChoice>(), Err(StoreChoiceError));
    }
}
