//! The gateway's figures and its health: at the operator's door, over TCP, and held against what was called.

use mandate_gateway::door::Status;
use mandate_host::metrics::Observed as _;
use mandate_tests::Figures;
use mandate_tests::gateway::{Ask, Call, GatewayHome, Payer, Reaction};
use tokio::net::{TcpListener, TcpStream};

use crate::deployed::{Deployed, asked, toml};

const DECISIONS: &str = "mandate_gateway_decisions_total";

fn decision(action: &str, outcome: &str, reason: &str) -> String {
    format!("{DECISIONS}{{action=\"{action}\",outcome=\"{outcome}\",reason=\"{reason}\"}}")
}

#[tokio::test]
async fn one_call_moves_exactly_one_series() {
    let home = GatewayHome::new();
    let payer = Payer::new([7; 32]);
    let shop = home.open(home.settings([&payer])).await;
    let figures = async || Figures::read(&shop.gateway.page().await.text());
    let mut before = figures().await;
    let mut moved = async |expected: String| {
        let now = figures().await;
        assert_eq!(now.grew(&before, DECISIONS), [(expected.as_str(), 1.0)]);
        let old = before.clone();
        before = now.clone();
        (old, now)
    };
    let call = Call::json("POST", "/bookings", r#"{"nights":2}"#);
    let intent = payer.intent(shop.merchant(), &Ask::one("book_room"), shop.clock.now());
    let quoted = shop.send_intent(&call, &intent).await;
    let cart = quoted.cart(&shop.keys).unwrap();
    let (old, now) = moved(decision("book_room", "priced", "payment_required")).await;
    let commits = "mandate_gateway_commit_seconds_count";
    assert!(now.of(commits) > old.of(commits));

    shop.api.script([Reaction::executed("A-1")]);
    let payment = payer.pay(&cart, shop.clock.now());
    shop.send_payment(&call, &payment).await.receipt(&shop.keys).unwrap();
    let (old, now) = moved(decision("book_room", "granted", "none")).await;
    let took = "mandate_gateway_call_seconds_count";
    assert_eq!(now.of(took) - old.of(took), 1.0);
    assert_eq!(now.of("mandate_gateway_calls_in_flight{action=\"book_room\"}"), 0.0);

    let bare = call.with("mandate-intent", "no.mandate.");
    shop.send(bare).await;
    moved(decision("book_room", "refused", "malformed")).await;
    let nowhere = Call::json("POST", "/nowhere", "{}").with("mandate-intent", intent.as_str());
    shop.send(nowhere).await;
    moved(decision("UNLISTED", "refused", "route_unknown")).await;
}

#[tokio::test]
async fn a_thousand_unknown_routes_make_no_new_series() {
    let home = GatewayHome::new();
    let shop = home.open(home.settings([])).await;
    let before = Figures::read(&shop.gateway.page().await.text());
    for number in 0..1_000 {
        let call = Call::json("POST", &format!("/nowhere/{number}"), "{}");
        shop.send(call.with("mandate-intent", &format!("x{number}"))).await;
    }
    let text = shop.gateway.page().await.text();
    let now = Figures::read(&text);
    let unlisted = decision("UNLISTED", "refused", "route_unknown");
    assert_eq!(now.grew(&before, DECISIONS), [(unlisted.as_str(), 1_000.0)]);
    assert_eq!(now.beginning(DECISIONS).len(), before.beginning(DECISIONS).len() + 1);
    assert!(!text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn the_door_and_the_address_tell_the_same_and_a_reload_moves_the_address() {
    let on = "[metrics]\nlisten = \"127.0.0.1:0\"\n";
    let Some(gateway) = Deployed::start(on).await else { return };
    let address = gateway.status().await.metrics_address.unwrap();
    let (head, body) = asked(TcpStream::connect(address).await.unwrap(), "/metrics").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let told = Figures::read(&body);
    let (_, body) = gateway.door("/metrics").await;
    let at_the_door = Figures::read(&body);
    for name in ["key_present", "journal_entries", "reserved", "config_loaded_timestamp_seconds"] {
        let name = format!("mandate_gateway_{name}");
        assert_eq!(told.of(&name), at_the_door.of(&name), "{name}");
    }
    assert_eq!(told.of("mandate_gateway_key_present"), 1.0);
    let (head, _) = asked(TcpStream::connect(address).await.unwrap(), "/status").await;
    assert!(
        head.starts_with("HTTP/1.1 404 "),
        "the operator's other questions are not for it: {head}"
    );

    let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let text = format!("[metrics]\nlisten = \"{}\"\n", busy.local_addr().unwrap());
    let text = toml(&gateway.home, &text);
    let status = gateway.obeys(&text, |status| status.metrics_problem.is_some()).await;
    assert_eq!(status.metrics_address, None);
    assert!(status.metrics_problem.unwrap().contains("name another `listen` under [metrics]"));
    assert!(TcpStream::connect(address).await.is_err());
    let off =
        |status: &Status| status.metrics_address.is_none() && status.metrics_problem.is_none();
    gateway.obeys(&toml(&gateway.home, ""), off).await;
    gateway.stop().await;
}

#[tokio::test]
async fn health_tells_a_bad_file_from_what_stops_calls() {
    let Some(gateway) = Deployed::start("").await else { return };
    let health = async || {
        let (head, body) = gateway.door("/healthz").await;
        let status = head.split(' ').nth(1).unwrap().to_owned();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let conditions = body["conditions"].as_array().unwrap().iter();
        let ill = conditions.filter(|condition| condition["well"] == false);
        (status, ill.map(|condition| condition["name"].as_str().unwrap().to_owned()).collect())
    };
    let well = ("200".to_owned(), Vec::<String>::new());
    assert_eq!(health().await, well);
    // The last good file stays in force, so calls go on.
    let good = toml(&gateway.home, "");
    let bad = toml(&gateway.home, "[metrics]\nlisten = \"0.0.0.0:9464\"\n");
    let bad = gateway.obeys(&bad, |status| status.settings_problem.is_some()).await;
    assert!(bad.settings_problem.unwrap().contains("can be reached from other machines"));
    assert_eq!(health().await, ("200".to_owned(), vec!["config".to_owned()]));
    gateway.obeys(&good, |status| status.settings_problem.is_none()).await;
    assert_eq!(health().await, well);
    gateway.stop().await;
}

#[tokio::test]
async fn without_its_key_or_its_journal_a_gateway_does_not_serve() {
    let home = GatewayHome::new();
    let shop = home.open(home.settings([])).await;
    let serving = async || shop.gateway.health().await.serving;
    assert!(serving().await);
    shop.gateway.lock().await.unwrap();
    shop.gateway.unlock().await.unwrap();
    assert!(!serving().await, "its store has no key");
    shop.gateway.supply(home.key().clone()).unwrap();
    assert!(serving().await);
    shop.gateway.lock().await.unwrap();
    let conditions = shop.gateway.health().await.conditions;
    assert!(conditions.iter().any(|condition| condition.name == "unlocked" && !condition.well));
    let told = Figures::read(&shop.gateway.page().await.text());
    assert_eq!(told.of("mandate_gateway_locked"), 1.0);
    shop.gateway.book().distrust("entry 3".to_owned());
    assert!(!serving().await);
    let told = Figures::read(&shop.gateway.page().await.text());
    assert_eq!(told.of("mandate_gateway_journal_unsafe"), 1.0);
}
