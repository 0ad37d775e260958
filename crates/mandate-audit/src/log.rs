//! Whose log it is.

use std::fmt;

use mandate_journal::Origin;
use serde::Serialize;

/// What every origin of such a log begins with.
const ORIGIN_PREFIX: &str = "mandate/";

/// Which of the two sides writes a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A merchant's gateway: it signs carts and receipts.
    Gateway,
    /// A principal's wallet: it signs intents and payments.
    Wallet,
}

impl Side {
    /// `gateway` or `wallet`, as it stands in an origin.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Wallet => "wallet",
        }
    }

    /// Under which name its configuration lies beside an export.
    #[must_use]
    pub fn policy_name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway.toml",
            Self::Wallet => "wallet.toml",
        }
    }

    /// The other one.
    #[must_use]
    pub fn peer(self) -> Self {
        match self {
            Self::Gateway => Self::Wallet,
            Self::Wallet => Self::Gateway,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One log: a side, and the id of the principal or merchant whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Log {
    /// Which side writes it.
    pub side: Side,
    /// The principal's or the merchant's id: the `iss` of every token that this log holds as its own.
    pub id: Box<str>,
}

impl Log {
    /// Reads an origin; `None` if it is of another kind of log.
    #[must_use]
    pub fn of(origin: &Origin) -> Option<Self> {
        let (side, id) = origin.as_str().strip_prefix(ORIGIN_PREFIX)?.split_once('/')?;
        let side =
            [Side::Gateway, Side::Wallet].into_iter().find(|known| known.as_str() == side)?;
        (!id.is_empty()).then(|| Self { side, id: id.into() })
    }

    /// Its origin as text: the name under which its key is given.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{ORIGIN_PREFIX}{}/{}", self.side, self.id)
    }
}

/// `wallet ada`, `gateway lux-hotels`.
impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.side, self.id)
    }
}
