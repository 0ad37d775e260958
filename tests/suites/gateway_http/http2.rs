//! HTTP/2 on the same port: what it has no words for is refused, and what goes on is one HTTP/1.1 request.

use mandate_tests::gateway::Call;
use mandate_tests::h2::{END_HEADERS, END_STREAM, data, headers, hello};

use crate::bound::Came;
use crate::frames::{self, Told};
use crate::street::Street;

const BODY: &[u8] = br#"{"nights":2}"#;

/// Fields of a request; `{token}` is the payment.
type Fields = &'static [(&'static str, &'static str)];

const RIGHT: Fields = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "lux.example"),
    (":path", "/bookings"),
    ("content-type", "application/json"),
    ("mandate-payment", "{token}"),
];

/// One oddity: fields before or after the others, or one in place of another.
#[derive(Debug, Clone, Copy)]
enum Odd {
    After(Fields),
    Before(Fields),
    Swap(&'static str, Fields),
}
use Odd::{After, Before, Swap};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Expected {
    PassedOn,
    Refused(&'static str),
    /// No answer: the stream or the connection ends.
    Broken,
}
use Expected::{Broken, PassedOn, Refused};

const CASES: &[(Odd, Expected)] = &[
    (After(&[]), PassedOn),
    (After(&[("content-length", "12")]), PassedOn),
    (After(&[("content-length", "11")]), Broken),
    (After(&[("content-length", "13")]), Broken),
    (After(&[("content-length", "12"), ("content-length", "11")]), Broken),
    (After(&[("content-length", "x")]), Broken),
    // Headers about the connection (RFC 9113, section 8.2.2).
    (After(&[("connection", "content-type")]), Broken),
    (After(&[("transfer-encoding", "chunked")]), Broken),
    (After(&[("keep-alive", "timeout=9")]), Broken),
    (After(&[("proxy-connection", "close")]), Broken),
    (After(&[("upgrade", "h2c")]), Broken),
    (After(&[("te", "gzip")]), Broken),
    (After(&[("te", "trailers")]), PassedOn),
    // Names and values (section 8.2.1).
    (After(&[("X-Upper", "1")]), Broken),
    (After(&[("Mandate-Payment", "{token}")]), Broken),
    (After(&[("x-a\r\nmandate-total", "0.01 EUR")]), Broken),
    (After(&[("x-a:", "1")]), Broken),
    (After(&[("", "1")]), Broken),
    (After(&[("x a", "1")]), Broken),
    (After(&[("x-a", "1\r\nmandate-total: 0.01 EUR")]), Broken),
    (After(&[("x-a", "1\nPOST /admin HTTP/1.1")]), Broken),
    (After(&[("x-a", "\0")]), Broken),
    // Pseudo headers (section 8.3).
    (Before(&[("x-early", "1")]), Broken),
    (After(&[(":path", "/admin")]), Broken),
    (Before(&[(":path", "/bookings")]), Broken),
    (Before(&[(":method", "POST")]), Broken),
    (Before(&[(":scheme", "http")]), Broken),
    (Before(&[(":authority", "other.example")]), Broken),
    (Before(&[(":status", "200")]), Broken),
    (Before(&[(":other", "1")]), Broken),
    (Swap(":path", &[]), Broken),
    (Swap(":method", &[]), Broken),
    (Swap(":scheme", &[]), Broken),
    (Swap(":authority", &[]), PassedOn),
    (Swap(":authority", &[(":authority", "user:word@lux.example")]), PassedOn),
    (Swap(":scheme", &[(":scheme", "https")]), PassedOn),
    (Swap(":method", &[(":method", "post")]), Refused("route_unknown")),
    (Swap(":method", &[(":method", "PO ST")]), Broken),
    (Swap(":method", &[(":method", "CONNECT")]), Broken),
    (Swap(":path", &[(":path", "")]), Broken),
    (Swap(":path", &[(":path", "bookings")]), Broken),
    (Swap(":path", &[(":path", "*")]), Refused("malformed")),
    (Swap(":path", &[(":path", "//bookings")]), Refused("route_unknown")),
    (Swap(":path", &[(":path", "/x/../bookings")]), Refused("route_unknown")),
    (Swap(":path", &[(":path", "/%62ookings")]), Refused("route_unknown")),
    (Swap(":path", &[(":path", "http://lux.example/bookings")]), Broken),
    (Swap(":path", &[(":path", "/bookings HTTP/1.1\r\nx: y")]), Broken),
    (Swap(":path", &[(":path", "/bookings x")]), Broken),
    (Swap(":path", &[(":path", "/bookings#x")]), PassedOn),
    (Swap(":path", &[(":path", "/bookings?x")]), Refused("request_mismatch")),
    // The mandate.
    (After(&[("mandate-payment", "{token}")]), Refused("header_invalid")),
    (After(&[("mandate-intent", "{token}")]), Refused("header_invalid")),
    (
        Swap("mandate-payment", &[("mandate-payment", "{token}, {token}")]),
        Refused("header_invalid"),
    ),
    (Swap("mandate-payment", &[("mandate_payment", "{token}")]), Refused("mandate_required")),
    (After(&[("mandate-total", "0.01 EUR"), ("mandate_principal", "bob")]), PassedOn),
    (After(&[("idempotency-key", "mine"), ("x-http-method-override", "DELETE")]), PassedOn),
    (After(&[("host", "other.example")]), PassedOn),
    (After(&[("content-encoding", "gzip")]), Refused("malformed")),
    (After(&[("content-type", "text/plain")]), Refused("malformed")),
    (After(&[("content_type", "text/plain")]), PassedOn),
    (After(&[("expect", "100-continue")]), PassedOn),
    (After(&[("cookie", "a=1"), ("cookie", "b=2")]), PassedOn),
];

fn fields(odd: Odd, token: &str) -> Vec<(&'static str, String)> {
    let mut fields = RIGHT.to_vec();
    match odd {
        After(more) => fields.extend_from_slice(more),
        Before(more) => drop(fields.splice(0..0, more.iter().copied())),
        Swap(name, others) => {
            let at = fields.iter().position(|(own, _)| *own == name).unwrap();
            fields.splice(at..=at, others.iter().copied());
        }
    }
    fields.into_iter().map(|(name, value)| (name, value.replace("{token}", token))).collect()
}

fn booking() -> Call {
    Call { body: BODY.into(), ..Call::json("POST", "/bookings", "") }
}

/// Sends one request on a connection of its own; the API hears it as it is, or nothing.
async fn send(street: &Street, sent: impl FnOnce(&str) -> Vec<u8>) -> (Told, Result<Came, String>) {
    let (bound, token) = street.paid(booking()).await;
    let told = frames::exchange(street.front.address, &sent(&token)).await;
    street.front.shop.gateway.drain().await;
    let streams = street.api.take().await;
    let came = match (streams.is_empty(), &told) {
        (true, Told::Body(_)) if told.reason().is_none() => Err("nothing was heard".to_owned()),
        (true, _) => Ok(Came::Refused(None)),
        (false, _) => bound.check(&streams, &[]),
    };
    (told, came)
}

#[tokio::test]
async fn what_http_2_has_no_words_for_is_refused() {
    let street = Street::open().await;
    let mut wrong = Vec::new();
    for (odd, expected) in CASES {
        let request = |token: &str| {
            let fields = fields(*odd, token);
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            [hello(), headers(1, END_HEADERS, &fields), data(1, END_STREAM, BODY)].concat()
        };
        let (told, came) = send(&street, request).await;
        let found = match (&told, &came) {
            (_, Ok(Came::PassedOn)) => Some(PassedOn),
            (Told::Reset | Told::Gone, Ok(_)) => Some(Broken),
            _ => None,
        };
        let reason = told.reason();
        let is_right = match expected {
            Refused(expected) => came.is_ok() && reason.as_deref() == Some(*expected),
            expected => found.as_ref() == Some(expected),
        };
        if !is_right {
            wrong.push(format!("{odd:?}: {came:?} {told:?} {reason:?}, not {expected:?}"));
        }
    }
    street.close().await;
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
}

/// As over HTTP/1.1, whose hundred fields are counted with `Host`, which HTTP/2 has as `:authority`.
#[tokio::test]
async fn a_head_has_a_hundred_fields() {
    const FIELDS_MAX: usize = 100;
    let street = Street::open().await;
    for (fields_more, is_passed_on) in [(0, true), (1, false)] {
        let (told, came) = send(&street, |token| {
            let mut fields = fields(After(&[]), token);
            let pseudo = fields.iter().filter(|(name, _)| name.starts_with(':')).count();
            fields.resize(pseudo + FIELDS_MAX + fields_more, ("x-a", "1".to_owned()));
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            [hello(), headers(1, END_HEADERS, &fields), data(1, END_STREAM, BODY)].concat()
        })
        .await;
        if is_passed_on {
            assert_eq!(came, Ok(Came::PassedOn), "{told:?}");
        } else {
            // A bare status, and nothing is heard.
            assert_eq!((told, came.is_err()), (Told::Body(Vec::new()), true), "{came:?}");
        }
    }
    street.close().await;
}

/// Makes the bytes of a connection from a token.
type Sent<'a> = &'a dyn Fn(&str) -> Vec<u8>;

/// Frames out of place.
#[tokio::test]
async fn frames_out_of_place_are_no_request() {
    let street = Street::open().await;
    let right = |token: &str| fields(After(&[]), token);
    let head = |flags: u8, token: &str| {
        let fields = right(token);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers(1, flags, &fields)
    };
    let trailers: &[(&str, &str)] = &[("mandate-total", "0.01 EUR"), ("content-length", "1")];
    let odd: &[(&str, Sent<'_>)] = &[
        ("a body before its head", &|token| {
            [hello(), data(1, 0, BODY), head(END_HEADERS | END_STREAM, token)].concat()
        }),
        ("a head that does not end", &|token| [hello(), head(0, token)].concat()),
        ("a head and no body", &|token| [hello(), head(END_HEADERS, token)].concat()),
        ("a stream with an even number", &|token| {
            let fields = right(token);
            let fields: Vec<_> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            [hello(), headers(2, END_HEADERS | END_STREAM, &fields)].concat()
        }),
        ("a second head that does not end the stream", &|token| {
            let head = head(END_HEADERS, token);
            [hello(), head.clone(), data(1, 0, BODY), headers(1, END_HEADERS, trailers)].concat()
        }),
        ("half a preface, and HTTP/1.1", &|token| {
            let text = format!(
                "PRI * HTTP/2.0\r\n\r\nPOST /bookings HTTP/1.1\r\nMandate-Payment: {token}\r\n\r\n"
            );
            text.into_bytes()
        }),
    ];
    for (what, sent) in odd {
        let (told, came) = send(&street, sent).await;
        assert_eq!(came, Ok(Came::Refused(None)), "{what}: {told:?}");
    }
    // What comes after a body is not for the API.
    let (told, came) = send(&street, |token| {
        let end = headers(1, END_HEADERS | END_STREAM, trailers);
        [hello(), head(END_HEADERS, token), data(1, 0, BODY), end].concat()
    })
    .await;
    assert_eq!(came, Ok(Came::PassedOn), "trailers: {told:?}");
    // Bytes between, and an empty frame at the end, are the same body.
    let (told, came) = send(&street, |token| {
        let (one, two) = BODY.split_at(5);
        let body = [data(1, 0, one), data(1, 0, &[]), data(1, 0, two), data(1, END_STREAM, &[])];
        [hello(), head(END_HEADERS, token), body.concat()].concat()
    })
    .await;
    assert_eq!(came, Ok(Came::PassedOn), "{told:?}");
    street.close().await;
}
