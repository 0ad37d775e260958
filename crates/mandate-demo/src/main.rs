//! `mandate-demo`: one command that shows what a mandate is worth.

use std::process::ExitCode;

fn main() -> ExitCode {
    mandate_demo::run(std::env::args_os().skip(1))
}
