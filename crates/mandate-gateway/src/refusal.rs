//! Why a call is refused: a typed cause, its stable reason, and a sentence that names the way out.

use mandate::clock::ClockFault;
use mandate::history::Rule;
use mandate::token::{CLOCK_SKEW_S, DraftError, ParseError, Part, QuoteError};
use mandate::{KeyId, MerchantId, Money, PrincipalId, Sku, UnixSeconds, VerifyError};
use thiserror::Error;

use crate::reason::Reason;

/// Largest body of a call, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The way out for a principal whose wallet contradicted itself.
const NEW_LOG: &str = "A wallet that lost its ledger has to start a new one under a new key, which this merchant lists in place of the old one";

/// Why a call is refused. Nothing with an effect reached the API.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The cart, the intent or the free intent was used before.
    #[error(
        "the intent was used before; the receipt says what came of it, mint a new intent for a new call"
    )]
    AlreadyUsed,
    /// The mandate is for another merchant.
    #[error("the mandate is for the merchant {found}, and this is {here}")]
    AudienceMismatch {
        /// The merchant it names.
        found: MerchantId,
        /// The merchant here.
        here: MerchantId,
    },
    /// The body is in a coding, so that its digest has two readings.
    #[error(
        "the request has a Content-Encoding, or a Transfer-Encoding beside chunked; send the body as it is"
    )]
    BodyCoded,
    /// The body was not sent whole, or not in time.
    #[error("the body did not arrive: {problem}")]
    BodyIncomplete {
        /// What went wrong.
        problem: String,
    },
    /// The body is too large.
    #[error("the body is larger than {BODY_BYTES_MAX} bytes; send a smaller one")]
    BodyTooLarge,
    /// The payment answers the cart in some claim with another value.
    #[error(
        "`{field}` of the payment is not what its cart says; mint the payment for the cart as it is"
    )]
    CartDiffers {
        /// The claim.
        field: &'static str,
    },
    /// The cart is not one of this merchant's.
    #[error("the payment's cart was not made here; ask for a quote with Mandate-Intent first")]
    CartUnknown,
    /// The clock is not believed.
    #[error("{0}; the operator has to set the clock right or run `mandate-gateway clock confirm`")]
    ClockUntrusted(ClockFault),
    /// The request has several content types, or one that is no text.
    #[error("Content-Type is there more than once, or is no text; send one")]
    ContentType,
    /// The principal's wallet shows two heads of its log that cannot both be true.
    #[error(
        "the wallet of {issuer} contradicts itself: {}; both tokens are kept as proof, and its key is used no longer. {NEW_LOG}", heads(*rule, *size, *earlier_size)
    )]
    Equivocation {
        /// The principal.
        issuer: PrincipalId,
        /// How they contradict each other.
        rule: Rule,
        /// Entries in the wallet's log, by the new token.
        size: u64,
        /// Entries in the wallet's log, by the one from before.
        earlier_size: u64,
    },
    /// The mandate ran out.
    #[error("the mandate ran out at {}; mint a new one", exp.utc())]
    Expired {
        /// Its `exp`.
        exp: UnixSeconds,
    },
    /// The mandate is used at this moment.
    #[error("the same mandate is under way; send the same call again in a moment")]
    InProgress,
    /// The issuer is not known here.
    #[error(
        "the principal {issuer} is not enrolled with this merchant; it has to be added to gateway.toml"
    )]
    IssuerUnknown {
        /// Who it says it is.
        issuer: PrincipalId,
    },
    /// The principal's wallet contradicted itself under this key.
    #[error("the wallet of {issuer} contradicted itself under the key {kid} before. {NEW_LOG}")]
    KeyBarred {
        /// The principal.
        issuer: PrincipalId,
        /// The key.
        kid: KeyId,
    },
    /// The gateway has no key.
    #[error("the gateway cannot sign at the moment; its operator is told why")]
    KeyUnavailable,
    /// The operator locked the key away.
    #[error("the gateway is locked by its operator, who alone can end that")]
    Locked,
    /// A header of the request is not what it has to be.
    #[error("{0}")]
    Header(#[from] HeaderFault),
    /// No mandate came with the call.
    #[error("this call needs a mandate; send it in {header}")]
    MandateRequired {
        /// The header that carries it.
        header: &'static str,
    },
    /// The payment can still be used.
    #[error("the payment can be used until {}; it can be voided after that", until.utc())]
    NotExpired {
        /// The last second in which it can be used.
        until: UnixSeconds,
    },
    /// The mandate is from the future.
    #[error("`iat` {} is more than {CLOCK_SKEW_S} s ahead of this clock", iat.utc())]
    NotYetValid {
        /// Its `iat`.
        iat: UnixSeconds,
    },
    /// A cap would be passed.
    #[error("`caps[{index}]` of the payment would be passed by this payment")]
    OverCap {
        /// Which, from 0.
        index: usize,
    },
    /// The price is known.
    #[error("this call costs {total}; pay the cart and send Mandate-Payment")]
    PaymentRequired {
        /// What it costs.
        total: Money,
    },
    /// The price is above what the intent allows.
    #[error("the price is {price}, and the intent allows {limit}")]
    PriceAboveLimit {
        /// The price.
        price: Money,
        /// What the intent allows.
        limit: Money,
    },
    /// The quote makes no cart.
    #[error("the price cannot be put into a cart: {0}")]
    QuoteUnfit(#[source] DraftError),
    /// The answer of the quote route is no quote.
    #[error("the API's answer to the question for the price is no quote")]
    QuoteInvalid(#[source] QuoteError),
    /// The action is offered in another way than when the call came.
    #[error("what is offered here changed while the call was on its way; send it again")]
    OfferChanged,
    /// A price was promised for the intent when its action was not free, and a payment may be out.
    #[error("a price was promised for this intent; send its payment, or mint a new intent")]
    Quoted,
    /// Too many calls.
    #[error("more calls than this principal may make; try again in a moment")]
    RateLimited,
    /// The call was answered, and what became of it could not be written down.
    #[error(
        "the call may have been executed, and its receipt is not written yet: send the same mandate and request again"
    )]
    ReceiptUnwritten,
    /// There is no such receipt.
    #[error("there is no receipt of that name here")]
    ReceiptUnknown,
    /// The call is another one than the mandate is bound to.
    #[error(
        "the method, target, content type or body is not the one the mandate is bound to; send the same request"
    )]
    RequestMismatch,
    /// The action's intents have to be bound to the call.
    #[error("an intent for {action} has to carry the digest of its request in `action.request`")]
    RequestRequired {
        /// The action.
        action: Sku,
    },
    /// The target of the request is in a form that could be read in two ways.
    #[error("the request target is not in origin form; send the path and query alone")]
    RequestTarget,
    /// The key is one of another role.
    #[error(
        "the token is signed with the key {kid}, which is this merchant's own; mandates are signed by the wallet"
    )]
    RoleInvalid {
        /// The key.
        kid: KeyId,
    },
    /// Nothing is offered there.
    #[error("nothing is offered at this method and path")]
    RouteUnknown,
    /// The mandate is for another action.
    #[error("the mandate is for {found}, and this call is {here}")]
    ScopeMismatch {
        /// The action it names.
        found: Sku,
        /// The action of the route.
        here: Sku,
    },
    /// The signature is not that of a trusted key.
    #[error("{0}")]
    Signature(#[source] VerifyError),
    /// The journal was not written.
    #[error("the journal could not be written; nothing was done, try again in a moment")]
    JournalUnavailable,
    /// The journal failed, and what is on disk is only known after a restart.
    #[error(
        "the journal failed, and it is not known what was written: send the same mandate and request again in a moment"
    )]
    JournalUnknown,
    /// The journal is not what it should be.
    #[error("the journal is not what it should be; its operator is told what is wrong")]
    JournalUnsafe,
    /// The token is not one.
    #[error("{header}: {fault}")]
    Token {
        /// The header that carries it.
        header: &'static str,
        /// What is wrong with it.
        #[source]
        fault: ParseError,
    },
    /// The token stands for another one than the path names.
    #[error("the path names another payment than Mandate-Payment carries")]
    TokenMismatch,
    /// The API did not do its part.
    #[error("{problem}; {}", way_out(*spent))]
    Upstream {
        /// What went wrong, in words the agent may read.
        problem: &'static str,
        /// Whether a mandate is in use because of it.
        spent: Spent,
    },
}

/// What two heads say of one log.
fn heads(rule: Rule, size: u64, earlier_size: u64) -> String {
    match rule {
        Rule::Backwards => format!(
            "its log was of size {earlier_size} in a token from before, and is of size {size} in this one"
        ),
        Rule::SameSize => {
            format!("two of its tokens are each the last entry of a log of size {size}")
        }
    }
}

/// Whether an upstream failure left a mandate in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// Nothing was used.
    Nothing,
    /// It is reserved: the API may have executed it.
    Reserved,
}

fn way_out(spent: Spent) -> &'static str {
    match spent {
        Spent::Nothing => "nothing was used, try again in a moment",
        Spent::Reserved => "it may have been executed: send the same mandate and request again",
    }
}

/// What is wrong with the mandate headers.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderFault {
    /// Both headers are there.
    #[error("the request has both Mandate-Intent and Mandate-Payment; send exactly one")]
    Both,
    /// A header is there twice, or its values were joined.
    #[error("{header} is there more than once; send exactly one")]
    Doubled {
        /// The header.
        header: &'static str,
    },
    /// The header holds something that no token holds.
    #[error("{header} is no compact token")]
    NotText {
        /// The header.
        header: &'static str,
    },
    /// Payments are not for free actions.
    #[error("this call is free; send Mandate-Intent and not Mandate-Payment")]
    PaymentForFree,
}

impl Refusal {
    /// Its stable reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::AlreadyUsed => Reason::AlreadyUsed,
            Self::AudienceMismatch { .. } => Reason::AudienceMismatch,
            Self::BodyCoded
            | Self::BodyIncomplete { .. }
            | Self::ContentType
            | Self::RequestTarget => Reason::Malformed,
            Self::BodyTooLarge => Reason::TooLarge,
            Self::CartDiffers { field: "total" } | Self::PriceAboveLimit { .. } | Self::Quoted => {
                Reason::PriceMismatch
            }
            Self::CartDiffers { .. } | Self::ScopeMismatch { .. } => Reason::ScopeMismatch,
            Self::CartUnknown => Reason::CartUnknown,
            Self::ClockUntrusted(_)
            | Self::JournalUnavailable
            | Self::JournalUnknown
            | Self::JournalUnsafe
            | Self::ReceiptUnwritten
            | Self::KeyUnavailable
            | Self::Locked
            | Self::OfferChanged => Reason::Unavailable,
            Self::Equivocation { .. } | Self::KeyBarred { .. } => Reason::Equivocation,
            Self::Expired { .. } => Reason::Expired,
            Self::Header(_) => Reason::HeaderInvalid,
            Self::InProgress => Reason::InProgress,
            Self::IssuerUnknown { .. } => Reason::IssuerUnknown,
            Self::MandateRequired { .. } => Reason::MandateRequired,
            Self::NotExpired { .. } => Reason::NotExpired,
            Self::NotYetValid { .. } => Reason::NotYetValid,
            Self::OverCap { .. } => Reason::OverCap,
            Self::PaymentRequired { .. } => Reason::PaymentRequired,
            Self::QuoteInvalid(_) | Self::QuoteUnfit(_) | Self::Upstream { .. } => {
                Reason::UpstreamFailed
            }
            Self::RateLimited => Reason::RateLimited,
            Self::ReceiptUnknown => Reason::ReceiptUnknown,
            Self::RequestMismatch | Self::RequestRequired { .. } | Self::TokenMismatch => {
                Reason::RequestMismatch
            }
            Self::RoleInvalid { .. } => Reason::RoleInvalid,
            Self::RouteUnknown => Reason::RouteUnknown,
            Self::Signature(_) => Reason::SignatureInvalid,
            Self::Token { fault, .. } => match fault.part() {
                Part::Size => Reason::TooLarge,
                Part::Shape => Reason::Malformed,
                Part::Header => Reason::HeaderInvalid,
                Part::Claims => Reason::ClaimsInvalid,
            },
        }
    }
}
