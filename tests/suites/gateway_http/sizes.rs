//! Requests that are too large, and those that are just not.

use mandate_gateway::BODY_BYTES_MAX;
use mandate_tests::gateway::Call;

use crate::bound::{Bound, Came};
use crate::street::Street;

/// A free call, to be made larger.
struct Large {
    bound: Bound,
    head: String,
    body: Vec<u8>,
}

fn checking_in(street: &Street, query: &str, body: Vec<u8>) -> Large {
    let target = format!("/check-ins{query}");
    let call = Call { body: body.clone().into(), ..Call::bare("POST", &target) };
    let (bound, token) = street.free("check_in", call);
    let head =
        format!("POST {target} HTTP/1.1\r\nHost: lux.example\r\nMandate-Intent: {token}\r\n");
    Large { bound, head, body }
}

async fn came(street: &Street, Large { bound, head, body }: Large, framing: &str) -> Came {
    let mut sent = format!("{head}{framing}\r\n\r\n").into_bytes();
    sent.extend_from_slice(&body);
    let (came, answers) = street.send(&bound, &sent).await;
    let sent = &sent[..sent.len().min(1_000)];
    came.unwrap_or_else(|found| panic!("{found}\n{}\n{answers:?}", String::from_utf8_lossy(sent)))
}

#[tokio::test]
async fn a_body_is_as_large_as_it_may_be_or_refused() {
    let street = Street::open_with(|limits| mandate_gateway::Limits {
        client_timeout: std::time::Duration::from_secs(15),
        ..limits
    })
    .await;
    for (bytes, expected) in [
        (BODY_BYTES_MAX, Came::PassedOn),
        (BODY_BYTES_MAX + 1, Came::Refused(Some(400))),
        (4 * BODY_BYTES_MAX, Came::Refused(Some(400))),
    ] {
        let large = checking_in(&street, "", vec![b'x'; bytes]);
        assert_eq!(came(&street, large, &format!("Content-Length: {bytes}")).await, expected);
        let large = checking_in(&street, "", vec![b'x'; bytes]);
        let mut chunked = Vec::new();
        for chunk in large.body.chunks(65_536) {
            chunked.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            chunked.extend_from_slice(chunk);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        let large = Large { body: chunked, ..large };
        assert_eq!(came(&street, large, "Transfer-Encoding: chunked").await, expected);
    }
    street.close().await;
}

#[tokio::test]
async fn a_head_is_as_large_as_it_may_be_or_refused() {
    let street = Street::open().await;
    let length = "Content-Length: 1";
    let body = || b"x".to_vec();
    for (bytes, expected) in [
        (60_000, Came::PassedOn),
        (66_000, Came::Refused(Some(431))),
        (1_000_000, Came::Refused(Some(431))),
    ] {
        let lines = format!("X-Long: {}\r\n{length}", "x".repeat(bytes));
        assert_eq!(
            came(&street, checking_in(&street, "", body()), &lines).await,
            expected,
            "{bytes}"
        );
    }
    // Three of its own.
    for (count, expected) in [(97, Came::PassedOn), (98, Came::Refused(Some(431)))] {
        let lines = "X-Many: 1\r\n".repeat(count) + length;
        assert_eq!(
            came(&street, checking_in(&street, "", body()), &lines).await,
            expected,
            "{count}"
        );
    }
    for (bytes, expected) in [
        (60_000, Came::PassedOn),
        (65_600, Came::Refused(Some(431))),
        (500_000, Came::Refused(Some(431))),
    ] {
        let query = format!("?{}", "x".repeat(bytes));
        // The journal and the digest take it as it is.
        let large = match expected {
            Came::PassedOn => checking_in(&street, &query, body()),
            Came::Refused(_) => {
                let large = checking_in(&street, "", body());
                let head = large.head.replacen("/check-ins", &format!("/check-ins{query}"), 1);
                Large { head, ..large }
            }
        };
        assert_eq!(came(&street, large, length).await, expected, "{bytes}");
    }
    street.close().await;
}
