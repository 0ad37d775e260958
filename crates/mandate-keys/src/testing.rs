//! Running one test of this binary again, in a process and an environment of its own.
//!
//! The environment of the test process belongs to all tests at once; a test that needs another one marks its body
//! `#[ignore]` and is started through [`Rerun`].

use std::ffi::OsStr;
use std::process::Command;

/// Set in the process that [`Rerun`] starts.
const INSIDE: &str = "MANDATE_KEYS_TEST_INSIDE";

/// Where the suite must be complete: a test that cannot run is a failure there.
pub(crate) fn must_not_skip() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Says that a test could not run, and why; fails under CI.
pub(crate) fn skip(reason: &str) {
    assert!(!must_not_skip(), "under CI nothing is skipped: {reason}");
    eprintln!("not run: {reason}");
}

/// One ignored test, about to be run in a process of its own.
pub(crate) struct Rerun {
    command: Command,
}

impl Rerun {
    /// The test of that full path, run as a child.
    pub(crate) fn test(path: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(Self::arguments(path));
        Self { command: Self::marked(command) }
    }

    /// The same inside a session bus of its own, after a shell ran `prepare` there.
    pub(crate) fn test_on_a_bus(path: &str, prepare: &str) -> Self {
        let mut command = Command::new("dbus-run-session");
        command.args(["--", "sh", "-c", &format!("{prepare} && exec \"$@\""), "sh"]);
        command.arg(std::env::current_exe().unwrap()).args(Self::arguments(path));
        Self { command: Self::marked(command) }
    }

    fn arguments(path: &str) -> [&str; 4] {
        ["--exact", path, "--ignored", "--nocapture"]
    }

    fn marked(mut command: Command) -> Command {
        command.env(INSIDE, "1");
        command
    }

    /// Sets a variable for the test.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable away from the test.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it; fails if it fails, or if there is no such test. Gives back all that it printed.
    pub(crate) fn run(mut self) -> String {
        let output = self.command.output().unwrap();
        let printed = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{printed}");
        assert!(printed.contains("test result: ok. 1 passed"), "no such test: {printed}");
        printed
    }

    /// Whether this process was started by [`Rerun`].
    pub(crate) fn is_inside() -> bool {
        std::env::var_os(INSIDE).is_some()
    }
}
