//! Requests that two servers may read in two ways, one oddity each.

use mandate_tests::gateway::Call;

use crate::bound::Came;
use crate::street::Street;

const BODY: &str = r#"{"nights":2}"#;

/// What is odd about a request.
#[derive(Clone, Copy)]
enum Odd {
    /// It has one more header line, or several, as they stand.
    Line(&'static str),
    /// It has this in place of its request line; the target of the call it is bound to stays.
    Start(&'static str),
    /// This stands in place of the name and value of a header.
    Swap(&'static str, &'static str),
    /// It is framed like this: lines, and a body.
    Framed(&'static str, &'static str),
    /// Text in the head is something else.
    Head(&'static str, &'static str),
}
use Odd::{Framed, Head, Line, Start, Swap};

/// It reaches the API as the call it is.
const PASSED: Came = Came::PassedOn;
const fn refused(status: u16) -> Came {
    Came::Refused(Some(status))
}

impl Odd {
    fn apply(self, token: &str) -> Vec<u8> {
        let length = format!("Content-Length: {}", BODY.len());
        let payment = format!("Mandate-Payment: {token}");
        let mut lines = vec![
            "POST /bookings HTTP/1.1".to_owned(),
            "Host: lux.example".to_owned(),
            "Content-Type: application/json".to_owned(),
            payment,
            length,
        ];
        let mut body = BODY;
        match self {
            Line(line) => lines.push(line.replace("{token}", token)),
            Start(line) => lines[0] = line.to_owned(),
            Swap(name, line) => {
                let at = lines.iter().position(|line| line.starts_with(name)).unwrap();
                lines[at] = line.replace("{token}", token);
            }
            Framed(framing, framed) => {
                lines.pop();
                lines.push(framing.to_owned());
                body = framed;
            }
            Head(..) => {}
        }
        lines.retain(|line| !line.is_empty());
        let mut head = lines.join("\r\n") + "\r\n\r\n";
        if let Head(from, to) = self {
            head = head.replacen(from, to, 1);
        }
        // A letter above U+007F stands for its byte in Latin-1 where no UTF-8 is meant.
        let mut bytes: Vec<u8> = Vec::new();
        for char in head.chars() {
            match u8::try_from(u32::from(char)) {
                Ok(byte) => bytes.push(byte),
                Err(_) => bytes.extend_from_slice(char.to_string().as_bytes()),
            }
        }
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }
}

const LENGTHS: &[(Odd, Came)] = &[
    (Line("Content-Length: 12"), PASSED),
    (Line("Content-Length: 11"), refused(400)),
    (Line("Content-Length: 13"), refused(400)),
    (Line("Content-Length: 0"), refused(400)),
    (Swap("Content-Length", "Content-Length: 12, 12"), refused(400)),
    (Swap("Content-Length", "Content-Length: 12,13"), refused(400)),
    (Swap("Content-Length", "Content-Length: +12"), refused(400)),
    (Swap("Content-Length", "Content-Length: -12"), refused(400)),
    (Swap("Content-Length", "Content-Length: 0x0c"), refused(400)),
    (Swap("Content-Length", "Content-Length: 012"), PASSED),
    (Swap("Content-Length", "Content-Length: 1 2"), refused(400)),
    (Swap("Content-Length", "Content-Length: 12.0"), refused(400)),
    (Swap("Content-Length", "Content-Length: "), refused(400)),
    (Swap("Content-Length", "Content-Length: 18446744073709551616"), refused(400)),
    (Swap("Content-Length", "Content-Length: 18446744073709551615"), refused(431)),
    (Swap("Content-Length", "Content-Length: 18446744073709551614"), refused(431)),
    (Swap("Content-Length", "Content-Length : 12"), refused(400)),
    (Swap("Content-Length", "Content-Length:\t12\t"), PASSED),
    (Swap("Content-Length", "Content_Length: 12"), refused(403)),
    (Swap("Content-Length", "content-length: 12"), PASSED),
    (Swap("Content-Length", "Content-Length: 11"), refused(403)),
    (Swap("Content-Length", "Content-Length: 13"), refused(400)),
    (Swap("Content-Length", ""), refused(403)),
];

const CHUNKS: &[(Odd, Came)] = &[
    (Framed("Transfer-Encoding: chunked", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"), PASSED),
    (Framed("transfer-encoding: cHuNkEd", "C\r\n{\"nights\":2}\r\n0\r\n\r\n"), PASSED),
    (Framed("Transfer-Encoding: chunked", "0000c\r\n{\"nights\":2}\r\n000\r\n\r\n"), PASSED),
    (
        Framed("Transfer-Encoding: chunked", "c;a=b;c=\"d\"\r\n{\"nights\":2}\r\n0;x\r\n\r\n"),
        PASSED,
    ),
    (Framed("Transfer-Encoding: chunked", "c \r\n{\"nights\":2}\r\n0\r\n\r\n"), PASSED),
    (Framed("Transfer-Encoding: chunked", " c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "0xc\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "+c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "-1\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (
        Framed("Transfer-Encoding: chunked", "1000000000000000c\r\n{\"nights\":2}\r\n0\r\n\r\n"),
        refused(400),
    ),
    (Framed("Transfer-Encoding: chunked", "c\n{\"nights\":2}\n0\n\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "c;a\nb\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "b\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "c\r\n{\"nights\":2}0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "c\r\n{\"nights\":2}\r\n"), refused(400)),
    (Framed("Transfer-Encoding: chunked", "c\r\n{\"nig"), refused(400)),
    (Framed("Transfer-Encoding: chunked", ""), refused(400)),
    (Framed("Transfer-Encoding: chunked", "0\r\n\r\n"), refused(403)),
    (
        Framed(
            "Transfer-Encoding: chunked\r\nTrailer: Mandate-Total, Content-Length",
            "c\r\n{\"nights\":2}\r\n0\r\nMandate-Total: 0.01 EUR\r\nContent-Length: 1\r\nTransfer-Encoding: x\r\n\r\n",
        ),
        PASSED,
    ),
    (
        Framed("Transfer-Encoding: chunked", "c\r\n{\"nights\":2}\r\n0\r\nbad trailer\r\n\r\n"),
        refused(400),
    ),
    (Framed("Transfer-Encoding: identity", BODY), refused(400)),
    (Framed("Transfer-Encoding: gzip", BODY), refused(400)),
    (
        Framed("Transfer-Encoding: chunked, identity", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"),
        refused(400),
    ),
    (Framed("Transfer-Encoding: chunked;q=1", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: \"chunked\"", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding: \u{b}chunked", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer-Encoding:", BODY), refused(400)),
    (Framed("Transfer-Encoding : chunked", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (Framed("Transfer_Encoding: chunked", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(403)),
    (
        Framed("Transfer-Encoding: chunked, chunked", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"),
        refused(400),
    ),
    (
        Framed(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "c\r\n{\"nights\":2}\r\n0\r\n\r\n",
        ),
        refused(400),
    ),
    (Framed("Transfer-Encoding: gzip, chunked", "c\r\n{\"nights\":2}\r\n0\r\n\r\n"), refused(400)),
    (
        Framed(
            "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
            "c\r\n{\"nights\":2}\r\n0\r\n\r\n",
        ),
        refused(400),
    ),
    // Two lengths. The chunks count (RFC 9112, section 6.3), and the connection ends: see `pipelines`.
    (Framed("Content-Length: 12\r\nTransfer-Encoding: chunked", BODY), refused(400)),
    (
        Framed(
            "Content-Length: 22\r\nTransfer-Encoding: chunked",
            "c\r\n{\"nights\":2}\r\n0\r\n\r\n",
        ),
        PASSED,
    ),
    (
        Framed(
            "Transfer-Encoding: chunked\r\nContent-Length: 22",
            "c\r\n{\"nights\":2}\r\n0\r\n\r\n",
        ),
        PASSED,
    ),
    (Framed("Transfer-Encoding: chunked\r\nContent-Length: 12", BODY), refused(400)),
    (Framed("Transfer-Encoding: identity\r\nContent-Length: 12", BODY), refused(400)),
];

const LINES: &[(Odd, Came)] = &[
    (Line("X-Folded: a\r\n b"), refused(400)),
    (Line("X-Folded: a\r\n\tMandate-Payment: x"), refused(400)),
    (Swap("Mandate-Payment", "Mandate-Payment:\r\n {token}"), refused(400)),
    (Head("Content-Type: ", "Content-Type:\r\n "), refused(400)),
    (Line("X-A: 1\nX-B: 2"), PASSED),
    (Line("X-A: 1\nMandate-Payment: x"), refused(400)),
    (Line("X-A: 1\rMandate-Payment: x"), refused(400)),
    (Line("X-A: 1\r\r\nX-B: 2"), refused(400)),
    (Line("X-A: \0"), refused(400)),
    (Line("X-A\0: 1"), refused(400)),
    (Line("X-A: \u{7f}"), refused(400)),
    (Line("X-A: \u{e9}"), PASSED),
    (Line("X-A: \tb\t"), PASSED),
    (Line(": empty"), refused(400)),
    (Line("no colon"), refused(400)),
    (Line("X A: 1"), refused(400)),
    (Line("X-A : 1"), refused(400)),
    (Line("X-A\t: 1"), refused(400)),
    (Line(" X-A: 1"), refused(400)),
    (Line("X-\u{e9}: 1"), refused(400)),
    (Line("X(A): 1"), refused(400)),
    (Swap("Host", " Host: lux.example"), refused(400)),
    (Head("\r\n\r\n", "\n\n"), PASSED),
    (Head("POST /bookings HTTP/1.1\r\n", "\r\nPOST /bookings HTTP/1.1\r\n"), PASSED),
    (Head("POST /bookings HTTP/1.1\r\n", "\0POST /bookings HTTP/1.1\r\n"), refused(400)),
    (Head("POST /bookings HTTP/1.1\r\n", " POST /bookings HTTP/1.1\r\n"), refused(400)),
];

const MANDATES: &[(Odd, Came)] = &[
    (Line("Mandate-Payment: {token}"), refused(400)),
    (Line("mandate-payment: {token}"), refused(400)),
    (Line("Mandate-Payment:"), refused(400)),
    (Line("Mandate-Intent: {token}"), refused(400)),
    (Line("Mandate-Intent:"), refused(400)),
    (Line("Mandate_Payment: {token}"), PASSED),
    (Line("Mandate-Payment_: {token}"), PASSED),
    (Swap("Mandate-Payment", "Mandate-Payment: {token}, {token}"), refused(400)),
    (Swap("Mandate-Payment", "Mandate-Payment: {token},"), refused(400)),
    (Swap("Mandate-Payment", "Mandate-Payment: {token};a=b"), refused(400)),
    (Swap("Mandate-Payment", "Mandate-Payment: \"{token}\""), refused(400)),
    (Swap("Mandate-Payment", "Mandate-Payment: Bearer {token}"), refused(400)),
    (Swap("Mandate-Payment", "Mandate-Payment:{token}\t "), PASSED),
    (Swap("Mandate-Payment", "Mandate_Payment: {token}"), refused(401)),
    (Swap("Mandate-Payment", "Mandate-Payment : {token}"), refused(400)),
    (Swap("Mandate-Payment", "Mandate Payment: {token}"), refused(400)),
    (Swap("Mandate-Payment", "MANDATE-PAYMENT: {token}"), PASSED),
    (Line("Mandate-Principal: bob"), PASSED),
    (Line("MANDATE-TOTAL: 0.01 EUR\r\nmandate-total: 0.02 EUR"), PASSED),
    (Line("Mandate_Total: 0.01 EUR"), PASSED),
    (Line("mandate_agent: errands\r\nMandate-agent: errands"), PASSED),
    (Line("Mandate-Action: late_checkout\r\nMandate-Quantity: 1000"), PASSED),
    (Line("Mandate-Target: POST /admin"), PASSED),
    (Line("Mandate-Receipt: x\r\nMandate-Order: x"), PASSED),
    (Line("Idempotency-Key: mine"), PASSED),
    (Line("Idempotency_Key: mine"), PASSED),
];

const CONNECTIONS: &[(Odd, Came)] = &[
    (Line("Connection: Mandate-Payment"), PASSED),
    (Line("Connection: Mandate-Total, Mandate-Principal, Idempotency-Key"), PASSED),
    (Line("Connection: Content-Length"), PASSED),
    (Line("Connection: Content-Type"), PASSED),
    (Line("Connection: close, content-TYPE , Host"), PASSED),
    (Line("Connection: Host"), PASSED),
    (Line("Connection: close\r\nConnection: X-A\r\nX-A: 1"), PASSED),
    (Line("Connection: \u{e9}, X-A\r\nX-A: 1"), PASSED),
    (Line("Proxy-Connection: keep-alive\r\nKeep-Alive: timeout=9"), PASSED),
    (Line("Connection: Upgrade\r\nUpgrade: websocket"), PASSED),
    (
        Line(
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
        ),
        PASSED,
    ),
    (Line("HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"), PASSED),
    (Line("TE: trailers, deflate"), PASSED),
    (Line("Expect: 100-continue"), PASSED),
    (Line("Expect: 200-ok"), PASSED),
    (Line("Expect: 100-continue\r\nExpect: x"), PASSED),
    (Line("Proxy-Authorization: Basic eDp5"), PASSED),
    (Line("X-HTTP-Method-Override: DELETE"), PASSED),
    (Line("X_HTTP_Method_Override: DELETE"), PASSED),
    (Line("X-HTTP-Method: DELETE\r\nX-Method-Override: DELETE"), PASSED),
    (Line("X-Original-URL: /admin\r\nX-Rewrite-URL: /admin"), PASSED),
    (Line("Content_Type: text/plain"), PASSED),
    (Line("Content_Length: 1\r\nTransfer_Encoding: chunked"), PASSED),
    (Line("Content-Encoding: gzip"), refused(400)),
    (Line("Content-Encoding:"), refused(400)),
    (Line("Content_Encoding: gzip"), PASSED),
    (Line("Content-Type: application/json"), refused(400)),
    (Line("Content-Type:"), refused(400)),
    (Swap("Content-Type", "Content-Type: application/json\t"), PASSED),
    (Swap("Content-Type", "Content-Type: Application/JSON"), refused(403)),
    (Swap("Content-Type", "Content-Type: \u{e9}"), refused(400)),
    (Swap("Content-Type", ""), refused(403)),
    (Swap("Host", ""), PASSED),
    (Swap("Host", "Host:"), PASSED),
    (Swap("Host", "Host: other.example, lux.example"), PASSED),
    (Line("Host: other.example"), PASSED),
    (Line("X-Forwarded-Host: other.example\r\nForwarded: host=other.example"), PASSED),
];

const TARGETS: &[(Odd, Came)] = &[
    (Start("post /bookings HTTP/1.1"), refused(404)),
    (Start("Post /bookings HTTP/1.1"), refused(404)),
    (Start("PUT /bookings HTTP/1.1"), refused(404)),
    (Start("POSTX /bookings HTTP/1.1"), refused(404)),
    (Start("TRACE /bookings HTTP/1.1"), refused(404)),
    (Start("P(ST /bookings HTTP/1.1"), refused(400)),
    (Start("POST /%62ookings HTTP/1.1"), refused(404)),
    (Start("POST /%2562ookings HTTP/1.1"), refused(404)),
    (Start("POST /bookings%00 HTTP/1.1"), refused(404)),
    (Start("POST /bookings%3fx HTTP/1.1"), refused(404)),
    (Start("POST //bookings HTTP/1.1"), refused(404)),
    (Start("POST /./bookings HTTP/1.1"), refused(404)),
    (Start("POST /x/../bookings HTTP/1.1"), refused(404)),
    (Start("POST /bookings/ HTTP/1.1"), refused(404)),
    (Start("POST /bookings/. HTTP/1.1"), refused(404)),
    (Start("POST /bookings;a=b HTTP/1.1"), refused(404)),
    (Start("POST /;a/bookings HTTP/1.1"), refused(404)),
    (Start("POST \\bookings HTTP/1.1"), refused(400)),
    (Start("POST /\\bookings HTTP/1.1"), refused(404)),
    (Start("POST /BOOKINGS HTTP/1.1"), refused(404)),
    (Start("POST bookings HTTP/1.1"), refused(400)),
    (Start("POST http://lux.example/bookings HTTP/1.1"), refused(400)),
    (Start("POST http://other.example/bookings HTTP/1.1"), refused(400)),
    (Start("POST HTTP://lux.example/bookings HTTP/1.1"), refused(400)),
    (Start("POST https:/bookings HTTP/1.1"), refused(400)),
    (Start("POST //other.example/bookings HTTP/1.1"), refused(404)),
    (Start("POST lux.example:443 HTTP/1.1"), refused(400)),
    (Start("POST user@lux.example HTTP/1.1"), refused(400)),
    (Start("CONNECT lux.example:443 HTTP/1.1"), refused(400)),
    (Start("POST * HTTP/1.1"), refused(400)),
    (Start("OPTIONS * HTTP/1.1"), refused(400)),
    // What is behind a `#` is never part of a target; the call is the one without it.
    (Start("POST /bookings#x HTTP/1.1"), PASSED),
    (Start("POST /bookings?#x HTTP/1.1"), refused(403)),
    (Start("POST /bookings? HTTP/1.1"), refused(403)),
    (Start("POST /bookings?_method=DELETE HTTP/1.1"), refused(403)),
    (Start("POST /bookings\u{e9} HTTP/1.1"), refused(400)),
    (Start("POST /b\u{14d}okings HTTP/1.1"), refused(404)),
    (Start("POST /bookings?\u{14d} HTTP/1.1"), refused(403)),
    (Start("POST /bookings\t HTTP/1.1"), refused(400)),
    (Start("POST  /bookings HTTP/1.1"), refused(400)),
    (Start("POST /bookings  HTTP/1.1"), refused(400)),
    (Start("POST /bookings x HTTP/1.1"), refused(400)),
    (Start("POST /bookings HTTP/1.1 "), refused(400)),
    (Start("POST\t/bookings\tHTTP/1.1"), refused(400)),
    (Start("POST /bookings HTTP/1.0"), PASSED),
    (Start("POST /bookings HTTP/1.2"), refused(400)),
    (Start("POST /bookings HTTP/2.0"), refused(400)),
    (Start("POST /bookings HTTP/0.9"), refused(400)),
    (Start("POST /bookings http/1.1"), refused(400)),
    (Start("POST /bookings HTTPS/1.1"), refused(400)),
    (Start("POST /bookings"), refused(400)),
    (Start("GET /bookings"), refused(400)),
    (Start("PRI * HTTP/2.0"), refused(400)),
];

fn booking() -> Call {
    Call::json("POST", "/bookings", BODY)
}

async fn each(cases: &[(Odd, Came)]) {
    let street = Street::open().await;
    let mut wrong = Vec::new();
    for (odd, expected) in cases {
        let (bound, token) = street.paid(booking()).await;
        let sent = odd.apply(&token);
        let (came, answers) = street.send(&bound, &sent).await;
        if came != Ok(*expected) {
            let reason = answers.first().and_then(mandate_tests::gateway::Answered::reason);
            let sent = String::from_utf8_lossy(&sent).replace(&token, "{token}");
            wrong.push(format!("{came:?} {reason:?}, not {expected:?}\n{sent:?}"));
        }
    }
    street.close().await;
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[tokio::test]
async fn lengths() {
    each(LENGTHS).await;
}

#[tokio::test]
async fn chunks() {
    each(CHUNKS).await;
}

#[tokio::test]
async fn lines() {
    each(LINES).await;
}

#[tokio::test]
async fn mandates() {
    each(MANDATES).await;
}

#[tokio::test]
async fn connections() {
    each(CONNECTIONS).await;
}

#[tokio::test]
async fn targets() {
    each(TARGETS).await;
}
