//! Scripts that a test talks with, a line at a time, and where the packages are that they stand on.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use mandate_tests::must_not_skip;

/// Where the packages are that the scripts stand on; `None`, with a word about it, where they are not installed.
pub(crate) fn packages() -> Option<PathBuf> {
    let folder = std::env::var_os("MANDATE_STOCK").map(PathBuf::from);
    if folder.is_none() {
        assert!(!must_not_skip(), "under CI nothing is skipped: MANDATE_STOCK is not set");
        eprintln!("not run: MANDATE_STOCK names no folder with stock clients");
    }
    folder
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The command that runs this script of `tests/stock` with the Python that has the packages.
pub(crate) fn python(packages: &Path, script: &str) -> Command {
    let mut command = Command::new(packages.join("bin/python3"));
    command.arg(workspace().join("tests/stock").join(script));
    command
}

/// The command that runs this script of `tests/stock` with Node.
pub(crate) fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(workspace().join("tests/stock").join(script));
    command
}

/// A running script, its stdout line by line; killed if a test ends without it.
pub(crate) struct Script {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it printed next.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().expect("it ended too soon").unwrap()
    }

    /// What it printed next, after this name.
    pub(crate) fn next(&mut self, name: &str) -> String {
        let line = self.line();
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("expected {name}: {line}")).to_owned()
    }

    pub(crate) fn answer(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until it ends, and ends well; gives what was left of its output.
    pub(crate) fn end(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let rest = self.lines.by_ref().map(Result::unwrap).collect();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        rest
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended long ago.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
