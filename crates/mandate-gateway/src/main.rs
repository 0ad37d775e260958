//! `mandate-gateway`: the merchant's gateway and its operator's commands.

use std::process::ExitCode;

fn main() -> ExitCode {
    mandate_terminal::session::process(mandate_gateway::cli::run)
}
