//! One call of a command line, from its arguments to its exit code.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, IsTerminal as _, Write};
use std::process::ExitCode;

use mandate::UnixSeconds;
use mandate_host::clock::wall_clock;

use crate::failure::Failure;
use crate::ui::Ui;

/// One call of the command line: where it reads and writes, and when.
pub struct Session<'a> {
    /// Standard input.
    pub input: &'a mut dyn BufRead,
    /// Whether a person sits at it.
    pub input_is_terminal: bool,
    /// Standard output: the answer.
    pub out: &'a mut dyn Write,
    /// Standard error: everything beside the answer.
    pub err: &'a mut dyn Write,
    /// The time, read once.
    pub now: UnixSeconds,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Runs a command line over this process: its arguments, its streams, its clock.
pub fn process(run: impl FnOnce(Vec<OsString>, Session<'_>) -> ExitCode) -> ExitCode {
    // Some commands read the key from its store. What the system denies is told by the doctor.
    drop(mandate_keys::harden_process());
    let stdin = io::stdin();
    let is_terminal = stdin.is_terminal();
    // Neither is locked for long: a command that serves logs from its other threads.
    let (mut out, mut err) = (io::BufWriter::new(io::stdout()), io::stderr());
    let session = Session {
        input: &mut stdin.lock(),
        input_is_terminal: is_terminal,
        out: &mut out,
        err: &mut err,
        now: wall_clock(),
    };
    let code = run(std::env::args_os().collect(), session);
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

/// Puts every argument that begins as an option does and `is_id` behind `--`, where nothing is an option.
///
/// One random id in 64 begins with a hyphen.
pub fn ids_last(
    arguments: impl IntoIterator<Item = OsString>,
    is_id: impl Fn(&str) -> bool,
) -> Vec<OsString> {
    let is_hyphened_id = |argument: &OsString| {
        argument.to_str().is_some_and(|text| text.starts_with('-') && is_id(text))
    };
    let (ids, mut all): (Vec<_>, Vec<_>) = arguments.into_iter().partition(is_hyphened_id);
    if !ids.is_empty() && !all.iter().any(|argument| argument == "--") {
        all.push("--".into());
    }
    all.extend(ids);
    all
}

/// The exit code of a command, once what went wrong is said.
pub fn ended(result: Result<(), Failure>, ui: &mut Ui<'_>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            // Where even this cannot be written, the exit code is all there is left to say it with.
            failure.tell(ui).map_or_else(|unwritten| unwritten.exit_code(), |()| code)
        }
    }
}

/// Help and the version are answers; everything else that clap says is a wrong call.
pub fn explain_usage(error: &clap::Error, ui: &mut Ui<'_>) -> ExitCode {
    let text = error.to_string();
    let told = if error.use_stderr() { ui.notes(&text) } else { ui.lines(&text) };
    match told {
        Ok(()) if error.use_stderr() => Failure::Usage(String::new()).exit_code(),
        Ok(()) => ExitCode::SUCCESS,
        Err(unwritten) => unwritten.exit_code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_a_hyphen_is_no_option() {
        let is_id = |text: &str| text == "-id";
        let put = |words: &[&str]| ids_last(words.iter().map(OsString::from), is_id);
        assert_eq!(put(&["x", "-id", "--json"]), ["x", "--json", "--", "-id"]);
        assert_eq!(put(&["x", "-i", "--json"]), ["x", "-i", "--json"]);
        assert_eq!(put(&["x", "--", "-id"]), ["x", "--", "-id"]);
    }
}
