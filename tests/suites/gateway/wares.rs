//! What is for sale, and the calls that buy it: as `GatewayHome::settings` lists them.

use mandate_tests::gateway::Call;

/// What a ware costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// So much a unit.
    Each(&'static str, u64),
    Free,
    /// What the API says.
    Quoted,
}

/// An action on offer.
#[derive(Debug)]
pub struct Ware {
    pub action: &'static str,
    pub price: Price,
    /// Whether an intent has to carry the digest of its call.
    pub request_required: bool,
}

const fn ware(action: &'static str, price: Price, request_required: bool) -> Ware {
    Ware { action, price, request_required }
}

pub const WARES: [Ware; 5] = [
    ware("search_rooms", Price::Free, false),
    ware("check_in", Price::Free, true),
    ware("book_room", Price::Quoted, false),
    ware("late_checkout", Price::Each("EUR", 1_800), false),
    ware("cancel_room", Price::Each("JPY", 500), true),
];

/// A call that agents make.
#[derive(Debug)]
pub struct Sold {
    /// The place of its action in [`WARES`]; none where nothing is offered.
    pub ware: Option<usize>,
    method: &'static str,
    target: &'static str,
    body: Option<&'static str>,
}

const fn sold(
    ware: Option<usize>,
    method: &'static str,
    target: &'static str,
    body: Option<&'static str>,
) -> Sold {
    Sold { ware, method, target, body }
}

/// Two calls for each ware, in its order; and one for nothing.
pub const CALLS: [Sold; 11] = [
    sold(Some(0), "GET", "/rooms?city=lux", None),
    sold(Some(0), "GET", "/rooms?city=ber", None),
    sold(Some(1), "POST", "/check-ins", Some(r#"{"room":1}"#)),
    sold(Some(1), "POST", "/check-ins", Some(r#"{"room":2}"#)),
    sold(Some(2), "POST", "/bookings", Some(r#"{"nights":1}"#)),
    sold(Some(2), "POST", "/bookings", Some(r#"{"nights":2}"#)),
    sold(Some(3), "POST", "/late", Some(r#"{"hours":1}"#)),
    sold(Some(3), "POST", "/late?till=noon", Some(r#"{"hours":1}"#)),
    sold(Some(4), "DELETE", "/bookings/17", None),
    sold(Some(4), "DELETE", "/bookings/18", None),
    sold(None, "POST", "/bookings/17", Some(r#"{"nights":1}"#)),
];

/// A call as an agent makes it.
pub fn call(at: usize) -> Call {
    let Sold { method, target, body, .. } = CALLS[at];
    body.map_or_else(|| Call::bare(method, target), |body| Call::json(method, target, body))
}
