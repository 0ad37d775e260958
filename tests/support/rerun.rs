//! This test binary again, as a process of its own that does one thing until it is stopped or killed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mandate_host::log::{self, LogFormat};
use mandate_journal::{Hook, Hooks};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{mpsc, oneshot};

use crate::process;

/// Longest wait for a line or an end; only a broken process takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of its log is shown when a test fails.
const LINES_SHOWN: usize = 20;

/// A process under way; killed if a test ends without ending it.
#[derive(Debug)]
pub struct Rerun {
    child: Child,
    /// Closed to have it end in order.
    stdin: Option<ChildStdin>,
    log: PathBuf,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Rerun {
    /// Runs one test of this binary with these variables; what it logs is added to a file.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn start(test: &str, environment: &[(&str, &OsStr)], log: &Path) -> Self {
        let stderr = File::options().create(true).append(true).open(log).expect("a log");
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .env("RUST_LOG", "warn")
            .envs(environment.iter().copied())
            .stderr(stderr)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = process::start(&mut command);
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (said, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            // Half a line was not said, and nobody may listen any more.
            for line in stdout.lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, stdin, log: log.to_owned(), lines }
    }

    /// Waits for a line that begins with one of these words, and gives the word and the rest; `None` at its end.
    ///
    /// # Panics
    ///
    /// If it neither says so nor ends.
    pub async fn heard<'w>(&mut self, words: &[&'w str]) -> Option<(&'w str, String)> {
        let heard = async {
            while let Some(line) = self.lines.recv().await {
                for word in words {
                    if let Some(rest) = line.strip_prefix(word) {
                        return Some((*word, rest.trim().to_owned()));
                    }
                }
            }
            None
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("the process hangs")
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends it in the middle of whatever it does, unless it was killed before, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// If it ended by itself.
    pub fn kill(mut self) {
        self.child.kill().expect("a process");
        let status = self.child.wait().expect("a status");
        assert!(!status.success(), "it ended by itself");
    }

    /// Has it end in order.
    ///
    /// # Panics
    ///
    /// If it does not, or not well.
    pub async fn stop(mut self) {
        drop(self.stdin.take());
        assert_eq!(self.heard(&["failed"]).await, None);
        let status = self.child.wait().expect("a status");
        assert!(status.success(), "{status}");
    }

    /// How much of it is in memory.
    ///
    /// # Panics
    ///
    /// If it is gone.
    #[must_use]
    pub fn resident(&self) -> Resident {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).expect("a living process");
        let kib = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let number = line.expect("a field").trim().trim_end_matches(" kB");
            number.parse().expect("a number")
        };
        Resident { all_kib: kib("VmRSS:"), own_kib: kib("RssAnon:") }
    }
}

/// How much of a process is in memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resident {
    /// Everything, pages of its binary and of mapped files included.
    pub all_kib: u64,
    /// What it allocated.
    pub own_kib: u64,
}

impl Drop for Rerun {
    fn drop(&mut self) {
        // Already gone in most tests.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(LINES_SHOWN).collect();
            let newest_last = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
            eprintln!("the newest of {}:\n{newest_last}", self.log.display());
        }
    }
}

/// Kills a process at once, whoever waits for it.
///
/// # Panics
///
/// If it was waited for before.
pub fn kill_at_once(pid: Pid) {
    kill_process(pid, Signal::KILL).expect("a process");
}

/// In the child: logs to stderr, as the programs do.
pub fn log_to_stderr() {
    log::start(LogFormat::Text);
}

/// In the child: says one line, whole.
///
/// # Panics
///
/// If nobody listens.
pub fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    // The harness may have begun a line of its own.
    write!(stdout, "\n{line}\n").expect("a listener");
    stdout.flush().expect("a listener");
}

/// In the child: resolves when the parent wants it to end, or is gone.
pub fn told_to_end() -> impl Future<Output = ()> {
    let (reading, read) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        // However it ends.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap_or_default();
        drop(reading);
    });
    async { read.await.unwrap_or_default() }
}

/// In the child: hooks that say `stands` at one commit of its journal, as in `before 7` or `after 7`, and stop the
/// writer there for ever.
///
/// # Panics
///
/// If no commit is named.
#[must_use]
pub fn standing(at: &str) -> Hooks {
    let (side, commit) = at.split_once(' ').expect("a side and a number");
    let left = AtomicU64::new(commit.parse().expect("a number"));
    let hook: Hook = Arc::new(move || {
        if left.fetch_sub(1, Ordering::Relaxed) == 1 {
            say("stands");
            loop {
                std::thread::park();
            }
        }
        None
    });
    match side {
        "before" => Hooks { before_commit: Some(hook), after_commit: None },
        _ => Hooks { before_commit: None, after_commit: Some(hook) },
    }
}
