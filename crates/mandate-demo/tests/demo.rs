//! The built demonstration as a newcomer runs it: what it shows, and that nothing of it stays.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use mandate_keys::{KeyLocation, KeyStoreError, Service, StoreChoice};
use mandate_tests::Home;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The exit code after SIGINT.
const INTERRUPTED: i32 = 130;
/// A refusal for each abuse.
const REFUSALS: [&str; 7] = [
    "PRICE_ABOVE_LIMIT",
    "CART_MISMATCH",
    "CART_SIGNATURE_INVALID",
    "MERCHANT_NOT_ALLOWED",
    "37 of 40      COUNT_EXCEEDED",
    "CAP_EXCEEDED",
    "FROZEN",
];

/// The demonstration, with a folder of its own for everything that it writes; `None` where the kernel has no keyring.
fn demo() -> Option<(Command, TempDir)> {
    drop(Home::new()?);
    let folder = TempDir::with_prefix("demo-").expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mandate-demo"));
    command.env("TMPDIR", folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    Some((command, folder))
}

/// Starts it and reads on until its wallet runs; gives what it showed so far.
fn start(mut command: Command) -> (Child, BufReader<std::process::ChildStdout>, String) {
    let mut child = command.spawn().expect("the built demonstration");
    let mut screen = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut shown = String::new();
    while !shown.contains("wallet        process ") {
        assert_ne!(screen.read_line(&mut shown).expect("text"), 0, "it ended: {shown}");
    }
    (child, screen, shown)
}

/// The word after this one.
fn word_after<'t>(text: &'t str, lead: &str) -> &'t str {
    let (_, rest) = text.split_once(lead).expect(lead);
    rest.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-').next().unwrap()
}

/// Neither a file, nor the key, nor the wallet's process.
fn assert_nothing_is_left(folder: &Path, shown: &str) {
    assert_eq!(folder.read_dir().expect("a folder").count(), 0, "a file is left");
    let account = word_after(shown, "as account ").parse().expect("an account");
    let location = KeyLocation { service: Service::Wallet, choice: StoreChoice::Auto, account };
    let key = mandate_keys::load(&location).map(drop);
    assert!(matches!(key, Err(KeyStoreError::Missing { .. })), "the key is left: {key:?}");
    let wallet = word_after(shown, "wallet        process ");
    assert!(!Path::new("/proc").join(wallet).exists(), "the wallet still runs");
}

#[test]
fn the_story_is_told_and_nothing_is_left_behind() {
    let Some((mut command, folder)) = demo() else { return };
    let Output { status, stdout, .. } = command.output().expect("the built demonstration");
    let shown = String::from_utf8(stdout).expect("text");
    assert!(status.success(), "{status}: {shown}");
    for refusal in REFUSALS {
        assert!(shown.contains(refusal), "{refusal} is not in: {shown}");
    }
    assert!(
        shown.contains("3 of 40       granted") && shown.contains("all as promised"),
        "{shown}"
    );
    assert!(
        !shown.contains('\u{1b}'),
        "what is no terminal gets no colours, and no page sends any"
    );
    assert_nothing_is_left(folder.path(), &shown);
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    let Some((command, folder)) = demo() else { return };
    let (mut child, mut screen, mut shown) = start(command);
    kill_process(Pid::from_child(&child), Signal::INT).expect("a living process");
    screen.read_to_string(&mut shown).expect("text");
    assert_eq!(child.wait().unwrap().code(), Some(INTERRUPTED), "{shown}");
    assert_nothing_is_left(folder.path(), &shown);
}

#[test]
fn a_screen_that_goes_away_leaves_nothing_behind() {
    let Some((command, folder)) = demo() else { return };
    let (mut child, screen, shown) = start(command);
    drop(screen);
    assert_eq!(child.wait().unwrap().code(), Some(1), "{shown}");
    assert_nothing_is_left(folder.path(), &shown);
}
