//! The built demonstration as a newcomer runs it: what it shows, and that nothing of it stays.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

mod left;
mod scenes;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use mandate_tests::Home;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The exit code after SIGINT.
const INTERRUPTED: i32 = 130;
/// Widest line that is no line of a file.
const COLUMNS: usize = 100;
/// What is shown once every process runs.
const ALL_RUN: &str = "wallet        process ";

/// The demonstration, with a folder of its own for everything that it writes; `None` where the kernel has no keyring.
fn demo() -> Option<(Command, TempDir)> {
    drop(Home::new()?);
    let folder = TempDir::with_prefix("demo-").expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mandate-demo"));
    command.env("TMPDIR", folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    Some((command, folder))
}

/// Starts it and reads on until it has shown this; gives what it showed so far.
fn start(mut command: Command, until: &str) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command.spawn().expect("the built demonstration");
    let mut screen = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut shown = String::new();
    while !shown.contains(until) {
        assert_ne!(screen.read_line(&mut shown).expect("text"), 0, "it ended: {shown}");
    }
    (child, screen, shown)
}

#[test]
fn the_story_is_told_and_nothing_is_left_behind() {
    let Some((mut command, folder)) = demo() else { return };
    let Output { status, stdout, .. } = command.output().expect("the built demonstration");
    let shown = String::from_utf8(stdout).expect("text");
    assert!(status.success(), "{status}: {shown}");
    assert!(shown.contains("all as promised"), "{shown}");
    assert!(
        !shown.contains('\u{1b}'),
        "what is no terminal gets no colours, and no page sends any"
    );
    let mut told = shown.lines().filter(|line| !line.starts_with("   | "));
    let wide = told.find(|line| line.chars().count() > COLUMNS);
    assert_eq!(wide, None, "{shown}");
    scenes::check(&shown);
    left::assert_nothing(folder.path(), &shown);
}

#[test]
fn an_interrupt_leaves_nothing_behind() {
    // As soon as everything runs, and while a scene waits for its time.
    for until in [ALL_RUN, "9. The same payment again"] {
        let Some((command, folder)) = demo() else { return };
        let (mut child, mut screen, mut shown) = start(command, until);
        kill_process(Pid::from_child(&child), Signal::INT).expect("a living process");
        screen.read_to_string(&mut shown).expect("text");
        assert_eq!(child.wait().unwrap().code(), Some(INTERRUPTED), "{shown}");
        left::assert_nothing(folder.path(), &shown);
    }
}

#[test]
fn an_interrupt_while_the_gateways_start_leaves_nothing_behind() {
    let Some((command, folder)) = demo() else { return };
    let (mut child, mut screen, mut shown) = start(command, "sea-view, as account ");
    kill_process(Pid::from_child(&child), Signal::TERM).expect("a living process");
    screen.read_to_string(&mut shown).expect("text");
    assert_eq!(child.wait().unwrap().code(), Some(INTERRUPTED), "{shown}");
    left::assert_nothing(folder.path(), &shown);
}

#[test]
fn a_screen_that_goes_away_leaves_nothing_behind() {
    let Some((command, folder)) = demo() else { return };
    let (mut child, screen, shown) = start(command, ALL_RUN);
    drop(screen);
    assert_eq!(child.wait().unwrap().code(), Some(1), "{shown}");
    left::assert_nothing(folder.path(), &shown);
}
