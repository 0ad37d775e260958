//! Programs of the system that a suite is judged by.

use std::process::{Command, Stdio};

use crate::must_not_skip;

/// Whether a program is installed; where it is not, that is said, with the Debian package that has it.
///
/// # Panics
///
/// Under CI, where nothing is skipped, if it is not.
#[must_use]
pub fn installed(program: &str, package: &str) -> bool {
    let mut command = Command::new(program);
    let is_there = command.arg("--version").stdout(Stdio::null()).status().is_ok();
    if !is_there {
        assert!(!must_not_skip(), "under CI nothing is skipped: {program} is not installed");
        eprintln!("not run: {program} is not installed (Debian: {package})");
    }
    is_there
}
