//! The one rule of everything a client may send: the API hears nothing, or exactly the call that was paid for.

use std::collections::BTreeMap;

use mandate_tests::gateway::{Answered, Call};

use crate::wire::split;

/// What only the gateway may say.
const TOLD: [&str; 6] = [
    "idempotency-key",
    "mandate-action",
    "mandate-agent",
    "mandate-principal",
    "mandate-quantity",
    "mandate-total",
];

/// What never reaches an API: about the connection, or another name for the call.
const STRIPPED: [&str; 15] = [
    "connection",
    "content-encoding",
    "expect",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// A mandate, as the API hears of it.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The call it is bound to.
    pub call: Call,
    /// The API's own address.
    pub host: String,
    /// What the gateway says of it, by header.
    pub told: BTreeMap<&'static str, String>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// The API heard the call.
    PassedOn,
    /// It heard nothing, and the client an error with this status, or nothing either.
    Refused(Option<u16>),
}

impl Bound {
    /// Holds what the API was sent, and what the client was answered, against the rule.
    pub fn check(&self, streams: &[Vec<u8>], answers: &[Answered]) -> Result<Came, String> {
        match streams {
            [] => match answers.first() {
                None => Ok(Came::Refused(None)),
                Some(answer) if answer.status >= 400 => Ok(Came::Refused(Some(answer.status))),
                Some(answer) => Err(format!("{} and the API heard nothing", answer.status)),
            },
            [stream] => self.heard(stream).map(|()| Came::PassedOn),
            streams => Err(format!("{} connections to the API", streams.len())),
        }
    }

    /// Reads one request as strictly as any server may.
    fn heard(&self, stream: &[u8]) -> Result<(), String> {
        let (head, body) = split(stream, b"\r\n\r\n").ok_or("half a head")?;
        // A value may have bytes that are no text.
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n");
        let expected = format!("{} {} HTTP/1.1", self.call.method, self.call.target);
        same("request line", lines.next(), Some(&*expected))?;
        let mut headers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").ok_or(format!("{line:?} is no header"))?;
            let token = |byte: u8| {
                byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || b"-_!#$%&'*+.^`|~".contains(&byte)
            };
            if name.is_empty()
                || !name.bytes().all(token)
                || value.contains(|char: char| char.is_ascii_control() && char != '\t')
            {
                return Err(format!("{line:?} can be read in two ways"));
            }
            // A server that turns headers into variables reads `_` and `-` alike.
            headers.entry(name.replace('_', "-")).or_default().push(value);
        }
        let length = body.len().to_string();
        // Of an empty body nothing has to be said (RFC 9112, section 6.3).
        let length =
            (!body.is_empty() || headers.contains_key("content-length")).then_some(&*length);
        let fixed = [
            ("content-length", length),
            ("content-type", self.call.content_type.as_deref()),
            ("host", Some(&*self.host)),
        ];
        let told = TOLD.map(|name| (name, self.told.get(name).map(String::as_str)));
        let stripped = STRIPPED.map(|name| (name, None));
        for (name, expected) in fixed.into_iter().chain(told).chain(stripped) {
            let expected: Vec<&str> = expected.into_iter().collect();
            same(name, headers.get(name).unwrap_or(&Vec::new()), &expected)?;
        }
        // A server may look at the first line alone (RFC 9113, section 8.2.3).
        if headers.get("cookie").is_some_and(|lines| lines.len() > 1) {
            return Err("the API hears of cookies twice".to_owned());
        }
        let known = |name: &&String| !name.starts_with("mandate-") || TOLD.contains(&name.as_str());
        if let Some(other) = headers.keys().find(|name| !known(name)) {
            return Err(format!("the API hears of {other}"));
        }
        same("body", body, &*self.call.body)
    }
}

fn same<T: PartialEq<U> + std::fmt::Debug, U: std::fmt::Debug>(
    what: &str,
    found: T,
    expected: U,
) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}

#[test]
fn the_rule_has_no_second_reading() {
    let told = TOLD.map(|name| (name, "x".to_owned()));
    let call = Call::json("POST", "/bookings", "{}");
    let bound = Bound { call, host: "api".to_owned(), told: told.into() };
    let told: String = TOLD.iter().map(|name| format!("{name}: x\r\n")).collect();
    let right = format!(
        "POST /bookings HTTP/1.1\r\n{told}content-type: application/json\r\nhost: api\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    let came = |text: &str| bound.check(&[text.as_bytes().to_vec()], &[]);
    assert_eq!(came(&right), Ok(Came::PassedOn));
    for (from, to) in [
        ("POST /bookings", "POST /bookings?"),
        ("POST /bookings", "post /bookings"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("{}", "{}x"),
        ("{}", "{ }"),
        ("content-length: 2", "content-length: 1"),
        ("content-length: 2", "content-length: 2\r\ncontent-length: 2"),
        ("content-length: 2", "content-length: 2\r\ntransfer-encoding: chunked"),
        ("host: api", "host: api\r\nhost: api"),
        ("host: api", "host: api\r\n folded"),
        ("host: api", "host: api\nx: y"),
        ("host: api", "host: api\r\nx : y"),
        ("host: api", "host: api\r\nmandate_total: x"),
        ("host: api", "host: api\r\nmandate-payment: x"),
        ("host: api", "host: api\r\ncontent_type: text/plain"),
        ("mandate-total: x\r\n", ""),
        ("content-type: application/json\r\n", ""),
    ] {
        assert!(came(&right.replacen(from, to, 1)).is_err(), "{from:?} {to:?}");
    }
    assert_eq!(bound.check(&[], &[]), Ok(Came::Refused(None)));
    assert!(bound.check(&[right.clone().into(), right.into()], &[]).is_err());
}
