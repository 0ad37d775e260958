//! This program again, as a process of its own that answers one line of JSON with another.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Says which part this process plays; without it, it is the one that measures.
pub const PART: &str = "--as";

/// A process that plays one part; it ends with this value.
pub struct Part {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Part {
    /// Starts it. What goes wrong in it is told on stderr.
    pub fn start<A: AsRef<OsStr>>(part: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args([PART, part]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, stdin, stdout }
    }

    /// The next thing that it says.
    pub fn hear<A: DeserializeOwned>(&mut self) -> A {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line).expect("a pipe");
        assert!(read > 0, "a part of the benchmark failed: nothing is measured");
        serde_json::from_str(&line).expect("an answer")
    }

    /// Asks it something and waits for the answer.
    pub fn ask<A: DeserializeOwned>(&mut self, question: &impl Serialize) -> A {
        let question = serde_json::to_string(question).expect("JSON");
        writeln!(self.stdin, "{question}").expect("a process that listens");
        self.hear()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Already gone if it failed.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// In the child: says one thing.
pub fn say(answer: &impl Serialize) {
    let mut stdout = io::stdout().lock();
    let answer = serde_json::to_string(answer).expect("JSON");
    writeln!(stdout, "{answer}").and_then(|()| stdout.flush()).expect("a parent");
}

/// In the child: what the parent asks, until it is gone.
pub fn asked<Q: DeserializeOwned>() -> impl Iterator<Item = Q> {
    let line = |line: io::Result<String>| serde_json::from_str(&line.expect("text"));
    io::stdin().lines().map(move |asked| line(asked).expect("a question"))
}
