//! The wallet's process: this program, started again by itself, runs what `mandated` runs.
//!
//! It ends with the process that started it, however that one ends.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use mandate_host::log::LogFormat;
use mandate_proto::paths::Overrides;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

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
    mandated::program(places, LogFormat::Text)
}

fn read(mut arguments: impl Iterator<Item = OsString>) -> Arguments {
    let parent = arguments.next().and_then(|id| id.to_str()?.parse().ok()).and_then(Pid::from_raw);
    let mut place = || arguments.next().map(PathBuf::from);
    let places = Overrides { config: place(), state_dir: place(), runtime_dir: place() };
    Arguments { parent, places }
}

fn failed(why: &str) -> ExitCode {
    writeln!(io::stderr().lock(), "{why}").unwrap_or_default();
    ExitCode::FAILURE
}
