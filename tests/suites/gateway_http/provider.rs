//! A provider's mistakes over TCP: the agent is told a stable reason, nothing is signed that was not said, and what may
//! have been executed stays reserved.

use mandate_tests::gateway::{Answered, Ask, Call, SaleState, check_entries};
use tokio::net::TcpListener;

use crate::fill::payer;
use crate::front::Front;
use crate::street::Street;
use crate::wire;

const LINE: &str = r#"{"title":"Room","quantity":1,"amount":18000}"#;

fn booking() -> Call {
    Call::json("POST", "/bookings", r#"{"nights":2}"#)
}

fn request(header: &str, token: &str) -> Vec<u8> {
    format!("POST /bookings HTTP/1.1\r\nHost: lux.example\r\nContent-Type: application/json\r\n{header}: {token}\r\nContent-Length: 12\r\n\r\n{{\"nights\":2}}").into_bytes()
}

/// An answer that says how long its body is.
fn answered(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into()
}

fn quotes() -> Vec<(&'static str, Vec<u8>)> {
    let quote = |currency: &str, lines: &str, more: &str| {
        answered("200 OK", &format!(r#"{{"currency":{currency},"line_items":[{lines}]{more}}}"#))
    };
    let long = format!(r#"{{"title":"{}","quantity":1,"amount":1}}"#, "x".repeat(70_000));
    let many = vec![LINE; 33].join(",");
    let chunk = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    vec![
        ("a fraction", quote("\"EUR\"", r#"{"title":"Room","quantity":1,"amount":180.0}"#, "")),
        ("an exponent", quote("\"EUR\"", r#"{"title":"Room","quantity":1,"amount":18e3}"#, "")),
        (
            "an amount in words",
            quote("\"EUR\"", r#"{"title":"Room","quantity":1,"amount":"180.00"}"#, ""),
        ),
        ("a negative line", quote("\"EUR\"", r#"{"title":"Room","quantity":1,"amount":-1}"#, "")),
        ("a currency that is none", quote("\"EUX\"", LINE, "")),
        ("a currency in small letters", quote("\"eur\"", LINE, "")),
        ("no currency", quote("null", LINE, "")),
        ("lines that are not its total", quote("\"EUR\"", LINE, r#","total":17999"#)),
        ("two totals", quote("\"EUR\"", LINE, r#","total":18000,"total":18000"#)),
        ("too many lines", quote("\"EUR\"", &many, "")),
        ("more than it may be long", quote("\"EUR\"", &long, "")),
        ("nothing", answered("200 OK", "")),
        ("a page", answered("200 OK", "<html>")),
        ("no such route", answered("404 Not Found", "{}")),
        ("no content", b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec()),
        (
            "another place",
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /q\r\ncontent-length: 0\r\n\r\n"
                .to_vec(),
        ),
        ("half a head", b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        ("half a body", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"currency\":".to_vec()),
        ("half a chunk", format!("{chunk}ff\r\n{{\"currency\":").into_bytes()),
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}".to_vec(),
        ),
        ("no HTTP", b"hello\r\n\r\n".to_vec()),
        ("not a byte", Vec::new()),
    ]
}

#[tokio::test]
async fn of_a_price_that_is_none_no_cart_is_made() {
    let street = Street::open().await;
    let shop = &street.front.shop;
    let mut wrong = Vec::new();
    for (what, answer) in quotes() {
        let intent = street.ada.intent(shop.merchant(), &Ask::one("book_room"), shop.clock.now());
        let before = shop.entries().len();
        street.api.script([answer]);
        let answers =
            wire::exchange(street.front.address, &request("Mandate-Intent", intent.as_str())).await;
        let told: Vec<_> = answers.iter().map(|answer| (answer.status, answer.reason())).collect();
        let heard = street.api.take().await.len();
        if told != [(502, Some("upstream_failed".to_owned()))]
            || heard != 1
            || shop.entries().len() != before
        {
            wrong.push(format!("{what}: {told:?}, {heard} heard"));
        }
        // The same intent is quoted once the API has found its words.
        street.api.script([answered(
            "200 OK",
            &format!(r#"{{"currency":"EUR","line_items":[{LINE}],"total":18000}}"#),
        )]);
        let answers =
            wire::exchange(street.front.address, &request("Mandate-Intent", intent.as_str())).await;
        assert!(answers[0].cart(&shop.keys).is_some(), "{what}: {answers:?}");
        street.api.take().await;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    street.close().await;
}

/// Status and reason for the agent, and the state in the book.
type Became = (u16, Option<&'static str>, SaleState);

fn calls() -> Vec<(&'static str, Vec<u8>, Became)> {
    use SaleState::{Executed, Reserved, Void};
    let unknown = (502, Some("upstream_failed"), Reserved);
    let ok = "HTTP/1.1 200 OK\r\n";
    vec![
        ("no body", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec(), (200, None, Executed)),
        ("no length", format!("{ok}\r\n{{}}").into(), (200, None, Executed)),
        ("no content", b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec(), (204, None, Executed)),
        ("an interim answer first", [b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec(), answered("201 Created", "{}")].concat(), (201, None, Executed)),
        ("a receipt of its own", format!("{ok}mandate-receipt: x\r\nmandate-order: A-1\r\nconnection: close, mandate-receipt\r\ncontent-length: 0\r\n\r\n").into(), (200, None, Executed)),
        ("an order that is no text", [ok.as_bytes(), b"mandate-order: \xff\r\ncontent-length: 0\r\n\r\n"].concat(), (200, None, Executed)),
        ("two answers", [answered("200 OK", "{}"), answered("500 No", "{}")].concat(), (200, None, Executed)),
        ("refused", answered("422 No", "{}"), (422, None, Void)),
        ("conflict", answered("409 Conflict", "{}"), unknown),
        ("too many", answered("429 Slow", "{}"), unknown),
        ("its own fault", answered("500 No", "{}"), unknown),
        ("another place", b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n".to_vec(), unknown),
        ("another protocol", b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n".to_vec(), unknown),
        ("half a head", format!("{ok}content-le").into(), unknown),
        ("two lengths", format!("{ok}content-length: 1\r\ncontent-length: 2\r\n\r\n{{}}").into(), unknown),
        ("a head without an end", format!("{ok}x: {}", "x".repeat(1_000_000)).into(), unknown),
        ("no HTTP", b"hello\r\n\r\n".to_vec(), unknown),
        ("a status that is none", b"HTTP/1.1 99 No\r\ncontent-length: 0\r\n\r\n".to_vec(), unknown),
        ("not a byte", Vec::new(), unknown),
    ]
}

#[tokio::test]
async fn what_may_have_been_executed_is_not_forgotten() {
    let street = Street::open().await;
    let shop = &street.front.shop;
    let mut wrong = Vec::new();
    for (what, answer, (status, reason, state)) in calls() {
        let payment = shop.pay(&street.ada, &Ask::one("book_room"), &booking()).await;
        street.api.script([answer]);
        let answers =
            wire::exchange(street.front.address, &request("Mandate-Payment", payment.as_str()))
                .await;
        let told: Vec<_> = answers.iter().map(|answer| (answer.status, answer.reason())).collect();
        let receipt = answers.first().and_then(|answer| answer.receipt(&shop.keys));
        let key = payment.hash().to_string();
        let found = check_entries(&shop.entries(), shop.merchant())[&key].state;
        let is_right = told == [(status, reason.map(str::to_owned))]
            && found == state
            && receipt.is_some() == (state != SaleState::Reserved)
            && street.api.take().await.len() == 1;
        if !is_right {
            wrong.push(format!("{what}: {answers:?}, {found:?}"));
        }
        // What is reserved ends with the next answer that decides.
        let answers =
            wire::exchange(street.front.address, &request("Mandate-Payment", payment.as_str()))
                .await;
        assert_eq!(answers[0].status, 200, "{what}: {answers:?}");
        assert!(answers[0].receipt(&shop.keys).is_some(), "{what}");
        street.api.take().await;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    street.close().await;
}

/// A body that breaks off belongs to an answer that decided: whoever did not get the receipt asks again.
#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let street = Street::open().await;
    let shop = &street.front.shop;
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let payment = shop.pay(&street.ada, &Ask::one("book_room"), &booking()).await;
        let sent = request("Mandate-Payment", payment.as_str());
        street.api.script([answer.into()]);
        let answers = wire::exchange(street.front.address, &sent).await;
        // It may break off before anything of it was passed on.
        let first = answers.first();
        assert!(
            first.is_none_or(|first| first.status == 200 && !first.whole),
            "{answer:?}: {first:?}"
        );
        let again = wire::exchange(street.front.address, &sent).await;
        let receipt = |answered: &Answered| {
            answered.receipt(&shop.keys).map(|receipt| receipt.as_str().to_owned())
        };
        let receipts: Vec<_> = answers.iter().chain(&again).map(receipt).collect();
        assert!(receipts.iter().all(|one| one.is_some() && *one == receipts[0]), "{answer:?}");
        assert_eq!((again[0].status, street.api.take().await.len()), (200, 1), "{answer:?}");
    }
    street.close().await;
}

#[tokio::test]
async fn nobody_is_there() {
    // A port that was just given back: whoever connects is refused.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (home, ada) = (mandate_tests::gateway::GatewayHome::new(), payer("ada"));
    let front = Front::open(&home, home.settings([&ada]), gone).await;
    let shop = &front.shop;
    let intent = ada.intent(shop.merchant(), &Ask::one("book_room"), shop.clock.now());
    let payment = shop.pay(&ada, &Ask::one("book_room"), &booking()).await;
    let before = shop.entries().len();
    for (header, token) in
        [("Mandate-Intent", intent.as_str()), ("Mandate-Payment", payment.as_str())]
    {
        let answers = wire::exchange(front.address, &request(header, token)).await;
        let told: Vec<_> = answers.iter().map(|answer| (answer.status, answer.reason())).collect();
        assert_eq!(told, [(502, Some("upstream_failed".to_owned()))], "{header}");
    }
    // The one entry is the use.
    assert_eq!(shop.entries().len(), before + 1);
    assert_eq!(shop.reserved(), [payment.hash().to_string()].into());
    front.close().await;
}
