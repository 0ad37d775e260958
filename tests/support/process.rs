//! The built daemon as a process of its own.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Home;

/// Longest wait for a child to let go of what it inherited; only a broken one takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Taken while a process is started, and while a ledger is opened, held or closed in this one: between its fork and its
/// exec a child holds every lock of its parent.
static FORKS_AND_LOCKS: Mutex<()> = Mutex::new(());

/// Keeps processes from being started while a lock is held, and the other way round.
pub fn alone() -> MutexGuard<'static, ()> {
    // A test that fails while it holds this has nothing to do with the others.
    FORKS_AND_LOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a process that holds none of this one's locks.
///
/// # Panics
///
/// If the system fails.
pub fn start(command: &mut Command) -> Child {
    let _alone = alone();
    let child = command.spawn().expect("a process");
    // The kernel tells the parent that the child has exec'd before it closes what the child is not to have.
    let inherited = locks("self");
    let started = Instant::now();
    while locks(&child.id().to_string()).iter().any(|lock| inherited.contains(lock)) {
        assert!(started.elapsed() < PATIENCE, "the child keeps a lock of its parent");
        std::thread::yield_now();
    }
    child
}

/// The lock files that a process has open; none of one that is gone.
fn locks(process: &str) -> Vec<PathBuf> {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let files = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "lock")).collect()
}

/// A running daemon; killed if a test ends without ending it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
    /// What it printed when it was ready: its sockets, one a line.
    pub sockets: Vec<String>,
}

impl Home {
    /// The command that runs the built daemon over this home; its log goes to a file.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    #[must_use]
    pub fn command(&self, binary: &str) -> Command {
        let mut command = Command::new(binary);
        command
            .args([Path::new("--config"), self.paths.config()])
            .args([Path::new("--state-dir"), self.paths.state_dir()])
            .args([Path::new("--runtime-dir"), self.paths.runtime_dir()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(self.log()).expect("a log"));
        command
    }

    /// Where a built daemon logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder().join("mandated.log")
    }

    /// Starts the built daemon and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If it ends before; its log is shown then.
    #[must_use]
    pub fn spawn(&self, binary: &str) -> Process {
        self.run(self.command(binary))
    }

    /// As [`Home::spawn`], with a command that a test changed.
    ///
    /// # Panics
    ///
    /// As [`Home::spawn`].
    #[must_use]
    pub fn run(&self, mut command: Command) -> Process {
        let mut child = start(&mut command);
        let stdout = child.stdout.take().expect("a pipe");
        let sockets = BufReader::new(stdout).lines().take(2).collect::<Result<Vec<_>, _>>();
        let process = Process { child, log: self.log(), sockets: sockets.expect("text") };
        assert_eq!(process.sockets.len(), 2, "it did not start: {}", process.log());
        process
    }
}

impl Process {
    /// Everything it logged so far.
    ///
    /// # Panics
    ///
    /// If the log cannot be read.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it is gone.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a living process");
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// If the system fails.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a status")
    }

    /// Stops it as a service manager does, and wants it to end well.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// Ends it in the middle of whatever it does.
    ///
    /// # Panics
    ///
    /// If the system fails.
    pub fn kill(mut self) {
        self.child.kill().expect("a process");
        self.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone in most tests.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}
