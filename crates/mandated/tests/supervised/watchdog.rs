//! A daemon that is watched says that it is alive while its runtime and its ledger's writer go on, and no longer.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use mandate_ledger::{Fault, Options};
use mandate_proto::paths::{Overrides, Paths};
use mandate_tests::{Home, ServiceManager, start};
use mandated::Config;

use super::{BINARY, CAPS, Ended};

/// The time that the service manager gives: two words each.
const WATCHDOG: Duration = Duration::from_millis(100);
/// A daemon that says nothing for so long would have been ended many times over.
const SILENCE: Duration = Duration::from_secs(2);
/// Words that may have been under way when the writer began to hang.
const LATE_WORDS_MAX: usize = 20;
/// Where the child finds its home.
const CHILD_VARIABLE: &str = "MANDATE_SUPERVISED_HOME";
/// What is wrong with the child's disk, in its home.
const FAULT_FILE: &str = "fault";

#[test]
fn the_built_daemon_says_that_it_is_alive() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let manager = ServiceManager::new(home.folder());
    let mut command = home.command(BINARY);
    manager.watch(&mut command, WATCHDOG);
    let daemon = home.run(command);
    manager.beats(5);
    daemon.stop();
}

#[test]
fn a_full_disk_is_no_reason_to_start_again_and_a_writer_that_hangs_is() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let manager = ServiceManager::new(home.folder());
    let mut command = Command::new(env::current_exe().expect("this test"));
    command.args(["--exact", "watchdog::child", "--nocapture"]).env(CHILD_VARIABLE, home.folder());
    manager.watch(&mut command, WATCHDOG);
    let mut child = Ended(start(&mut command));
    manager.beats(3);
    let fault = home.folder().join(FAULT_FILE);
    fs::write(&fault, "full").expect("a file");
    manager.beats(10);
    fs::write(&fault, "hangs").expect("a file");
    let words = std::iter::from_fn(|| manager.next_within(SILENCE));
    let late = words.take(LATE_WORDS_MAX).count();
    assert!(late < LATE_WORDS_MAX, "it does not fall silent");
    assert!(child.0.try_wait().expect("a status").is_none(), "the daemon ended");
}

/// The daemon in a process of its own, over a ledger whose commits break or hang when the parent says so.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Some(home) = env::var_os(CHILD_VARIABLE).map(PathBuf::from) else { return };
    let place = |name: &str| Some(home.join(name));
    let paths = Paths::resolve(Overrides {
        config: place("config/wallet.toml"),
        state_dir: place("state"),
        runtime_dir: place("run"),
    });
    let mut ledger = Options::default();
    let fault = home.join(FAULT_FILE);
    ledger.hooks.before_commit = Some(Arc::new(move || broken(&fault)));
    let config = Config { ledger, ..Config::new(paths.expect("all places are given")) };
    mandated::run(config, std::future::pending()).await.expect("a daemon");
}

fn broken(fault: &Path) -> Option<Fault> {
    match fs::read_to_string(fault).unwrap_or_default().as_str() {
        "full" => Some(Fault::DiskFull),
        "hangs" => loop {
            thread::park();
        },
        _ => None,
    }
}
