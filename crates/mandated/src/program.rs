//! The daemon as a process: from its places to its exit code. `main.rs` adds the command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use mandate_proto::paths::{Overrides, Paths};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::log::{self, LogFormat};
use crate::run::{Config, RunError, run};

/// Exit code of a wrong command line or wallet.toml.
const EXIT_CONFIG: u8 = 2;

/// Runs the daemon in the foreground until SIGTERM or SIGINT.
///
/// It logs to stderr and prints its two socket paths when it is ready. The exit code is 0 after a drain, 2 on a bad
/// place or wallet.toml, 1 otherwise.
#[must_use]
pub fn program(places: Overrides, log_format: LogFormat) -> ExitCode {
    // First of all: nothing secret may be in memory before it is locked and out of reach.
    let hardening = mandate_keys::harden_process();
    log::start(log_format);
    let warnings: Vec<String> = hardening.warnings().collect();
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let paths = match Paths::resolve(places) {
        Ok(paths) => paths,
        Err(error) => return failed(&error.to_string(), EXIT_CONFIG),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}"), 1),
    };
    match runtime.block_on(serve(Config { warnings, ..Config::new(paths) })) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            failed(&log::chain_lines(&error), if error.is_config() { EXIT_CONFIG } else { 1 })
        }
    }
}

async fn serve(config: Config) -> Result<(), RunError> {
    let (ready, told) = oneshot::channel();
    let paths = [config.paths.wallet_socket(), config.paths.control_socket()];
    let announce = tokio::spawn(async move {
        if told.await.is_ok() {
            let mut out = io::stdout().lock();
            for path in paths {
                // Nobody may be reading.
                writeln!(out, "{}", path.display()).unwrap_or_default();
            }
            out.flush().unwrap_or_default();
        }
    });
    // Before anything is announced: who sees the sockets may stop the daemon at once.
    let stop = stop_signal();
    let result = run(Config { ready: Some(ready), ..config }, stop).await;
    announce.abort();
    result
}

/// Resolves on SIGTERM or SIGINT from now on; at once, if they cannot be awaited.
fn stop_signal() -> impl Future<Output = ()> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            tracing::error!("cannot wait for signals");
            return;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

/// Says why on stderr, whatever the log format and filter are.
fn failed(why: &str, code: u8) -> ExitCode {
    let mut err = io::stderr().lock();
    for line in why.lines() {
        writeln!(err, "mandated: {line}").unwrap_or_default();
    }
    ExitCode::from(code)
}
