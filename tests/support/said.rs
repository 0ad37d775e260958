//! The built command lines as people and scripts run them: what they say and how they exit.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Output, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use crate::start;

/// A command without an environment: nothing of the test's own but the kernel's keyring reaches it.
#[must_use]
pub fn bare(binary: &str) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().env("TZ", "UTC").stdin(Stdio::null());
    command
}

/// What one command said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Said {
    /// Wants a yes; gives standard output.
    ///
    /// # Panics
    ///
    /// If it said anything else.
    #[track_caller]
    pub fn yes(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self.out
    }

    /// Wants this exit code and nothing on standard output; gives standard error.
    ///
    /// # Panics
    ///
    /// If it said anything else.
    #[track_caller]
    pub fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{}", self.err);
        self.err
    }

    /// Wants this exit code, one JSON document on standard output, and nothing beside it.
    ///
    /// # Panics
    ///
    /// If it said anything else.
    #[track_caller]
    pub fn json(self, code: i32) -> Value {
        assert_eq!((self.code, self.err.as_str()), (Some(code), ""), "{}", self.out);
        serde_json::from_str(&self.out).expect("one JSON document")
    }
}

/// Runs a command to its end.
///
/// # Panics
///
/// If the system fails.
pub fn said(mut command: Command) -> Said {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    start(&mut command).wait_with_output().expect("an end").into()
}

/// Runs a command to its end, with this on its standard input.
///
/// # Panics
///
/// If the system fails.
pub fn fed(mut command: Command, input: &str) -> Said {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start(&mut command);
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("an end").into()
}

/// Runs a command whose standard input is a terminal at which this is typed.
///
/// # Panics
///
/// If the system fails.
pub fn typed(mut command: Command, answer: &str) -> Said {
    let person =
        openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&person).expect("a terminal");
    unlockpt(&person).expect("a terminal");
    let name = ptsname(&person, Vec::new()).expect("a terminal");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let terminal = rustix::fs::open(name, flags, Mode::empty()).expect("a terminal");
    let mut person = File::from(person);
    // The line waits in the terminal until it is asked for.
    writeln!(person, "{answer}").expect("a terminal");
    command.stdin(Stdio::from(terminal)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = start(&mut command);
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().expect("a pipe").read_to_string(&mut out).expect("UTF-8");
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("UTF-8");
    Said { code: child.wait().expect("an end").code(), out, err }
}
