//! `mandate`: the principal's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    mandate_terminal::session::process(mandate_cli::run)
}
