//! The command line as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mandate_host::log::LogFormat;

use super::audit::AuditCommand;
use super::clock::ClockCommand;
use super::config::ConfigCommand;
use super::principal::PrincipalCommand;
use super::{init, lock, resolve};

const EXIT_CODES: &str = "\
Without a command, the gateway runs.

Exit codes:
  0  yes
  1  a check failed, or the gateway said no
  2  wrong usage, or a bad gateway.toml
  3  the gateway cannot be reached";

const CONFIG_HELP: &str =
    "The file gateway.toml [else: in $CONFIGURATION_DIRECTORY, or $XDG_CONFIG_HOME/mandate]";
const STATE_DIR_HELP: &str = "The folder of the book and of the operator's socket [else: $STATE_DIRECTORY, or $XDG_STATE_HOME/mandate]";

const LOG_FORMAT_HELP: &str = "How log lines look while the gateway runs, json or text; $RUST_LOG chooses which [default: text]";

/// The merchant's gateway of AI-agent payment mandates: no call reaches the API without a mandate for exactly it.
#[derive(Debug, Parser)]
#[command(name = "mandate-gateway", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Options {
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    pub(crate) config: Option<PathBuf>,

    #[arg(long, global = true, value_name = "DIR", help = STATE_DIR_HELP)]
    pub(crate) state_dir: Option<PathBuf>,

    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        help = LOG_FORMAT_HELP
    )]
    pub(crate) log_format: LogFormat,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway in the foreground; logs to stderr
    Run,
    /// Make the key, gateway.toml and the book; never overwrites any of them
    Init(init::Arguments),
    /// Check a gateway.toml
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Say whose mandates are accepted
    Principal {
        #[command(subcommand)]
        command: PrincipalCommand,
    },
    /// List uses of which it is not known what became, or say what became of one; asks first
    Resolve(resolve::Arguments),
    /// Read the book's journal, and prove that it is whole
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Say that this machine's clock is right
    Clock {
        #[command(subcommand)]
        command: ClockCommand,
    },
    /// Wipe the key from the gateway's memory; no call goes on until an unlock
    #[command(after_help = lock::LOCK_HELP)]
    Lock,
    /// Let the gateway have its key again; asks first
    Unlock(lock::UnlockArguments),
    /// Check this installation, with the way out of what is wrong
    Doctor,
}
