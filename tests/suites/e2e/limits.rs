//! What one agent may do at a time, and that it cannot take it from the principal.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use mandate_ledger::event;
use mandate_proto::v1;
use mandate_tests::{Agent, Home, denied};
use tonic::Code;

const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

#[tokio::test]
async fn calls_over_the_limit_are_one_entry() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(&format!("[limits]\nrequests_per_s = 1\nburst = 1\n{CAPS}")));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    agent.intent(Agent::book_room()).await.unwrap();
    let mut refused = 0;
    for _ in 0..40 {
        if let Err(status) = agent.intent(Agent::book_room()).await {
            assert_eq!(denied(Err::<(), _>(status)).reason, "RATE_LIMITED");
            refused += 1;
        }
    }
    assert!(refused > 30);
    // The principal is not held up by its agent.
    home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    daemon.stop().await;
    let ledger = mandate_ledger::StoppedLedger::open(home.paths.state_dir()).unwrap();
    let mut calls = 0;
    for bytes in ledger.entries(0, 256).unwrap() {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(!text.contains(r#""kind":"denial""#), "{text}");
        let entry = mandate_journal::Entry::parse(&bytes).unwrap();
        if let Ok(event::Event::RateLimited(event)) = event::Event::parse(&entry) {
            calls += event.calls;
        }
    }
    assert_eq!(calls, refused);
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_before_it_is_read() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let ask = v1::MintPaymentRequest { cart: "x".repeat(1 << 20), approval_wait: None };
    let refused = agent.wallet.mint_payment(ask).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused:?}");
    agent.intent(Agent::book_room()).await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn silent_connections_hold_up_nobody_and_are_counted() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let silent: Vec<UnixStream> = (0..32)
        .map(|_| {
            let mut stream = UnixStream::connect(home.paths.wallet_socket()).unwrap();
            // Half a preface, and then nothing.
            stream.write_all(b"PRI * HTTP/2.0\r\n").unwrap();
            stream
        })
        .collect();
    home.agent().await.intent(Agent::book_room()).await.unwrap();
    drop(silent);
    daemon.stop().await;
}
