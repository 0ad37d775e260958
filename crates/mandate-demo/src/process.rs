//! The processes of the wallet and the gateways, seen from here: started, watched, killed, stopped.
//!
//! None outlives its handle.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::net::SocketAddr;
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

use crate::child::{AS_GATEWAY, AS_WALLET};
use crate::error::{DemoError, same};
use crate::shop::Shop;

/// Longest wait for a process to get ready or to end, in seconds; only a broken one takes so long.
const PATIENCE_S: u64 = 20;
/// What is tried when a process is listened to.
const READ: &str = "listen to a process";

/// A running process of this demonstration.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    told: Lines<BufReader<Receiver>>,
}

impl Process {
    /// Starts the wallet over these places and waits until it prints its sockets.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it does not get ready.
    pub(crate) async fn wallet(paths: &Paths, log: &Path) -> Result<Self, DemoError> {
        let places = [paths.config(), paths.state_dir(), paths.runtime_dir()];
        let mut wallet = Self::start("wallet", AS_WALLET, &places, log)?;
        for expected in [paths.wallet_socket(), paths.control_socket()] {
            let told = wallet.next_line("get ready").await?;
            same(&expected.display().to_string(), &told.unwrap_or_else(|| "its end".to_owned()))?;
        }
        Ok(wallet)
    }

    /// Starts a merchant's gateway and waits until it prints its address.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it does not get ready.
    pub(crate) async fn gateway(shop: &Shop) -> Result<(Self, SocketAddr), DemoError> {
        let places = [&*shop.config(), &*shop.state_dir()];
        let mut gateway = Self::start(shop.id.as_str(), AS_GATEWAY, &places, &shop.log())?;
        let told = gateway.next_line("get ready").await?.unwrap_or_else(|| "its end".to_owned());
        let address = told.parse().or(Err(DemoError::differs(&"an address", &told)))?;
        Ok((gateway, address))
    }

    /// Starts this program again as another one. Its log goes to a file.
    fn start(name: &str, role: &str, places: &[&Path], log: &Path) -> Result<Self, DemoError> {
        let program = std::env::current_exe().map_err(DemoError::system("find this program"))?;
        let log_file = OpenOptions::new().create(true).append(true).open(log);
        let log_file = log_file.map_err(DemoError::io("write", log))?;
        let mut child = Command::new(&program)
            .arg(role)
            .arg(getpid().to_string())
            .args(places.iter().map(|place| OsStr::new(*place)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            // Ctrl-C is for this process, which then ends the others in its own order.
            .process_group(0)
            .spawn()
            .map_err(DemoError::io("start", &program))?;
        let out = child.stdout.take().map(OwnedFd::from);
        match out.map(Receiver::from_owned_fd) {
            Some(Ok(out)) => {
                Ok(Self { name: name.to_owned(), child, told: BufReader::new(out).lines() })
            }
            Some(Err(error)) => {
                end(&mut child);
                Err(DemoError::system(READ)(error))
            }
            None => {
                end(&mut child);
                Err(DemoError::differs(&"a process's output", &"none"))
            }
        }
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
                .map_err(|error| DemoError::system("stop a process")(error.into()))?;
        }
        // Its output is closed when its process has ended, and not before.
        while self.next_line("stop").await?.is_some() {}
        let status = self.child.wait().map_err(DemoError::system(READ))?;
        if status.success() {
            Ok(())
        } else {
            Err(DemoError::ProcessEnded { name: self.name.clone(), status })
        }
    }

    /// The next line it prints; `None` at its end.
    async fn next_line(&mut self, what: &'static str) -> Result<Option<String>, DemoError> {
        match timeout(Duration::from_secs(PATIENCE_S), self.told.next_line()).await {
            Ok(line) => line.map_err(DemoError::system(READ)),
            Err(_) => {
                Err(DemoError::ProcessSlow { name: self.name.clone(), what, waited_s: PATIENCE_S })
            }
        }
    }
}

impl Drop for Process {
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
