//! The command line as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use mandate_proto::paths::Overrides;

use crate::audit::AuditCommand;
use crate::config::ConfigCommand;
use crate::key::KeyCommand;
use crate::merchant::MerchantCommand;
use crate::{
    agent, approvals, backup, budget, explain, freeze, init, lock, restore, settle, statement,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  yes
  1  denied, or a check failed
  2  wrong usage, or a bad wallet.toml
  3  the wallet cannot be reached";

const CONFIG_HELP: &str =
    "The file wallet.toml [else: $MANDATE_CONFIG, $XDG_CONFIG_HOME/mandate/wallet.toml]";
const STATE_DIR_HELP: &str =
    "The folder of the ledger [else: $MANDATE_STATE_DIR, $XDG_STATE_HOME/mandate]";
const RUNTIME_DIR_HELP: &str =
    "The folder of the sockets [else: $MANDATE_RUNTIME_DIR, $XDG_RUNTIME_DIR/mandate]";

/// The wallet of AI-agent payment mandates, as its principal sees it.
#[derive(Debug, Parser)]
#[command(name = "mandate", version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Options {
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    config: Option<PathBuf>,

    #[arg(long, global = true, value_name = "DIR", help = STATE_DIR_HELP)]
    state_dir: Option<PathBuf>,

    #[arg(long, global = true, value_name = "DIR", help = RUNTIME_DIR_HELP)]
    runtime_dir: Option<PathBuf>,

    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Options {
    /// The places that the command line names.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            config: self.config.clone(),
            state_dir: self.state_dir.clone(),
            runtime_dir: self.runtime_dir.clone(),
        }
    }
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the key, wallet.toml and the ledger; never overwrites any of them
    Init(init::Arguments),
    /// Show the public key
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Show what the wallet is, holds and obeys right now
    Status,
    /// Print the wallet's figures, as Prometheus reads them
    Metrics,
    /// Show what is left under every cap, and when it starts anew
    Budget(budget::Arguments),
    /// Show one month: where the money went, and what was refused
    Statement(statement::Arguments),
    /// Tell what the wallet would answer, and why; writes nothing
    Explain(explain::Arguments),
    /// Ask for an intent, as an agent would; prints the mandate
    Intent(agent::IntentArguments),
    /// Ask for the payment of a cart, as an agent would; prints the mandate
    Pay(agent::PayArguments),
    /// Hand in a merchant's receipt, as an agent would
    Receipt(agent::ReceiptArguments),
    /// Stop minting at once: for the whole wallet, one agent or one merchant
    Freeze(freeze::FreezeArguments),
    /// End a freeze, or confirm the clock; asks first
    Thaw(freeze::ThawArguments),
    /// List carts that wait for your yes
    Approvals,
    /// Say yes to one of them; asks first
    Approve(approvals::ApproveArguments),
    /// Say no to one of them
    Deny(approvals::DenyArguments),
    /// Wipe the key from the wallet's memory; nothing is signed until an unlock
    #[command(after_help = lock::LOCK_HELP)]
    Lock,
    /// Let the wallet have its key again; asks first
    Unlock(lock::UnlockArguments),
    /// List payments that are minted and not yet settled
    Holds,
    /// Ask merchants what became of these payments: receipts, or the amount back
    Settle(settle::Arguments),
    /// List merchants in wallet.toml, and show those that are
    Merchant {
        #[command(subcommand)]
        command: MerchantCommand,
    },
    /// Check a wallet.toml, or hold it against the past
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Read the journal, and prove that it is whole
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Copy the whole ledger into one new file, running or stopped
    Backup(backup::Arguments),
    /// Put a backup in the ledger's place, frozen; refuses one that lacks what was signed
    Restore(restore::Arguments),
    /// Check this installation, with the way out of what is wrong
    Doctor,
}
