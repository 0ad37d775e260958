//! `mandated`: the wallet daemon. Runs in the foreground, logs to stderr, prints its socket paths when ready.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mandate_host::log::LogFormat;
use mandate_proto::paths::Overrides;

/// The wallet beside your agents: mints mandates on a Unix socket, under the caps of wallet.toml.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// The principal's file [default: mandate/wallet.toml in the XDG configuration folder]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the ledger [default: mandate in the XDG state folder]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The folder of the two sockets [default: mandate in the XDG runtime folder]
    #[arg(long, value_name = "DIR")]
    runtime_dir: Option<PathBuf>,
    /// How log lines look; the variable `RUST_LOG` chooses which
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

fn main() -> ExitCode {
    let Arguments { config, state_dir, runtime_dir, log_format } = Arguments::parse();
    mandated::program(Overrides { config, state_dir, runtime_dir }, log_format)
}
