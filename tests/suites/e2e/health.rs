//! The standard health service: what it tells apart, to whom, and when.

use mandate_proto::v1;
use mandate_tests::{Agent, Home, TestClock, denied};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const CAPS: &str = "[[cap]]\nper = \"lifetime\"\nspend = \"500.00 EUR\"\n";
/// Every name that is asked for; the last is the principal's alone.
const NAMES: [&str; 9] = [
    "",
    "mandate.v1.Wallet",
    "mandate.v1.Control",
    "mandate.v1.Wallet.clock",
    "mandate.v1.Wallet.key",
    "mandate.v1.Wallet.ledger",
    "mandate.v1.Wallet.thawed",
    "mandate.v1.Wallet.unlocked",
    "mandate.v1.Wallet.config",
];

fn ask(name: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: name.to_owned() }
}

/// The names that do not serve; those that are not known at all are in brackets.
async fn ill(mut client: HealthClient<Channel>) -> Vec<String> {
    let mut ill = Vec::new();
    for name in NAMES {
        let short = name.rsplit('.').next().unwrap().to_owned();
        match client.check(ask(name)).await {
            Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => {}
            Ok(_) => ill.push(short),
            Err(status) if status.code() == Code::NotFound => ill.push(format!("({short})")),
            Err(status) => panic!("{status}"),
        }
    }
    ill
}

async fn agents(home: &Home) -> Vec<String> {
    ill(HealthClient::new(mandate_proto::connect(&home.paths.wallet_socket()).await.unwrap())).await
}

async fn principal(home: &Home) -> Vec<String> {
    let channel = mandate_proto::connect(&home.paths.control_socket()).await.unwrap();
    ill(HealthClient::new(channel)).await
}

#[tokio::test]
async fn each_thing_that_stops_the_wallet_is_told_by_its_own_name() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut control = home.control().await;
    let well = async |home: &Home| {
        assert_eq!(principal(home).await, [""; 0]);
        assert_eq!(agents(home).await, ["(config)"]);
    };
    well(&home).await;

    control.freeze(v1::FreezeRequest::default()).await.unwrap();
    assert_eq!(principal(&home).await, ["", "Wallet", "thawed"]);
    assert_eq!(agents(&home).await, ["", "Wallet", "thawed", "(config)"]);
    control.thaw(v1::ThawRequest::default()).await.unwrap();
    well(&home).await;

    // The last good file stays in force: the wallet mints, and agents are told nothing.
    home.write("[[cap");
    control.reload(v1::ReloadRequest {}).await.unwrap_err();
    assert_eq!(principal(&home).await, ["", "config"]);
    assert_eq!(agents(&home).await, ["(config)"]);
    home.write(&home.toml(CAPS));
    control.reload(v1::ReloadRequest {}).await.unwrap();
    well(&home).await;

    control.lock(v1::LockRequest {}).await.unwrap();
    assert_eq!(principal(&home).await, ["", "Wallet", "key", "unlocked"]);
    assert_eq!(agents(&home).await, ["", "Wallet", "key", "unlocked", "(config)"]);
    control.unlock(v1::UnlockRequest {}).await.unwrap();
    well(&home).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_not_believed_is_told_and_its_confirmation() {
    let clock = TestClock::at(1_795_514_400);
    let Some(home) = Home::made_at(clock.now().seconds()) else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start_at(&clock).await;
    let mut agent = home.agent().await.on(&clock);
    agent.intent(Agent::book_room()).await.unwrap();
    clock.set(clock.now().minus(3_600));
    let refused = denied(agent.intent(Agent::book_room()).await);
    assert_eq!(refused.reason, "CLOCK_UNTRUSTED");
    let mut control = home.control().await;
    // A report is made by whoever changes something, so that nobody has to wait for the next look.
    control.reload(v1::ReloadRequest {}).await.unwrap();
    assert_eq!(principal(&home).await, ["", "Wallet", "clock"]);
    let ask = v1::ThawRequest { clock: true, ..v1::ThawRequest::default() };
    control.thaw(ask).await.unwrap();
    assert_eq!(principal(&home).await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn whoever_watches_is_told_at_once() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let channel = mandate_proto::connect(&home.paths.wallet_socket()).await.unwrap();
    let watched = HealthClient::new(channel).watch(ask("mandate.v1.Wallet.thawed")).await;
    let mut watched = watched.unwrap().into_inner();
    let mut next = async || watched.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);
    let mut control = home.control().await;
    // A report that changes nothing is no news; it would come before the freeze.
    control.reload(v1::ReloadRequest {}).await.unwrap();
    control.freeze(v1::FreezeRequest::default()).await.unwrap();
    assert_eq!(next().await, ServingStatus::NotServing);
    control.thaw(v1::ThawRequest::default()).await.unwrap();
    assert_eq!(next().await, ServingStatus::Serving);
    daemon.stop().await;
}
