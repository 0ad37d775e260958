//! What the booking system does: it lists rooms, says prices, and executes one call for each `Idempotency-Key`.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use mandate::{MinorUnits, Money};
use serde::{Deserialize, Serialize};

/// A room that is on offer only when somebody got into the booking system.
pub(crate) const ROOM_CELLAR: &str = "1";

/// City tax for one night, in cents.
const TAX_MINOR: u64 = 200;

/// What the hotel does wrong with the next booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It books the room and hangs up before it has answered.
    HangsUp,
    /// It has no room left.
    SoldOut,
}

/// What reached the hotel of the calls that have an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// Calls.
    pub(crate) calls: usize,
    /// Calls that were executed.
    pub(crate) executed: usize,
}

impl Seen {
    /// What reached it since an earlier look.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            executed: self.executed.saturating_sub(earlier.executed),
        }
    }
}

/// The hotel: its rooms, and the calls it answered.
#[derive(Debug)]
pub(crate) struct Hotel {
    rooms: BTreeMap<&'static str, Room>,
    answered: BTreeMap<String, Answered>,
    seen: Seen,
    /// What happens to the next booking.
    pub(crate) fault: Option<Fault>,
    /// `Mandate-Total` of the last booking: what the gateway says was paid.
    pub(crate) last_total: String,
}

#[derive(Debug, Clone)]
struct Room {
    title: String,
    night_minor: u64,
}

/// An answer that is given again when its call comes again.
#[derive(Debug, Clone)]
struct Answered {
    status: StatusCode,
    order: Option<String>,
    body: String,
}

#[derive(Debug, Deserialize)]
struct Stay {
    room: String,
    nights: u32,
}

#[derive(Serialize)]
struct Listed<'a> {
    room: &'a str,
    title: &'a str,
    night: String,
}

#[derive(Serialize)]
struct Quote {
    currency: &'static str,
    line_items: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    title: String,
    quantity: u32,
    amount: u64,
}

impl Default for Hotel {
    fn default() -> Self {
        let room = |title: &str, night_minor| Room { title: title.to_owned(), night_minor };
        let rooms = [("7", room("Attic", 3_000)), ("12", room("Garden room", 4_500))];
        Self {
            rooms: rooms.into(),
            answered: BTreeMap::new(),
            seen: Seen::default(),
            fault: None,
            last_total: String::new(),
        }
    }
}

impl Hotel {
    /// What reached it so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen
    }

    /// Puts a room on offer, or another price on it.
    pub(crate) fn offer(&mut self, room: &'static str, title: &str, night_minor: u64) {
        self.rooms.insert(room, Room { title: title.to_owned(), night_minor });
    }

    /// Takes a room off.
    pub(crate) fn withdraw(&mut self, room: &str) {
        self.rooms.remove(room);
    }

    /// Answers a call; `None` if it hangs up instead.
    pub(super) fn answer(&mut self, call: &Parts, body: &[u8]) -> Option<Response<Full<Bytes>>> {
        let answered = match (&call.method, call.uri.path()) {
            (&Method::GET, "/rooms") => json(StatusCode::OK, &self.list()),
            (&Method::POST, "/quotes") => self.quote(body),
            (&Method::POST, "/bookings") => self.execute("LUX", call, body)?,
            (&Method::POST, "/cancellations") => self.execute("STORNO", call, b"")?,
            (&Method::POST, "/coffees") => self.execute("COFFEE", call, b"")?,
            _ => said(StatusCode::NOT_FOUND, "nothing is here"),
        };
        Some(answered.response())
    }

    fn list(&self) -> Vec<Listed<'_>> {
        let listed = self.rooms.iter().map(|(number, room)| Listed {
            room: number,
            title: &room.title,
            night: shown(room.night_minor),
        });
        listed.collect()
    }

    /// The price of a stay; asking has no effect.
    fn quote(&self, body: &[u8]) -> Answered {
        let Some((Stay { nights, .. }, room)) = self.stay(body) else {
            return said(StatusCode::UNPROCESSABLE_ENTITY, "there is no such room");
        };
        let amount = |night_minor: u64| night_minor.saturating_mul(u64::from(nights));
        let line = |title: &str, night_minor| Line {
            title: title.to_owned(),
            quantity: nights,
            amount: amount(night_minor),
        };
        let line_items = vec![line(&room.title, room.night_minor), line("City tax", TAX_MINOR)];
        json(StatusCode::OK, &Quote { currency: "EUR", line_items })
    }

    fn stay(&self, body: &[u8]) -> Option<(Stay, &Room)> {
        let stay: Stay = serde_json::from_slice(body).ok()?;
        let room = self.rooms.get(stay.room.as_str())?;
        Some((stay, room))
    }

    /// Executes a call once for its `Idempotency-Key`, and answers it again in the same way.
    fn execute(&mut self, prefix: &str, call: &Parts, body: &[u8]) -> Option<Answered> {
        let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(key) = header("idempotency-key") else {
            return Some(said(StatusCode::BAD_REQUEST, "Idempotency-Key is missing"));
        };
        self.seen.calls = self.seen.calls.saturating_add(1);
        if let Some(before) = self.answered.get(key) {
            return Some(before.clone());
        }
        let is_booking = prefix == "LUX";
        if is_booking && self.stay(body).is_none() {
            return Some(said(StatusCode::UNPROCESSABLE_ENTITY, "there is no such room"));
        }
        let fault = if is_booking { self.fault.take() } else { None };
        if fault == Some(Fault::SoldOut) {
            return Some(said(StatusCode::UNPROCESSABLE_ENTITY, "sold out"));
        }
        self.seen.executed = self.seen.executed.saturating_add(1);
        header("mandate-total").unwrap_or_default().clone_into(&mut self.last_total);
        let order = format!("{prefix}-{}", self.seen.executed.saturating_add(1_000));
        let body = format!(r#"{{"order": "{order}"}}"#);
        let done = Answered { status: StatusCode::CREATED, order: Some(order), body };
        self.answered.insert(key.to_owned(), done.clone());
        if fault == Some(Fault::HangsUp) { None } else { Some(done) }
    }
}

impl Answered {
    fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // An order is plain ASCII.
        if let Some(order) = self.order.and_then(|order| HeaderValue::try_from(order).ok()) {
            headers.insert(HeaderName::from_static("mandate-order"), order);
        }
        response
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Answered {
    // Types of this file, which have no key that is not a text.
    let body = serde_json::to_string(body).unwrap_or_default();
    let body = body.replace("},{", "}, {").replace(r#"",""#, r#"", ""#);
    Answered { status, order: None, body }
}

fn said(status: StatusCode, error: &str) -> Answered {
    Answered { status, order: None, body: format!(r#"{{"error": "{error}"}}"#) }
}

/// An amount in euros, for people.
fn shown(minor: u64) -> String {
    let money = "0.00 EUR".parse::<Money>().ok().zip(MinorUnits::new(minor).ok());
    money.map(|(zero, amount)| Money { amount, ..zero }.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn call(hotel: &mut Hotel, path: &str, key: &str, body: &str) -> Option<(u16, String)> {
        let request = Request::post(path).header("idempotency-key", key);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let answer = hotel.answer(&parts, body.as_bytes())?;
        let order = answer.headers().get("mandate-order").map(|v| v.to_str().unwrap().to_owned());
        Some((answer.status().as_u16(), order.unwrap_or_default()))
    }

    #[test]
    fn a_call_is_executed_once_for_its_key_also_after_it_hung_up() {
        let mut hotel = Hotel::default();
        let stay = r#"{"room": "7", "nights": 1}"#;
        hotel.fault = Some(Fault::HangsUp);
        assert_eq!(call(&mut hotel, "/bookings", "a", stay), None);
        assert_eq!(call(&mut hotel, "/bookings", "a", stay), Some((201, "LUX-1001".to_owned())));
        hotel.fault = Some(Fault::SoldOut);
        assert_eq!(call(&mut hotel, "/bookings", "b", stay), Some((422, String::new())));
        assert_eq!(call(&mut hotel, "/bookings", "b", stay), Some((201, "LUX-1002".to_owned())));
        assert_eq!(hotel.seen(), Seen { calls: 4, executed: 2 });
    }
}
