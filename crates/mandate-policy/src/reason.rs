//! The stable names of refusals, on the wire and in the journal.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a request is refused. The names never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name as it stands in `google.rpc.ErrorInfo`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    /// The action needs an intent only.
    ActionIsFree => "ACTION_IS_FREE",
    /// The action is not listed for this merchant.
    ActionNotAllowed => "ACTION_NOT_ALLOWED",
    /// The caller is no listed agent, or its consent ended.
    AgentUnknown => "AGENT_UNKNOWN",
    /// The principal said no.
    ApprovalDenied => "APPROVAL_DENIED",
    /// The principal has to say yes first.
    ApprovalRequired => "APPROVAL_REQUIRED",
    /// An amount would pass a cap.
    CapExceeded => "CAP_EXCEEDED",
    /// The cart was paid and its payment cannot be handed out again.
    CartAlreadyPaid => "CART_ALREADY_PAID",
    /// The cart ran out.
    CartExpired => "CART_EXPIRED",
    /// The cart is not well formed.
    CartMalformed => "CART_MALFORMED",
    /// The cart does not fit its intent.
    CartMismatch => "CART_MISMATCH",
    /// The cart is not signed by a key of its merchant.
    CartSignatureInvalid => "CART_SIGNATURE_INVALID",
    /// The system's clock is not believed.
    ClockUntrusted => "CLOCK_UNTRUSTED",
    /// A number of payments would pass a cap.
    CountExceeded => "COUNT_EXCEEDED",
    /// No cap grants anything in this currency.
    CurrencyNotCapped => "CURRENCY_NOT_CAPPED",
    /// The merchant shows two heads of its log that cannot both be true.
    Equivocation => "EQUIVOCATION",
    /// A field of the request is wrong.
    FieldInvalid => "FIELD_INVALID",
    /// A freeze covers the request.
    Frozen => "FROZEN",
    /// The idempotency key was used with other fields.
    IdempotencyConflict => "IDEMPOTENCY_CONFLICT",
    /// The intent was used for another cart.
    IntentAlreadyPaid => "INTENT_ALREADY_PAID",
    /// The intent ran out.
    IntentExpired => "INTENT_EXPIRED",
    /// No such intent of this agent.
    IntentUnknown => "INTENT_UNKNOWN",
    /// The key is not at hand.
    KeyUnavailable => "KEY_UNAVAILABLE",
    /// The ledger could not be written.
    LedgerUnavailable => "LEDGER_UNAVAILABLE",
    /// The ledger is not believed.
    LedgerUnsafe => "LEDGER_UNSAFE",
    /// The merchant is not listed, not for this agent, or its consent ended.
    MerchantNotAllowed => "MERCHANT_NOT_ALLOWED",
    /// The price is above the intent's own limit.
    PriceAboveLimit => "PRICE_ABOVE_LIMIT",
    /// Too many calls.
    RateLimited => "RATE_LIMITED",
    /// The merchant signed two outcomes of one payment.
    ReceiptConflict => "RECEIPT_CONFLICT",
    /// The receipt is malformed, unsigned or of no payment of this wallet.
    ReceiptInvalid => "RECEIPT_INVALID",
    /// Too many payments are not settled.
    TooManyUnsettled => "TOO_MANY_UNSETTLED",
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
    fn a_reason_has_one_name_wherever_it_is_told() {
        for reason in Reason::ALL {
            assert_eq!(reason.to_string(), reason.as_str());
            let json =
                serde::de::value::StrDeserializer::<serde::de::value::Error>::new(reason.as_str());
            assert_eq!(Reason::deserialize(json), Ok(*reason));
        }
    }
}
