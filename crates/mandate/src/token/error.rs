//! Why a token is refused, before its signature is looked at.

use thiserror::Error;

use super::TOKEN_BYTES_MAX;
use super::cart::LINE_ITEMS_MAX;
use super::member::MemberError;
use super::payment::CAPS_MAX;
use crate::digest::Head;
use crate::json::JsonError;
use crate::jws::{Segment, ShapeError};
use crate::key::SIGNATURE_BYTES;
use crate::money::{AmountError, EXACT_INTEGER_MAX, MinorUnits};

/// A rule that claims of their kind break, though each claim alone is well formed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// A cap's count is past 2^53 − 1.
    #[error("`caps[{index}].count` is past {EXACT_INTEGER_MAX}")]
    CapCount {
        /// Which cap, from 0.
        index: usize,
    },
    /// A cap has a maximum without a currency, or a currency without a maximum.
    #[error("`caps[{index}]` needs `currency` and `max` together")]
    CapCurrency {
        /// Which cap, from 0.
        index: usize,
    },
    /// A cap limits nothing.
    #[error("`caps[{index}]` has neither `max` nor `count`")]
    CapEmpty {
        /// Which cap, from 0.
        index: usize,
    },
    /// A cap's window holds no second.
    #[error("`caps[{index}]` ends before it begins")]
    CapWindow {
        /// Which cap, from 0.
        index: usize,
    },
    /// A payment names too many caps.
    #[error("`caps` has {actual} caps; a payment has at most {CAPS_MAX}")]
    CapsMax {
        /// How many it has.
        actual: usize,
    },
    /// A receipt names a cart or a payment, and not both.
    #[error("`cart` and `payment` stand together or not at all")]
    CartWithoutPayment,
    /// An executed receipt gives a reason.
    #[error("`reason` is for a void only")]
    ExecutedReason,
    /// A receipt of a free action has a total.
    #[error("`total` is for a paid action only")]
    FreeTotal,
    /// It ends when it begins, or before.
    #[error("`exp` is not after `iat`")]
    LifeEmpty,
    /// It lives too long.
    #[error("lives {actual_s} s; at most {max_s} s are allowed")]
    LifeTooLong {
        /// From `iat` to `exp`, in seconds.
        actual_s: u64,
        /// The most its kind allows, in seconds.
        max_s: u64,
    },
    /// A cart has no lines, or too many.
    #[error("`line_items` has {actual} lines; a cart has 1 to {LINE_ITEMS_MAX}")]
    LineCount {
        /// How many it has.
        actual: usize,
    },
    /// The lines cannot be summed up.
    #[error("the sum of `line_items` {0}")]
    LineSum(#[source] AmountError),
    /// A receipt of a paid action is not bound to its request.
    #[error("`action.request` is missing; a paid action has it")]
    PaidRequestMissing,
    /// A receipt of a paid action has no total.
    #[error("`total` is missing; a paid action has it")]
    PaidTotalMissing,
    /// The peer's log has more entries than any log can.
    #[error("`peer_log.size` is past {EXACT_INTEGER_MAX}")]
    PeerLogSize,
    /// The total is not the sum of the lines.
    #[error("`total` is {}, and its lines sum up to {}", total.units(), sum.units())]
    TotalNotSum {
        /// The sum of the lines, in minor units.
        sum: MinorUnits,
        /// The total as stated, in minor units.
        total: MinorUnits,
    },
    /// A paid action costs nothing.
    #[error("`total` is 0; a paid action costs at least 1")]
    TotalZero,
    /// A void has a merchant's reference.
    #[error("`order` is for an executed action only")]
    VoidOrder,
    /// A void does not say why.
    #[error("`reason` is missing; a void says why")]
    VoidReasonMissing,
    /// A void still costs something.
    #[error("`total` is not 0; a void costs nothing")]
    VoidTotal,
}

impl RuleError {
    /// A stable name of the rule.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::CapCount { .. } => "cap_count",
            Self::CapCurrency { .. } => "cap_currency",
            Self::CapEmpty { .. } => "cap_empty",
            Self::CapWindow { .. } => "cap_window",
            Self::CapsMax { .. } => "caps_max",
            Self::CartWithoutPayment => "cart_without_payment",
            Self::ExecutedReason => "executed_reason",
            Self::FreeTotal => "free_total",
            Self::LifeEmpty => "life_empty",
            Self::LifeTooLong { .. } => "life_too_long",
            Self::LineCount { .. } => "line_count",
            Self::LineSum(_) => "line_sum",
            Self::PaidRequestMissing => "paid_request_missing",
            Self::PaidTotalMissing => "paid_total_missing",
            Self::PeerLogSize => "peer_log_size",
            Self::TotalNotSum { .. } => "total_not_sum",
            Self::TotalZero => "total_zero",
            Self::VoidOrder => "void_order",
            Self::VoidReasonMissing => "void_reason_missing",
            Self::VoidTotal => "void_total",
        }
    }
}

/// A head's size is a plain number, so claims made in memory can hold one that no JSON reader would.
pub(super) fn check_head(peer_log: Head) -> Result<(), RuleError> {
    if peer_log.size > EXACT_INTEGER_MAX { Err(RuleError::PeerLogSize) } else { Ok(()) }
}

/// Which part of a token is at fault: the order in which they are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its length.
    Size,
    /// Segments, base64url, and the JSON in them.
    Shape,
    /// `alg`, `typ` and `kid`.
    Header,
    /// The claims.
    Claims,
}

/// Why a text is not a token of the kind asked for.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// The algorithm is not the pinned one (RFC 8725, section 3.1).
    #[error("header: `alg` is {found:?}, not `EdDSA` or `Ed25519`")]
    Algorithm {
        /// The start of what it is.
        found: String,
    },
    /// A segment is padded, has non-zero tail bits or is not base64url at all (RFC 7515, section 2).
    #[error("its {segment} is not unpadded base64url with zero tail bits")]
    Base64 {
        /// Which segment.
        segment: Segment,
    },
    /// A claim is missing, unknown or wrong.
    #[error("claims: {0}")]
    Claim(#[source] MemberError),
    /// A header member is missing, unknown or wrong.
    #[error("header: {0}")]
    Header(#[source] MemberError),
    /// A segment is not strict JSON.
    #[error("its {segment} {fault}")]
    Json {
        /// Which segment.
        segment: Segment,
        /// What is wrong with it.
        #[source]
        fault: JsonError,
    },
    /// `log` is not the last claim.
    #[error("claims: `log` is not the last one")]
    LogNotLast,
    /// The claims break a rule of their kind.
    #[error("claims: {0}")]
    Rule(#[source] RuleError),
    /// It does not have three segments (RFC 7515, section 7.1).
    #[error("has {actual} segments; a token has 3")]
    Segments {
        /// How many it has.
        actual: usize,
    },
    /// The signature cannot be one of Ed25519.
    #[error("its signature has {actual} bytes, not {SIGNATURE_BYTES}")]
    SignatureLength {
        /// How many it has.
        actual: usize,
    },
    /// A stored header is not, byte for byte, the one that is minted.
    #[error("the stored header is not in the form that is minted")]
    StoredHeader,
    /// It is too long.
    #[error("has {actual} bytes; a token has at most {TOKEN_BYTES_MAX}")]
    TooLarge {
        /// Its length in bytes.
        actual: usize,
    },
    /// It is a token of another kind (RFC 8725, section 3.11).
    #[error("header: `typ` is {found:?}, not `{expected}`")]
    Type {
        /// The kind that was asked for.
        expected: &'static str,
        /// The start of what it is.
        found: String,
    },
}

impl ParseError {
    /// A stable name of the fault, in snake case.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Algorithm { .. } => "alg_refused",
            Self::Base64 { .. } => "base64",
            Self::Claim(error) | Self::Header(error) => error.code(),
            Self::Json { fault, .. } => fault.code(),
            Self::LogNotLast => "log_not_last",
            Self::Rule(error) => error.code(),
            Self::Segments { .. } => "segments",
            Self::SignatureLength { .. } => "signature_length",
            Self::StoredHeader => "stored_header",
            Self::TooLarge { .. } => "too_large",
            Self::Type { .. } => "typ_mismatch",
        }
    }

    /// Which part of the token is at fault.
    #[must_use]
    pub fn part(&self) -> Part {
        match self {
            Self::TooLarge { .. } => Part::Size,
            Self::Base64 { .. }
            | Self::Json { .. }
            | Self::Segments { .. }
            | Self::SignatureLength { .. } => Part::Shape,
            Self::Algorithm { .. } | Self::Header(_) | Self::StoredHeader | Self::Type { .. } => {
                Part::Header
            }
            Self::Claim(_) | Self::LogNotLast | Self::Rule(_) => Part::Claims,
        }
    }

    /// Where in the token it is, where that can be named: a segment, a header member or a claim.
    #[must_use]
    pub fn at(&self) -> Option<String> {
        match self {
            Self::Base64 { segment } | Self::Json { segment, .. } => Some(segment.to_string()),
            Self::Claim(error) | Self::Header(error) => Some(error.at.clone()),
            _ => None,
        }
    }
}

impl From<ShapeError> for ParseError {
    fn from(error: ShapeError) -> Self {
        match error {
            ShapeError::Base64(segment) => Self::Base64 { segment },
            ShapeError::Segments(actual) => Self::Segments { actual },
            ShapeError::SignatureLength(actual) => Self::SignatureLength { actual },
        }
    }
}
