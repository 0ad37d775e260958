//! A daemon as a process: how it begins, what ends it, and what it says when it cannot go on.

use std::io::{self, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use crate::log::{self, LogFormat};

/// Exit code of a wrong command line or configuration file.
pub const EXIT_CONFIG: u8 = 2;

/// Hardens the process and starts its log: the first thing that a daemon does.
///
/// Gives back what the system denied that would protect the key better, a sentence each, after warning of it.
#[must_use]
pub fn start(log_format: LogFormat) -> Vec<String> {
    // First of all: nothing secret may be in memory before it is locked and out of reach.
    let hardening = mandate_keys::harden_process();
    log::start(log_format);
    raise_open_files();
    let warnings: Vec<String> = hardening.warnings().collect();
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    // What is not all of it is no warning where the key's page is locked, which is told when the key comes.
    tracing::info!("memory kept out of swap: {}", hardening.memory);
    warnings
}

/// Allows as many open files as the system lets this process have: each connection is one, and one too few leaves a call
/// that was let in without a way on.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the number of open files stays at {:?}", limit.current);
    }
}

/// How many files this process may have open.
#[must_use]
pub fn open_files_max() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Resolves on SIGTERM or SIGINT from now on; at once, if they cannot be awaited.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn stop_signal() -> impl Future<Output = ()> {
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

/// Says on stderr why the program ends, whatever the log format and filter are.
#[must_use]
pub fn failed(program: &str, code: u8, why: &str) -> ExitCode {
    let mut err = io::stderr().lock();
    for line in why.lines() {
        writeln!(err, "{program}: {line}").unwrap_or_default();
    }
    ExitCode::from(code)
}
