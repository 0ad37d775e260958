//! What only a `gateway.toml` can have wrong.

use mandate::Money;
use mandate::token::QUANTITY_MAX;
use mandate_config::{Once, OwnFault};
use thiserror::Error;

use crate::route::{Route, RouteError};

/// Everything that is wrong with one `gateway.toml`.
pub type Faults = mandate_config::Faults<GatewayFault>;

/// One thing that is wrong with a `gateway.toml`.
pub type Fault = mandate_config::Fault<GatewayFault>;

/// What is wrong with a `gateway.toml`.
pub type FaultKind = mandate_config::FaultKind<GatewayFault>;

/// The faults of a `gateway.toml`, as they are found.
pub(super) type Report<'t> = mandate_config::Report<'t, GatewayFault>;

/// A key of two principals: a mandate that it signed would not say whose it is.
pub(super) const KEY: Once = Once::new("key_shared", "this key is another principal's");

/// A principal's id.
pub(super) const PRINCIPAL: Once = Once::new("principal_duplicate", "this principal is listed");

/// An action's SKU.
pub(super) const SKU: Once = Once::new("sku_duplicate", "this sku is on offer");

/// What only a `gateway.toml` can have wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GatewayFault {
    /// What the merchant would publish is longer than a wallet reads.
    #[error(
        "makes a /.well-known/mandate.json of {actual} bytes, and wallets read at most {limit}: offer fewer actions, or shorten their routes"
    )]
    DiscoveryTooLong {
        /// The most, in bytes.
        limit: usize,
        /// Its length in bytes.
        actual: usize,
    },
    /// An unknown kind of enrolment.
    #[error("is not a kind of enrolment; use listed, or open to accept any did:key")]
    EnrolmentUnknown,
    /// A fixed price whose largest multiple is no amount.
    #[error(
        "is too much for one unit: a call may be for {QUANTITY_MAX} units, and those would be past the largest amount; at most {limit} is possible"
    )]
    PriceAboveMax {
        /// The most for one unit.
        limit: Money,
    },
    /// A price that is none.
    #[error(
        "is not a price; write \"free\", an amount for one unit as in \"18.00 EUR\", or {{ quote = \"POST /quotes\" }}"
    )]
    PriceForm,
    /// A fixed price of nothing.
    #[error("is a price of nothing, and nothing cannot be paid; an action without a price is free")]
    PriceZero,
    /// A price is asked on the route of an action.
    #[error(
        "is also on {route} of line {line}; a price is asked before anything is paid, so the API would execute that action unpaid, and agents could call the quote as if it were one: give the quote a path of its own"
    )]
    QuoteIsAction {
        /// The action's route.
        route: Route,
        /// Where it stands.
        line: usize,
    },
    /// A price is asked with another method.
    #[error("is not asked with POST; the price of a call is asked with its body, so it has to be")]
    QuoteMethod,
    /// A price is asked at a path with a placeholder.
    #[error(
        "has a placeholder, which nothing fills in; write a plain path, as in \"POST /quotes\": the API learns the call from Mandate-Target"
    )]
    QuotePlaceholder,
    /// An unknown word for whether a digest is required.
    #[error("is neither required nor optional")]
    RequestUnknown,
    /// A route that is none.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A route that the gateway answers itself.
    #[error("is on /.well-known/mandate, where the gateway itself answers; use another path")]
    RouteReserved,
    /// Two routes have calls in common.
    #[error(
        "has calls in common with {route} of line {line}, so which of the two is paid for would be a guess; change a path or a method"
    )]
    RoutesOverlap {
        /// The route before it.
        route: Route,
        /// Where it stands.
        line: usize,
    },
    /// The API is at the gateway's own address.
    #[error(
        "is where the gateway itself listens, so every call would come back to it; write the address of the API behind it"
    )]
    UpstreamIsListen,
}

impl OwnFault for GatewayFault {
    fn code(&self) -> &'static str {
        match self {
            Self::DiscoveryTooLong { .. } => "discovery_too_long",
            Self::EnrolmentUnknown => "enrolment_unknown",
            Self::PriceAboveMax { .. } => "price_above_max",
            Self::PriceForm => "price_form",
            Self::PriceZero => "price_zero",
            Self::QuoteIsAction { .. } => "quote_is_action",
            Self::QuoteMethod => "quote_method",
            Self::QuotePlaceholder => "quote_placeholder",
            Self::RequestUnknown => "request_unknown",
            Self::Route(_) => "route_invalid",
            Self::RouteReserved => "route_reserved",
            Self::RoutesOverlap { .. } => "routes_overlap",
            Self::UpstreamIsListen => "upstream_is_listen",
        }
    }

    fn stands_alone(&self) -> bool {
        match self {
            Self::EnrolmentUnknown
            | Self::PriceAboveMax { .. }
            | Self::PriceForm
            | Self::PriceZero
            | Self::QuoteMethod
            | Self::QuotePlaceholder
            | Self::RequestUnknown
            | Self::Route(_)
            | Self::RouteReserved => true,
            Self::DiscoveryTooLong { .. }
            | Self::QuoteIsAction { .. }
            | Self::RoutesOverlap { .. }
            | Self::UpstreamIsListen => false,
        }
    }
}
