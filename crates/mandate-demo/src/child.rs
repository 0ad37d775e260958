//! The wallet's process: this program, started again by itself, runs what `mandated` runs.
//!
//! It ends with the process that started it, however that one ends.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use mandate_proto::paths::{Overrides, Paths};
use mandated::log::{self, LogFormat};
use mandated::{Config, RunError};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The first argument of the wallet's process; then its parent's id, wallet.toml, and the folders of ledger and sockets.
pub(crate) const AS_WALLET: &str = "--as-the-wallet";

/// What the wallet's process is started with.
struct Arguments {
    parent: Option<Pid>,
    places: Overrides,
}

/// Runs the wallet until it is told to stop.
pub(crate) fn serve(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let Arguments { parent, places } = read(arguments);
    // First of all: nobody would stop an orphan.
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return failed(&format!("cannot tie this process to its parent: {error}"));
    }
    if parent.is_none() || getppid() != parent {
        return failed("the parent is gone");
    }
    let hardening = mandate_keys::harden_process();
    log::start(LogFormat::Text);
    let warnings: Vec<String> = hardening.warnings().collect();
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let paths = match Paths::resolve(places) {
        Ok(paths) => paths,
        Err(error) => return failed(&error.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    match runtime.block_on(run(Config { warnings, ..Config::new(paths) })) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&log::chain_lines(&error)),
    }
}

fn read(mut arguments: impl Iterator<Item = OsString>) -> Arguments {
    let parent = arguments.next().and_then(|id| id.to_str()?.parse().ok()).and_then(Pid::from_raw);
    let mut place = || arguments.next().map(PathBuf::from);
    let places = Overrides { config: place(), state_dir: place(), runtime_dir: place() };
    Arguments { parent, places }
}

/// Runs the daemon; prints its two socket paths when they accept.
async fn run(config: Config) -> Result<(), RunError> {
    let (ready, told) = oneshot::channel();
    let paths = [config.paths.wallet_socket(), config.paths.control_socket()];
    let announce = tokio::spawn(async move {
        if told.await.is_ok() {
            let mut out = io::stdout().lock();
            for path in paths {
                // Nobody may be reading.
                writeln!(out, "{}", path.display()).unwrap_or_default();
            }
        }
    });
    let result = mandated::run(Config { ready: Some(ready), ..config }, terminated()).await;
    announce.abort();
    result
}

/// Resolves on SIGTERM, or at once if it cannot be awaited.
async fn terminated() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
        }
        Err(error) => tracing::error!(%error, "cannot wait for signals"),
    }
}

fn failed(why: &str) -> ExitCode {
    writeln!(io::stderr().lock(), "{why}").unwrap_or_default();
    ExitCode::FAILURE
}
