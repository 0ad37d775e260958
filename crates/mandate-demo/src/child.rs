//! The product's programs as processes: this program, started again by itself, runs what `mandated` and
//! `mandate-gateway` run.
//!
//! Each ends with the process that started it, however that one ends.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use mandate_gateway::{RunConfig, RunError};
use mandate_host::log::{LogFormat, chain_lines};
use mandate_host::program;
use mandate_proto::paths::Overrides;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use tokio::sync::oneshot;

/// The first argument of the wallet's process; then its parent's id, wallet.toml, and the folders of ledger and sockets.
pub(crate) const AS_WALLET: &str = "--as-the-wallet";
/// The first argument of a gateway's process; then its parent's id, gateway.toml, and the folder of its book.
pub(crate) const AS_GATEWAY: &str = "--as-a-gateway";

/// The name that a gateway goes by on stderr.
const GATEWAY_NAME: &str = "mandate-gateway";

/// Runs the wallet until it is told to stop.
pub(crate) fn wallet(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    if let Err(why) = tie_to_parent(arguments.next()) {
        return failed(&why);
    }
    let mut place = || arguments.next().map(PathBuf::from);
    let places = Overrides { config: place(), state_dir: place(), runtime_dir: place() };
    mandated::program(places, LogFormat::Text)
}

/// Runs a gateway until it is told to stop; prints its address when it is ready.
pub(crate) fn gateway(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    if let Err(why) = tie_to_parent(arguments.next()) {
        return failed(&why);
    }
    let (Some(config), Some(state_dir)) = (arguments.next(), arguments.next()) else {
        return failed("a gateway needs its file and its folder");
    };
    // Hardening warns in the log, and there is nobody to tell beside.
    drop(program::start(LogFormat::Text));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    let config = RunConfig::new(PathBuf::from(config), PathBuf::from(state_dir));
    match runtime.block_on(serve(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if error.is_config() { program::EXIT_CONFIG } else { 1 };
            program::failed(GATEWAY_NAME, code, &chain_lines(&error))
        }
    }
}

async fn serve(config: RunConfig) -> Result<(), RunError> {
    let (ready, told) = oneshot::channel();
    let announce = tokio::spawn(async move {
        if let Ok(address) = told.await {
            let mut out = io::stdout().lock();
            // Nobody may be reading.
            writeln!(out, "{address}").and_then(|()| out.flush()).unwrap_or_default();
        }
    });
    // Before anything is announced: who sees the address may stop the gateway at once.
    let stop = program::stop_signal();
    let ended = mandate_gateway::run(RunConfig { ready: Some(ready), ..config }, stop).await;
    announce.abort();
    ended
}

/// Ends this process with the one that started it. First of all: nobody would stop an orphan.
fn tie_to_parent(id: Option<OsString>) -> Result<(), String> {
    let parent = id.and_then(|id| id.to_str()?.parse().ok()).and_then(Pid::from_raw);
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| format!("cannot tie this process to its parent: {error}"))?;
    if parent.is_none() || getppid() != parent {
        return Err("the parent is gone".to_owned());
    }
    Ok(())
}

fn failed(why: &str) -> ExitCode {
    writeln!(io::stderr().lock(), "{why}").unwrap_or_default();
    ExitCode::FAILURE
}
