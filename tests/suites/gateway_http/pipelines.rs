//! Several requests on one connection: each is judged by itself, and no body becomes one.

use mandate_tests::gateway::Call;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bound::{Bound, Came};
use crate::street::Street;
use crate::wire;

fn request(call: &Call, token: &str, framing: &str) -> String {
    let body = std::str::from_utf8(&call.body).unwrap();
    let Call { method, target, .. } = call;
    format!(
        "{method} {target} HTTP/1.1\r\nHost: lux.example\r\nMandate-Intent: {token}\r\n{framing}\r\n\r\n{body}"
    )
}

fn check_in(body: &str) -> Call {
    let body = body.to_owned().into();
    Call { body, ..Call::bare("POST", "/check-ins") }
}

fn sized(call: &Call, token: &str) -> String {
    request(call, token, &format!("Content-Length: {}", call.body.len()))
}

#[tokio::test]
async fn a_request_in_a_body_is_a_body() {
    let street = Street::open().await;
    let inner = check_in("inner");
    let (_, inner_token) = street.free("check_in", inner.clone());
    let outer = check_in(&sized(&inner, &inner_token));
    let (bound, token) = street.free("check_in", outer.clone());
    let (came, answers) = street.send(&bound, sized(&outer, &token).as_bytes()).await;
    assert_eq!((came, answers.len()), (Ok(Came::PassedOn), 1), "{answers:?}");
    street.close().await;
}

/// Each is passed on as it is, in order.
#[tokio::test]
async fn requests_one_after_the_other_are_calls_of_their_own() {
    let street = Street::open().await;
    let mut sent = String::new();
    let mut all: Vec<Bound> = Vec::new();
    for at in 0..5 {
        let call = check_in(&"x".repeat(at));
        let (bound, token) = street.free("check_in", call.clone());
        sent.push_str(&sized(&call, &token));
        all.push(bound);
    }
    let (mut from, mut to) = TcpStream::connect(street.front.address).await.unwrap().into_split();
    to.write_all(sent.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    while wire::answers(&read).len() < all.len() {
        assert!(wire::read_some(&mut from, &mut read).await, "{sent}");
    }
    let mut streams = street.api.take().await;
    for bound in &all {
        let answers = wire::answers(&read);
        let stream = streams.remove(0);
        assert_eq!(bound.check(&[stream], &answers), Ok(Came::PassedOn), "{sent}");
    }
    assert!(streams.is_empty());
    drop(to);
    street.close().await;
}

/// Whoever is in front of the gateway and goes by the other length takes the rest for a body: it must not become the
/// beginning of somebody else's request (RFC 9112, section 6.1).
#[tokio::test]
async fn nothing_after_two_lengths_is_a_request() {
    let street = Street::open().await;
    let first = check_in("first");
    for framing in [
        "Content-Length: {length}\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: {length}",
    ] {
        let (bound, token) = street.free("check_in", first.clone());
        let (_, second_token) = street.free("check_in", check_in("second"));
        let second = sized(&check_in("second"), &second_token);
        let body = format!("5\r\nfirst\r\n0\r\n\r\n{second}");
        let framing = framing.replace("{length}", &body.len().to_string());
        let sent = request(&Call { body: body.into(), ..first.clone() }, &token, &framing);
        let answers = wire::listen(street.front.address, sent.as_bytes()).await;
        let came = bound.check(&street.api.take().await, &answers);
        assert_eq!((came, answers.len()), (Ok(Came::PassedOn), 1), "{sent}\n{answers:?}");
    }
    street.close().await;
}
