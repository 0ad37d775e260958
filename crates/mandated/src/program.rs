//! The daemon as a process: from its places to its exit code. `main.rs` adds the command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use mandate_host::log::{self, LogFormat};
use mandate_host::program::{self, EXIT_CONFIG, failed};
use mandate_proto::paths::{Overrides, Paths};
use tokio::sync::oneshot;

use crate::run::{Config, RunError, run};

/// The name it goes by on stderr.
const NAME: &str = "mandated";

/// Runs the daemon in the foreground until SIGTERM or SIGINT.
///
/// It logs to stderr and prints its two socket paths when it is ready. The exit code is 0 after a drain, 2 on a bad
/// place or wallet.toml, 1 otherwise.
#[must_use]
pub fn program(places: Overrides, log_format: LogFormat) -> ExitCode {
    let warnings = program::start(log_format);
    let paths = match Paths::resolve(places) {
        Ok(paths) => paths,
        Err(error) => return failed(NAME, EXIT_CONFIG, &error.to_string()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(NAME, 1, &format!("cannot start: {error}")),
    };
    match runtime.block_on(serve(Config { warnings, ..Config::new(paths) })) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if error.is_config() { EXIT_CONFIG } else { 1 };
            failed(NAME, code, &log::chain_lines(&error))
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
    let stop = program::stop_signal();
    let result = run(Config { ready: Some(ready), ..config }, stop).await;
    announce.abort();
    result
}
