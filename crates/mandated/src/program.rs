//! The daemon as a process: from its places to its exit code. `main.rs` adds the command line.

use std::io::{self, Write as _};
use std::process::ExitCode;

use mandate_host::log::{self, LogFormat};
use mandate_host::program::{self, EXIT_CONFIG, failed};
use mandate_host::supervisor::{HandedIn, handed_in};
use mandate_proto::paths::{Overrides, Paths};
use tokio::sync::oneshot;

use crate::run::{Config, RunError, run};
use crate::sockets::SOCKET_NAMES;

/// The name it goes by on stderr.
const NAME: &str = "mandated";

/// Runs the daemon in the foreground until SIGTERM or SIGINT.
///
/// It logs to stderr and prints its two socket paths when it is ready. It serves the sockets that it was started with, as
/// by systemd; without any it makes its own. The exit code is 0 after a drain, 2 on a bad
/// place or wallet.toml, 1 otherwise.
#[must_use]
pub fn program(places: Overrides, log_format: LogFormat) -> ExitCode {
    let warnings = program::start(log_format);
    // Before a thread is started: it changes the environment.
    let sockets = match handed_in(SOCKET_NAMES) {
        Ok(sockets) => sockets,
        Err(error) => return failed(NAME, EXIT_CONFIG, &log::chain(&error)),
    };
    let paths = match resolve(places, sockets.as_ref()) {
        Ok(paths) => paths,
        Err(problem) => return failed(NAME, EXIT_CONFIG, &problem),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(NAME, 1, &format!("cannot start: {error}")),
    };
    let served = runtime.block_on(serve(Config { sockets, warnings, ..Config::new(paths) }));
    // Nothing that is left on a thread of its own has to end: a copy for a backup takes minutes, a check of a peer hangs.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if error.is_config() { EXIT_CONFIG } else { 1 };
            failed(NAME, code, &log::chain_lines(&error))
        }
    }
}

/// The daemon's places. Sockets that were handed in say themselves where they are: where clients look for them.
///
/// The error is a sentence.
fn resolve(mut places: Overrides, sockets: Option<&[HandedIn; 2]>) -> Result<Paths, String> {
    if let Some([wallet, _]) = sockets
        && places.runtime_dir.is_none()
    {
        places.runtime_dir = wallet.path.parent().map(ToOwned::to_owned);
    }
    let paths = Paths::resolve(places).map_err(|error| error.to_string())?;
    let expected = [paths.wallet_socket(), paths.control_socket()];
    for ((name, expected), found) in
        SOCKET_NAMES.iter().zip(expected).zip(sockets.into_iter().flatten())
    {
        if found.path != expected {
            return Err(format!(
                "the socket that was handed in as `{name}` is {}, and clients look for {}; mend ListenStream= in its unit",
                found.path.display(),
                expected.display()
            ));
        }
    }
    Ok(paths)
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
