//! Asks a program of the system, and does not wait for ever.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long a program may take: the bus behind it may be stuck.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a program prints; `None` where it is not installed, fails, or does not answer in time.
pub(super) fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let (done, answer) = mpsc::channel();
    thread::spawn(move || {
        // Whoever asked may have given up.
        drop(done.send(command.output()));
    });
    let output = answer.recv_timeout(PATIENCE).ok()?.ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()
}

/// What `systemctl show` and its kin say of one property, one `NAME=value` a line.
pub(super) fn property<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_answers_or_nothing_is_known() {
        assert_eq!(ask("sh", &["-c", "echo A=1"]).as_deref(), Some("A=1\n"));
        assert_eq!(ask("sh", &["-c", "echo A=1; exit 1"]), None);
        assert_eq!(ask("/nowhere/program", &[]), None);
    }

    #[test]
    fn a_property_has_exactly_its_name() {
        let text = "RestartSec=1\nRestart=no\n";
        assert_eq!(property(text, "Restart"), Some("no"));
        assert_eq!(property(text, "Rest"), None);
    }
}
