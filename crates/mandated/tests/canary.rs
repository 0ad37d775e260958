//! The built daemon with a known key, which is searched for wherever it must not be: in what it says, in its files, in
//! its memory, and in what the system lets others read.

#![expect(clippy::expect_used, reason = "a test stops where its own assumption fails")]

use std::fmt::{Debug, Write as _};
use std::fs;
use std::path::Path;

use mandate::token::Status as Outcome;
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::canary::{Canary, assert_gone, assert_in_its_room, others};
use mandate_tests::rerun::{Rerun, say, told_to_end};
use mandate_tests::{Agent, Home, Process};
use tempfile::TempDir;
use tonic::transport::Channel;

const BINARY: &str = env!("CARGO_BIN_EXE_mandated");
const CAPS: &str = "[[cap]]\nper = \"lifetime\"\nspend = \"500.00 EUR\"\n";

/// The number from which a child makes a key to keep in the open; without it the child's test does nothing.
const KEEPER: &str = "MANDATE_CANARY_KEEPER";
const KEEPER_NUMBER: u8 = 41;

/// All that the daemon answered, as a program that logs too much would have it.
#[derive(Default)]
struct Said(String);

impl Said {
    fn note(&mut self, answer: impl Debug) {
        writeln!(self.0, "{answer:?}").expect("a text takes it");
    }
}

/// Whatever there is to say no to.
async fn refusals(home: &Home, control: &mut ControlClient<Channel>, said: &mut Said) {
    let mut agent = home.agent().await;
    let intent = agent.intent(Agent::book_room()).await.expect("an intent");
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    said.note(agent.book("501.00 EUR").await.expect_err("over the cap"));
    said.note(agent.pay_text(cart.as_str().trim_start_matches('e')).await.expect_err("no cart"));
    said.note(agent.pay_text(&"x".repeat(9_000)).await.expect_err("no token"));
    said.note(agent.hand_in(cart.as_str()).await.expect_err("no receipt"));
    let unknown = v1::MintIntentRequest { action_sku: "fly".to_owned(), ..Agent::book_room() };
    said.note(agent.intent(unknown).await.expect_err("no such action"));
    said.note(control.get_payment(v1::GetPaymentRequest { seq: 0 }).await.expect_err("no hold"));
    home.write("[[cap]");
    said.note(control.reload(v1::ReloadRequest {}).await.expect_err("no wallet.toml"));
    home.write(&home.toml(CAPS));
    said.note(control.reload(v1::ReloadRequest {}).await.expect("a wallet.toml"));
    said.note(control.verify_log(v1::VerifyLogRequest {}).await.expect("an answer"));
    said.note(control.get_status(v1::GetStatusRequest {}).await.expect("an answer"));
    // Nothing is left to be sealed while somebody looks.
    said.note(control.get_checkpoint(v1::GetCheckpointRequest {}).await.expect("an answer"));
}

/// A life with everything in it that has to do with the key.
async fn live(home: &Home, daemon: &Process, canary: &Canary, said: &mut Said) {
    let mut control = home.control().await;
    assert_in_its_room(canary, daemon.id());
    let mut agent = home.agent().await;
    let payment = agent.book("10.00 EUR").await.expect("a payment");
    agent.settle(&payment, Outcome::Executed).await.expect("a receipt");
    refusals(home, &mut control, said).await;
    assert_in_its_room(canary, daemon.id());
    for _ in 0..2 {
        said.note(control.lock(v1::LockRequest {}).await.expect("a lock"));
        assert_gone(canary, daemon.id());
        said.note(agent.intent(Agent::book_room()).await.expect_err("locked"));
        said.note(control.get_status(v1::GetStatusRequest {}).await.expect("an answer"));
        said.note(control.unlock(v1::UnlockRequest {}).await.expect("an unlock"));
        agent.book("1.00 EUR").await.expect("a payment");
        said.note(control.get_checkpoint(v1::GetCheckpointRequest {}).await.expect("an answer"));
        assert_in_its_room(canary, daemon.id());
    }
}

#[tokio::test]
async fn the_key_is_in_one_locked_page_and_nowhere_after_a_lock_and_in_no_word_and_no_file() {
    let Some(home) = Home::new() else { return };
    let canary = Canary::new(&home.seed());
    for format in ["text", "json"] {
        home.write(&home.toml(CAPS));
        let mut command = home.command(BINARY);
        command.args(["--log-format", format]).env("RUST_LOG", "trace");
        let daemon = home.run(command);
        let mut said = Said::default();
        live(&home, &daemon, &canary, &mut said).await;
        said.note(&daemon.sockets);
        daemon.stop();
        assert_eq!(canary.in_bytes(said.0.as_bytes()), [], "an answer holds it");
        // The log is one of them.
        assert!(fs::read_to_string(home.log()).expect("a log").contains("locked"));
        assert_eq!(canary.in_files(home.folder()), [""; 0]);
    }
    println!("{} forms searched for in two lives", canary.forms().len());
}

/// A home with the key of a systemd credential, for a user without privileges.
fn with_credential(home: &Home) -> TempDir {
    home.write(&home.toml(CAPS).replace("store = \"keyutils\"", "store = \"credential\""));
    others::credentials(home.account(), &home.seed())
}

/// Starts a program over it as that user.
fn start_unprivileged(home: &Home, credentials: &TempDir, program: &str) -> Process {
    let mut command = home.command(program);
    command.env("CREDENTIALS_DIRECTORY", credentials.path()).current_dir(home.folder());
    others::unprivileged(&mut command, &[home.folder(), credentials.path()]);
    home.run(command)
}

#[tokio::test]
async fn others_of_the_same_user_cannot_read_its_memory_and_a_crash_leaves_no_core() {
    let Some(home) = Home::new() else { return };
    let canary = Canary::new(&home.seed());
    let programs = others::folder();
    let credentials = with_credential(&home);
    others::permit_core_files();
    let program = others::copied(BINARY, programs.path());
    let mut daemon = start_unprivileged(&home, &credentials, &program);
    others::assert_memory_is_closed(daemon.id());
    let mut control = home.control().await;
    let status = control.get_status(v1::GetStatusRequest {}).await.expect("an answer").into_inner();
    assert!(!status.warnings.iter().any(|told| told.contains("swap")), "its page is locked");
    assert!(daemon.log().contains("memory kept out of swap: "), "{}", daemon.log());
    assert_in_its_room(&canary, daemon.id());
    control.lock(v1::LockRequest {}).await.expect("a lock");
    assert_gone(&canary, daemon.id());
    let unlocked = control.unlock(v1::UnlockRequest {}).await.expect("an unlock").into_inner();
    assert_eq!(unlocked.key_problem, "");
    assert_in_its_room(&canary, daemon.id());
    others::assert_abort_leaves_no_core(daemon.id(), || daemon.wait(), home.folder());
    assert_eq!(canary.in_files(home.folder()), [""; 0]);
}

#[tokio::test]
async fn a_page_that_cannot_be_locked_is_a_loud_warning() {
    let Some(home) = Home::new() else { return };
    let programs = others::folder();
    let credentials = with_credential(&home);
    let program = others::copied(BINARY, programs.path());
    let script = others::without_locked_memory(&program, programs.path());
    let daemon = start_unprivileged(&home, &credentials, &script);
    let mut control = home.control().await;
    let status = control.get_status(v1::GetStatusRequest {}).await.expect("an answer").into_inner();
    let warning = "the key may be written to swap: RLIMIT_MEMLOCK leaves no room for its page";
    assert!(status.warnings.iter().any(|told| told.starts_with(warning)), "{:?}", status.warnings);
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains(warning)).expect("a line in the log");
    assert!(line.contains("WARN"), "{line}");
    // The line that comes before there is a key does not say otherwise.
    let start = "memory kept out of swap: the key's own page at most (RLIMIT_MEMLOCK is 0 bytes";
    assert!(log.contains(start), "{log}");
    daemon.stop();
}

fn keepers_seed(number: u8) -> [u8; 32] {
    std::array::from_fn(|at| u8::try_from(at).expect("small").wrapping_mul(7) ^ number)
}

/// The control: a process that keeps its key in the open, in every form, is found out.
#[tokio::test]
async fn a_process_that_keeps_its_key_in_the_open_is_found_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let number = KEEPER_NUMBER.to_string();
    let log = folder.path().join("log");
    let environment = [(KEEPER, std::ffi::OsStr::new(&number))];
    let mut child = Rerun::start("keeps_its_key_in_the_open", &environment, &log);
    child.heard(&["keeps"]).await.expect("a child");
    let canary = Canary::new(&keepers_seed(KEEPER_NUMBER));
    let pid = u32::try_from(child.pid().as_raw_nonzero().get()).expect("a process id");
    if let Some(sightings) = canary.in_memory_of(pid) {
        for (form, _) in canary.forms() {
            let found = sightings.iter().any(|found| found.form == *form && !found.is_locked);
            assert!(found, "{form} was not found: {sightings:#?}");
        }
    }
    child.stop().await;
    let path: &Path = folder.path();
    for (form, bytes) in canary.forms() {
        fs::write(path.join("kept"), [b"before ", bytes.as_slice(), b" after"].concat())
            .expect("a file");
        assert!(canary.in_files(path).iter().any(|found| found.starts_with(form)), "{form}");
    }
}

#[tokio::test]
async fn keeps_its_key_in_the_open() {
    let Ok(number) = std::env::var(KEEPER) else { return };
    let canary = Canary::new(&keepers_seed(number.parse().expect("a number")));
    say("keeps");
    told_to_end().await;
    assert!(!canary.forms().is_empty(), "it was kept until now");
}
