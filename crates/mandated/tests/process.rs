//! The built daemon from its start to its end: what it prints, how it exits, what it never says.

#![expect(clippy::expect_used, reason = "a test stops where its own assumption fails")]

use std::fs::{self, File};
use std::process::Output;
use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use mandate::clock::{Clock as _, ClockReading};
use mandate::token::Status;
use mandate_host::clock::SystemClock;
use mandate_proto::v1;
use mandate_tests::{Agent, Home, TestClock, alone, denied};
use rustix::process::Signal;

const BINARY: &str = env!("CARGO_BIN_EXE_mandated");
const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

/// Runs the daemon to an end that it finds by itself; gives what it wrote to stderr.
fn ends(home: &Home) -> (Option<i32>, String) {
    let _alone = alone();
    let Output { status, stdout, .. } = home.command(BINARY).output().expect("the built daemon");
    assert!(stdout.is_empty(), "it printed its sockets");
    assert!(!home.paths.wallet_socket().exists() && !home.paths.control_socket().exists());
    let said = fs::read_to_string(home.log()).expect("a log");
    fs::remove_file(home.log()).expect("a log");
    (status.code(), said)
}

#[tokio::test]
async fn it_prints_its_sockets_and_drains_on_sigterm() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.spawn(BINARY);
    let sockets = [home.paths.wallet_socket(), home.paths.control_socket()];
    assert_eq!(daemon.sockets, sockets.map(|path| path.display().to_string()));
    let mut agent = home.agent().await;
    agent.book("180.00 EUR").await.unwrap();
    assert_eq!(denied(agent.book("320.01 EUR").await).reason, "CAP_EXCEEDED");
    daemon.stop();
    assert!(!home.paths.wallet_socket().exists());
    // What was spent is still spent.
    let daemon = home.spawn(BINARY);
    assert_eq!(home.agent().await.spent().await, [(18_000, 1)]);
    daemon.stop();
}

#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let mut command = home.command(BINARY);
    command.stderr(File::options().write(true).open("/dev/full").expect("a full disk"));
    let daemon = home.run(command);
    let mut agent = home.agent().await;
    assert_eq!(denied(agent.book("500.01 EUR").await).reason, "CAP_EXCEEDED");
    let mut control = home.control().await;
    let frozen = control.freeze(v1::FreezeRequest::default()).await.unwrap().into_inner();
    assert!(frozen.durable);
    control.thaw(v1::ThawRequest::default()).await.unwrap();
    agent.book("500.00 EUR").await.unwrap();
    daemon.stop();
}

#[test]
fn a_broken_file_is_exit_2_with_every_fault_and_no_socket() {
    let Some(home) = Home::new() else { return };
    let broken = home.toml(CAPS).replace("500.00", "500").replace("timezone", "timezoone");
    home.write(&broken);
    let (code, said) = ends(&home);
    assert_eq!(code, Some(2), "{said}");
    for part in ["wallet.toml:", "timezone", "500.00 EUR"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    fs::remove_file(home.paths.config()).expect("a file");
    let (code, said) = ends(&home);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("does not exist; run `mandate init`"), "{said}");
}

#[test]
fn a_ledger_that_is_missing_or_foreign_is_named_and_left_alone() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let ledger = home.paths.ledger();
    let aside = ledger.with_extension("aside");
    fs::rename(&ledger, &aside).expect("a ledger");
    let (code, said) = ends(&home);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("wallet.db is missing") && said.contains("mandate init"), "{said}");
    assert!(!ledger.exists(), "a fresh ledger was made in its place");

    fs::write(&ledger, "this is no ledger").expect("a file");
    let (code, said) = ends(&home);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is not a journal") && said.contains("backup"), "{said}");
    assert_eq!(fs::read(&ledger).expect("a file"), b"this is no ledger");

    // What a full disk or an interrupted copy leaves.
    let whole = fs::read(&aside).expect("a file");
    fs::write(&ledger, &whole[..whole.len() / 2]).expect("a file");
    let (code, said) = ends(&home);
    assert_eq!(code, Some(1), "{said}");
    for part in ["wallet.db does not open: ", "malformed", "backup"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn another_principal_s_file_is_refused() {
    let Some(home) = Home::new() else { return };
    let toml = home.toml(CAPS);
    home.write(&toml.replace("name = \"Ada\"", "name = \"Ada\"\nid = \"somebody-else\""));
    let (code, said) = ends(&home);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("somebody-else") && said.contains("did:key:"), "{said}");
}

#[tokio::test]
async fn sighup_with_a_broken_file_kills_nothing() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.spawn(BINARY);
    home.write("[[cap]");
    daemon.signal(Signal::HUP);
    let mut control = home.control().await;
    let told = async {
        loop {
            let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
            if !status.policy_problem.is_empty() {
                return status.policy_problem;
            }
            tokio::task::yield_now().await;
        }
    };
    let problem = tokio::time::timeout(Duration::from_secs(30), told).await.expect("no word");
    assert!(problem.contains("wallet.toml:1:"), "{problem}");
    home.agent().await.book("1.00 EUR").await.unwrap();
    daemon.stop();
}

#[tokio::test]
async fn nothing_secret_and_no_token_is_logged_or_kept() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    for format in ["text", "json"] {
        let mut command = home.command(BINARY);
        command.args(["--log-format", format]).env("RUST_LOG", "trace");
        let daemon = home.run(command);
        let mut agent = home.agent().await;
        let intent = agent.intent(Agent::book_room()).await.unwrap();
        let cart = agent.cart(&intent, "10.00 EUR", |_| ());
        let payment = agent.pay(&cart).await.unwrap();
        agent.settle(&payment, Status::Executed).await.unwrap();
        assert_eq!(
            denied(agent.pay_text(cart.as_str().trim_start_matches('e')).await).reason,
            "CART_MALFORMED"
        );
        assert_eq!(denied(agent.hand_in(cart.as_str()).await).reason, "RECEIPT_INVALID");
        let log = daemon.log();
        daemon.stop();
        assert!(log.contains("denied") && log.contains("ready"), "{log}");
        for token in [intent.as_str(), cart.as_str(), payment.as_str()] {
            let (_, signature) = token.rsplit_once('.').expect("a token");
            assert!(!log.contains(signature), "a whole token is in the log");
        }
        let seed = home.seed();
        let ledger = fs::read(home.paths.ledger()).expect("a ledger");
        for form in [HEXLOWER.encode(&seed), BASE64.encode(&seed), BASE64URL_NOPAD.encode(&seed)] {
            assert!(!log.contains(&form));
            assert!(!ledger.windows(form.len()).any(|window| window == form.as_bytes()));
        }
        assert!(!ledger.windows(seed.len()).any(|window| window == seed));
    }
}

/// A wallet ran on a clock that showed this; then the built daemon runs on the machine's own.
async fn is_confirmed_and_frees_nothing(showed: ClockReading, problem: &str) {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(&format!("{CAPS}[[cap]]\nper = \"lifetime\"\nspend = \"500.00 EUR\"\n")));
    let clock = TestClock::at(showed.wall.seconds());
    clock.show(showed);
    let daemon = home.start_at(&clock).await;
    home.agent().await.on(&clock).book("180.00 EUR").await.expect("an answer");
    daemon.stop().await;

    let daemon = home.spawn(BINARY);
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    assert_eq!(denied(agent.book("1.00 EUR").await).reason, "CLOCK_UNTRUSTED");
    let status = control.get_status(v1::GetStatusRequest {}).await.expect("an answer").into_inner();
    assert!(status.clock_problem.contains(problem), "{}", status.clock_problem);
    control.thaw(v1::ThawRequest { scope: None, clock: true }).await.expect("an answer");
    assert_eq!(denied(agent.book("320.01 EUR").await).reason, "CAP_EXCEEDED");
    agent.book("320.00 EUR").await.expect("an answer");
    daemon.stop();
}

#[tokio::test]
async fn a_clock_that_stepped_between_two_starts_mints_nothing_until_it_is_confirmed() {
    let now = SystemClock::new().expect("a boot id").read();
    let later = ClockReading { wall: now.wall.plus(86_400), ..now.clone() };
    is_confirmed_and_frees_nothing(later, "behind the last entry").await;
    // In one boot the wall clock gained an hour that did not pass.
    let earlier = ClockReading { wall: now.wall.minus(3_600), ..now };
    is_confirmed_and_frees_nothing(earlier, "ahead of where it should be").await;
}
