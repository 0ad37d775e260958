//! `mandate`: the principal's command line.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use mandate_cli::{Session, run};
use mandate_host::clock::wall_clock;

fn main() -> ExitCode {
    // Some commands read the key from its store. What the system denies is told by `mandate doctor`.
    drop(mandate_keys::harden_process());
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let is_terminal = stdin.is_terminal();
    let mut out = io::BufWriter::new(stdout.lock());
    let code = run(
        std::env::args_os(),
        Session {
            input: &mut stdin.lock(),
            input_is_terminal: is_terminal,
            out: &mut out,
            err: &mut stderr.lock(),
            now: wall_clock(),
        },
    );
    match out.flush() {
        // Whoever read the answer has seen enough of it, as `head` does.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // Where even this cannot be written, the exit code is all there is left to say it with.
            writeln!(io::stderr(), "error: cannot write the answer: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
        _ => code,
    }
}
