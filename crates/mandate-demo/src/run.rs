//! The program: what it is started as, the story from end to end, and how it ends.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use mandate_host::clock::wall_clock;
use mandate_host::log::chain_lines;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::child;
use crate::error::DemoError;
use crate::home::Home;
use crate::scenes;
use crate::screen::{Screen, Style};

/// Exit code of a wrong command line.
const EXIT_USAGE: u8 = 2;
/// Exit code after a signal, as shells have it for SIGINT.
const EXIT_INTERRUPTED: u8 = 130;
/// Lines of each log that are shown when something went wrong.
const LOG_LINES_SHOWN: usize = 8;

/// Shows the demonstration, and says by its exit code whether all was as promised.
///
/// It takes no arguments; those of the other processes are between this program and itself.
pub fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match arguments.next() {
        None => show(),
        Some(first) if first == child::AS_WALLET => child::wallet(arguments),
        Some(first) if first == child::AS_GATEWAY => child::gateway(arguments),
        Some(_) => {
            writeln!(
                io::stderr(),
                "mandate-demo takes no arguments; it is over in a minute and leaves nothing behind"
            )
            .unwrap_or_default();
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn show() -> ExitCode {
    // A key passes through this process, too, when it is made.
    drop(mandate_keys::harden_process());
    let stdout = io::stdout();
    let colour =
        stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let mut out = stdout.lock();
    let mut screen = Screen::new(&mut out, if colour { Style::Colour } else { Style::Plain });
    let (told, code) = match perform(&mut screen) {
        Ok(()) => {
            let all = format!("{} scenes, all as promised.", screen.scenes());
            (screen.well_done(&all), ExitCode::SUCCESS)
        }
        Err(DemoError::Interrupted) => {
            let text = "Interrupted: the processes were ended, the keys and the folder deleted.";
            (screen.say(text), ExitCode::from(EXIT_INTERRUPTED))
        }
        Err(error) => (tell(&mut screen, &error), ExitCode::FAILURE),
    };
    // Where not even this can be written, the exit code says it.
    if told.is_ok() { code } else { ExitCode::FAILURE }
}

/// Says what went wrong, and the way out where there is one.
fn tell(screen: &mut Screen<'_>, error: &DemoError) -> Result<(), DemoError> {
    let lead = match error {
        DemoError::Differs { .. } => "NOT AS PROMISED",
        _ => "STOPPED",
    };
    screen.failed(lead, &chain_lines(error))?;
    match error {
        DemoError::Key(_) if screen.scenes() <= 1 => scenes::way_to_a_keyring(screen),
        _ => Ok(()),
    }
}

/// Plays everything, and removes it again however it ended.
fn perform(screen: &mut Screen<'_>) -> Result<(), DemoError> {
    // One thread: the other processes are tied to the thread that starts them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(DemoError::system("start"))?;
    // Before there is anything to remove.
    let mut interrupts =
        Interrupts::new(&runtime).map_err(DemoError::system("wait for signals"))?;
    scenes::prologue(screen)?;
    let home = Home::new(wall_clock())?;
    let played = runtime.block_on(async {
        tokio::select! {
            biased;
            () = interrupts.first() => Err(DemoError::Interrupted),
            played = scenes::play(&home, screen) => played,
        }
    });
    let logs = match &played {
        Ok(()) | Err(DemoError::Interrupted | DemoError::Screen(_)) => Vec::new(),
        Err(_) => home.logs().map(|(name, log)| (name.to_owned(), read(&log))).into(),
    };
    let removed = home.remove();
    for (name, log) in logs {
        show_end_of(&name, &log, screen)?;
    }
    if let (Err(_), Err(left)) = (&played, &removed) {
        screen.say(&format!("Something was left behind: {}", chain_lines(left)))?;
    }
    played?;
    removed?;
    scenes::epilogue(screen)
}

/// A log file; empty if it cannot be read.
fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

/// Shows the last lines of a log, if there are any.
fn show_end_of(name: &str, log: &str, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    let lines: Vec<&str> = log.lines().collect();
    if let Some((_, last)) = lines.split_at_checked(lines.len().saturating_sub(LOG_LINES_SHOWN))
        && !last.is_empty()
    {
        screen.say("")?;
        screen.say(&format!("The last words of {name}:"))?;
        screen.file(&last.join("\n"))?;
    }
    Ok(())
}

/// The signals that end the demonstration early.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Interrupts {
    fn new(runtime: &Runtime) -> io::Result<Self> {
        let _entered = runtime.enter();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
