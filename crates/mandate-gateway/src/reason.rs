//! The stable reasons of refused calls, and the HTTP status of each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a call is refused, in a word that never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The mandate, its cart or its intent was used before; the receipt says what came of it.
    AlreadyUsed,
    /// The mandate is for another merchant.
    AudienceMismatch,
    /// The payment's cart is not one of this merchant's.
    CartUnknown,
    /// A claim is missing, unknown or out of its rules.
    ClaimsInvalid,
    /// The principal's wallet shows two heads of its log that cannot both be true.
    Equivocation,
    /// The mandate's time is over.
    Expired,
    /// The mandate headers, or the header of the token in them, are not what they have to be.
    HeaderInvalid,
    /// The same mandate is under way.
    InProgress,
    /// The token's issuer is not enrolled here.
    IssuerUnknown,
    /// The request or the token has no shape that could be judged.
    Malformed,
    /// The call needs a mandate and has none.
    MandateRequired,
    /// The payment can still be used, so it is not voided.
    NotExpired,
    /// The mandate is from a time that has not come.
    NotYetValid,
    /// A cap in the payment would be passed.
    OverCap,
    /// The price is known and has to be paid; the cart is in the answer.
    PaymentRequired,
    /// The price is not the one that was promised, or above the intent's limit.
    PriceMismatch,
    /// More calls than this principal may make.
    RateLimited,
    /// There is no receipt of that name.
    ReceiptUnknown,
    /// The call is not the one the mandate is bound to.
    RequestMismatch,
    /// The token is signed with a key of another role.
    RoleInvalid,
    /// Nothing is offered at this route.
    RouteUnknown,
    /// The mandate is for another action.
    ScopeMismatch,
    /// The signature does not verify under a key of the issuer.
    SignatureInvalid,
    /// The body or the token is too large.
    TooLarge,
    /// The gateway cannot serve now: it has no key, its journal or its clock cannot be trusted.
    Unavailable,
    /// The API behind the gateway did not answer as it has to.
    UpstreamFailed,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::AlreadyUsed,
        Self::AudienceMismatch,
        Self::CartUnknown,
        Self::ClaimsInvalid,
        Self::Equivocation,
        Self::Expired,
        Self::HeaderInvalid,
        Self::InProgress,
        Self::IssuerUnknown,
        Self::Malformed,
        Self::MandateRequired,
        Self::NotExpired,
        Self::NotYetValid,
        Self::OverCap,
        Self::PaymentRequired,
        Self::PriceMismatch,
        Self::RateLimited,
        Self::ReceiptUnknown,
        Self::RequestMismatch,
        Self::RoleInvalid,
        Self::RouteUnknown,
        Self::ScopeMismatch,
        Self::SignatureInvalid,
        Self::TooLarge,
        Self::Unavailable,
        Self::UpstreamFailed,
    ];

    /// The word, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyUsed => "already_used",
            Self::AudienceMismatch => "audience_mismatch",
            Self::CartUnknown => "cart_unknown",
            Self::ClaimsInvalid => "claims_invalid",
            Self::Equivocation => "equivocation",
            Self::Expired => "expired",
            Self::HeaderInvalid => "header_invalid",
            Self::InProgress => "in_progress",
            Self::IssuerUnknown => "issuer_unknown",
            Self::Malformed => "malformed",
            Self::MandateRequired => "mandate_required",
            Self::NotExpired => "not_expired",
            Self::NotYetValid => "not_yet_valid",
            Self::OverCap => "over_cap",
            Self::PaymentRequired => "payment_required",
            Self::PriceMismatch => "price_mismatch",
            Self::RateLimited => "rate_limited",
            Self::ReceiptUnknown => "receipt_unknown",
            Self::RequestMismatch => "request_mismatch",
            Self::RoleInvalid => "role_invalid",
            Self::RouteUnknown => "route_unknown",
            Self::ScopeMismatch => "scope_mismatch",
            Self::SignatureInvalid => "signature_invalid",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
            Self::UpstreamFailed => "upstream_failed",
        }
    }

    /// The HTTP status it is answered with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::ClaimsInvalid | Self::HeaderInvalid | Self::Malformed | Self::TooLarge => 400,
            Self::AudienceMismatch
            | Self::Expired
            | Self::IssuerUnknown
            | Self::MandateRequired
            | Self::NotYetValid
            | Self::RoleInvalid
            | Self::SignatureInvalid => 401,
            Self::PaymentRequired => 402,
            Self::CartUnknown
            | Self::Equivocation
            | Self::OverCap
            | Self::PriceMismatch
            | Self::RequestMismatch
            | Self::ScopeMismatch => 403,
            Self::ReceiptUnknown | Self::RouteUnknown => 404,
            Self::AlreadyUsed | Self::InProgress | Self::NotExpired => 409,
            Self::RateLimited => 429,
            Self::UpstreamFailed => 502,
            Self::Unavailable => 503,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_as_it_is_named() {
        for reason in Reason::ALL {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{reason}\""));
        }
        let mut all = Reason::ALL;
        all.sort_unstable();
        assert_eq!(all, Reason::ALL);
    }
}
