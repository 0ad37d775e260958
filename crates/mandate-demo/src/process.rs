//! The wallet's process, seen from here: started, watched, killed, stopped. It never outlives its handle.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mandate_proto::paths::Paths;
use rustix::process::{Pid, Signal, getpid, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::unix::pipe::Receiver;
use tokio::time::timeout;

use crate::child::AS_WALLET;
use crate::error::{DemoError, same};

/// Longest wait for the wallet to get ready or to end, in seconds; only a broken one takes so long.
const PATIENCE_S: u64 = 20;
/// What is tried when the wallet's process is listened to.
const READ: &str = "listen to the wallet's process";

/// The running wallet.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    told: Lines<BufReader<Receiver>>,
}

impl Daemon {
    /// Starts the wallet over these places and waits until it prints its sockets. Its log goes to a file.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it does not get ready.
    pub(crate) async fn start(paths: &Paths, log: &Path) -> Result<Self, DemoError> {
        let program = std::env::current_exe().map_err(DemoError::system("find this program"))?;
        let log_file = OpenOptions::new().create(true).append(true).open(log);
        let log_file = log_file.map_err(DemoError::io("write", log))?;
        let mut child = Command::new(&program)
            .arg(AS_WALLET)
            .arg(getpid().to_string())
            .args([paths.config(), paths.state_dir(), paths.runtime_dir()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            // Ctrl-C is for this process, which then ends the wallet in its own order.
            .process_group(0)
            .spawn()
            .map_err(DemoError::io("start", &program))?;
        let out = child.stdout.take().map(OwnedFd::from);
        let mut daemon = match out.map(Receiver::from_owned_fd) {
            Some(Ok(out)) => Self { child, told: BufReader::new(out).lines() },
            Some(Err(error)) => {
                end(&mut child);
                return Err(DemoError::system(READ)(error));
            }
            None => {
                end(&mut child);
                return Err(DemoError::differs(&"the wallet's output", &"none"));
            }
        };
        for expected in [paths.wallet_socket(), paths.control_socket()] {
            let told = daemon.next_line("get ready").await?;
            same(&expected.display().to_string(), &told.unwrap_or_else(|| "its end".to_owned()))?;
        }
        Ok(daemon)
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it, as a crash would: SIGKILL, nothing written, nothing closed.
    pub(crate) fn kill(&mut self) {
        end(&mut self.child);
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it does not end, or not well.
    pub(crate) async fn stop(&mut self) -> Result<(), DemoError> {
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(id, Signal::TERM)
                .map_err(|error| DemoError::system("stop the wallet's process")(error.into()))?;
        }
        // Its output is closed when its process has ended, and not before.
        while self.next_line("stop").await?.is_some() {}
        let status = self.child.wait().map_err(DemoError::system(READ))?;
        if status.success() { Ok(()) } else { Err(DemoError::DaemonEnded { status }) }
    }

    /// The next line it prints; `None` at its end.
    async fn next_line(&mut self, what: &'static str) -> Result<Option<String>, DemoError> {
        match timeout(Duration::from_secs(PATIENCE_S), self.told.next_line()).await {
            Ok(line) => line.map_err(DemoError::system(READ)),
            Err(_) => Err(DemoError::DaemonSlow { what, waited_s: PATIENCE_S }),
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a process for good. Returns when it is gone, which after SIGKILL is at once; ended before is fine.
fn end(child: &mut Child) {
    if child.kill().is_ok() {
        child.wait().map(drop).unwrap_or_default();
    }
}
