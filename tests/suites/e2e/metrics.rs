//! The wallet's figures: read strictly, and held against what was called.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::{Agent, Figures, Home, LUX, denied};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tonic::transport::Channel;

const CAPS: &str = "[[cap]]\nper = \"lifetime\"\nspend = \"500.00 EUR\"\n";
/// Where Prometheus may read the figures, at a port that is free.
const ANYWHERE: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
const DECISIONS: &str = "mandate_wallet_decisions_total";

/// The text on the principal's socket.
async fn text(home: &Home) -> String {
    let stream = UnixStream::connect(home.paths.control_socket()).await.unwrap();
    let (mut asked, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get("http://localhost/metrics").body(Empty::<Bytes>::new()).unwrap();
    let answer = asked.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    connection.abort();
    String::from_utf8(body.to_vec()).unwrap()
}

async fn figures(home: &Home) -> Figures {
    Figures::read(&text(home).await)
}

fn decision(call: &str, agent: &str, outcome: &str, reason: &str) -> String {
    format!(
        "{DECISIONS}{{call=\"{call}\",agent=\"{agent}\",outcome=\"{outcome}\",reason=\"{reason}\"}}"
    )
}

#[tokio::test]
async fn one_call_moves_exactly_one_series() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    let granted = |call: &str| decision(call, "travel", "granted", "none");
    let denial = |call: &str, reason: &str| decision(call, "travel", "denied", reason);
    let mut before = figures(&home).await;
    let mut moved = async |expected: String| {
        let now = figures(&home).await;
        assert_eq!(now.grew(&before, DECISIONS), [(expected.as_str(), 1.0)]);
        let old = before.clone();
        before = now.clone();
        (old, now)
    };

    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let (old, now) = moved(granted("MintIntent")).await;
    let grown = |series: &str| now.of(series) - old.of(series);
    assert!(grown("mandate_wallet_commit_seconds_count") >= 1.0);
    let entries = now.of("mandate_wallet_ledger_entries") - old.of("mandate_wallet_ledger_entries");
    assert!(entries >= 1.0 && entries == grown("mandate_wallet_commit_entries_sum"), "{entries}");
    let mints = "mandate_wallet_mint_seconds_count{call=\"MintIntent\"}";
    assert_eq!((old.of(mints), now.of(mints)), (0.0, 1.0));

    let cart = agent.cart(&intent, "100.00 EUR", |_| ());
    agent.pay(&cart).await.unwrap();
    let (old, now) = moved(granted("MintPayment")).await;
    let holds = "mandate_wallet_holds";
    assert_eq!((old.of(holds), now.of(holds)), (0.0, 1.0));

    let mut other = Agent::book_room();
    other.action_sku = "book_castle".to_owned();
    agent.intent(other).await.unwrap_err();
    moved(denial("MintIntent", "ACTION_NOT_ALLOWED")).await;
    agent.pay_text("no cart").await.unwrap_err();
    moved(denial("MintPayment", "CART_MALFORMED")).await;
    agent.spent().await;
    moved(granted("GetBudget")).await;
    agent.wallet.get_principal(v1::GetPrincipalRequest {}).await.unwrap();
    moved(granted("GetPrincipal")).await;

    control.freeze(v1::FreezeRequest::default()).await.unwrap();
    agent.intent(Agent::book_room()).await.unwrap_err();
    let (old, now) = moved(denial("MintIntent", "FROZEN")).await;
    let frozen = "mandate_wallet_frozen";
    assert_eq!((old.of(frozen), now.of(frozen)), (0.0, 1.0));
    control.thaw(v1::ThawRequest::default()).await.unwrap();
    control.lock(v1::LockRequest {}).await.unwrap();
    agent.intent(Agent::book_room()).await.unwrap_err();
    let (_, now) = moved(denial("MintIntent", "KEY_UNAVAILABLE")).await;
    let state = ["frozen", "locked", "key_present", "clock_untrusted", "ledger_unsafe"];
    let state = state.map(|name| now.of(&format!("mandate_wallet_{name}")));
    assert_eq!(state, [0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(now.of("mandate_wallet_calls_in_flight{agent=\"travel\"}"), 0.0);
    assert_eq!(now.of("mandate_wallet_connections{socket=\"wallet\"}"), 1.0);
    daemon.stop().await;
}

#[tokio::test]
async fn a_scope_is_counted_and_neither_merchants_nor_amounts_are_told() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    agent.book("123.45 EUR").await.unwrap();
    let merchant = v1::Scope { scope: Some(v1::scope::Scope::MerchantId(LUX.to_owned())) };
    let ask = v1::FreezeRequest { scope: Some(merchant), ..v1::FreezeRequest::default() };
    control.freeze(ask).await.unwrap();
    let text = text(&home).await;
    let figures = Figures::read(&text);
    assert_eq!(figures.of("mandate_wallet_freezes{scope=\"merchant\"}"), 1.0);
    assert_eq!(figures.of("mandate_wallet_freezes{scope=\"agent\"}"), 0.0);
    for told in [LUX, "123.45", "12345", "EUR", "book_room", "did:key"] {
        assert!(!text.contains(told), "{told} in {text}");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_thousand_unknown_names_make_no_new_series() {
    let Some(home) = Home::new() else { return };
    let limits = "[limits]\nrequests_per_s = 1000000\nburst = 1000000\n";
    home.write(&home.toml(&format!("{CAPS}{limits}")));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    for number in 0..1_000 {
        let ask = v1::MintIntentRequest {
            merchant_id: format!("merchant-{number}"),
            action_sku: format!("action-{number}"),
            purpose: format!("purpose {number}"),
            idempotency_key: format!("key-{number}"),
            ..v1::MintIntentRequest::default()
        };
        agent.wallet.mint_intent(ask).await.unwrap_err();
    }
    let told = figures(&home).await;
    assert_eq!(
        told.of(&decision("MintIntent", "travel", "denied", "MERCHANT_NOT_ALLOWED")),
        1_000.0
    );
    // For each call and both agents that it was granted; and the one reason.
    assert_eq!(told.beginning(DECISIONS).len(), 5 * 2 + 1);

    // The uid that calls is no longer listed: whoever is not shares one name.
    let other = home.toml(CAPS).replace(&format!("uid = {}", home.uid()), "uid = 4242");
    home.write(&other);
    home.control().await.reload(v1::ReloadRequest {}).await.unwrap();
    let refused = denied(agent.intent(Agent::book_room()).await);
    assert_eq!(refused.reason, "AGENT_UNKNOWN");
    let now = figures(&home).await;
    let unlisted = decision("MintIntent", "UNLISTED", "denied", "AGENT_UNKNOWN");
    assert_eq!(now.grew(&told, DECISIONS), [(unlisted.as_str(), 1.0)]);
    daemon.stop().await;
}

#[tokio::test]
async fn calls_over_the_limit_are_counted_each() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(&format!("{CAPS}[limits]\nrequests_per_s = 1\nburst = 2\n")));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let mut refused = 0.0;
    for _ in 0..20 {
        if agent.intent(Agent::book_room()).await.is_err() {
            refused += 1.0;
        }
    }
    assert!(refused >= 1.0);
    let limited = decision("MintIntent", "travel", "denied", "RATE_LIMITED");
    assert_eq!(figures(&home).await.of(&limited), refused);
    daemon.stop().await;
}

async fn status(control: &mut ControlClient<Channel>) -> v1::GetStatusResponse {
    control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner()
}

/// What a Prometheus gets at an address.
async fn scraped(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_reload_turns_the_address_on_moves_it_and_turns_it_off() {
    let Some(home) = Home::new() else { return };
    let with = |metrics: &str| home.toml(&format!("{CAPS}{metrics}"));
    home.write(&with(""));
    let daemon = home.start().await;
    let mut control = home.control().await;
    let mut reload = async |metrics: &str| {
        home.write(&with(metrics));
        control.reload(v1::ReloadRequest {}).await.unwrap();
        status(&mut control).await
    };
    assert_eq!(reload("").await.metrics_address, "");
    let address: SocketAddr = reload(ANYWHERE).await.metrics_address.parse().unwrap();
    let answer = scraped(address, "/metrics").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(Figures::read(body).of("mandate_wallet_config_reload_success"), 1.0);
    let health = scraped(address, "/healthz").await;
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    let told = r#"{"serving":true,"conditions":[{"name":"clock","well":true},{"name":"config","well":true},"#;
    assert!(health.contains(told), "{health}");

    // A port that is taken is a problem that is told, and nothing ends.
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = other.local_addr().unwrap();
    let told = reload(&format!("[metrics]\nlisten = \"{taken}\"\n")).await;
    assert_eq!(told.metrics_address, "");
    assert!(told.metrics_problem.starts_with(&format!("cannot listen on {taken}: ")), "{told:?}");
    assert!(TcpStream::connect(address).await.is_err(), "the old address is given up");
    let mut agent = home.agent().await;
    agent.intent(Agent::book_room()).await.unwrap();

    let told = reload("").await;
    assert_eq!((told.metrics_address.as_str(), told.metrics_problem.as_str()), ("", ""));
    daemon.stop().await;
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused_and_the_last_file_stays() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut control = home.control().await;
    let before = figures(&home).await;
    home.write(&home.toml(&format!("{CAPS}[metrics]\nlisten = \"0.0.0.0:9464\"\n")));
    let refused = denied(control.reload(v1::ReloadRequest {}).await);
    let told = "metrics.listen: can be reached from other machines, and whoever reaches it reads the figures; \
         listen on this machine alone (did you mean \"127.0.0.1:9464\"?)";
    assert!(refused.message.contains(told), "{}", refused.message);
    let now = figures(&home).await;
    assert_eq!(now.of("mandate_wallet_config_reload_success"), 0.0);
    let loaded = "mandate_wallet_config_loaded_timestamp_seconds";
    assert_eq!(now.of(loaded), before.of(loaded));
    daemon.stop().await;
}

#[tokio::test]
async fn broken_clients_of_the_address_hold_up_neither_others_nor_the_wallet() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(&format!("{CAPS}{ANYWHERE}")));
    let daemon = home.start().await;
    let address = status(&mut home.control().await).await.metrics_address.parse().unwrap();
    let mut broken = Vec::new();
    for number in 0..64 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let begun: &[u8] = match number % 4 {
            0 => b"",
            1 => b"GET /metrics HTTP/1.1\r\nHost: 127",
            2 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            _ => b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        };
        // It may have been cut off already.
        stream.write_all(begun).await.ok();
        broken.push(stream);
    }
    let answer = scraped(address, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    home.agent().await.intent(Agent::book_room()).await.unwrap();
    daemon.stop().await;
}
