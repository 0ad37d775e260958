//! What `lock` and `unlock` say: the key leaves a daemon's memory at a word, and comes back after a question.

use clap::Args;
use serde::Serialize;

use crate::failure::Failure;
use crate::ui::Ui;

/// Options of `unlock`.
#[derive(Debug, Args)]
#[command(after_help = "The key is asked of its store again, with the checks of every start.")]
pub struct UnlockArguments {
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

#[derive(Serialize)]
struct Locked {
    locked: bool,
    durable: bool,
}

#[derive(Serialize)]
struct Unlocked {
    locked: bool,
    /// Whether this command ended a lock.
    was_locked: bool,
    /// Why the key is not at hand yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_problem: Option<String>,
}

/// Says that `daemon` wiped its key, and whether that is on disk.
///
/// # Errors
///
/// [`Failure::Output`] when it cannot be written.
pub fn locked(ui: &mut Ui<'_>, daemon: &str, durable: bool) -> Result<(), Failure> {
    ui.answer(&Locked { locked: true, durable }, |ui| {
        ui.line("locked: the key is wiped from memory")
    })?;
    if durable {
        return Ok(());
    }
    ui.note(format_args!(
        "warning: it could not be written down (is the disk full?), so this lock ends when {daemon} does; lock again \
         once there is room"
    ))
}

/// Says that there was no lock to end.
///
/// # Errors
///
/// [`Failure::Output`] when it cannot be written.
pub fn was_not_locked(ui: &mut Ui<'_>, daemon: &str) -> Result<(), Failure> {
    let answer = Unlocked { locked: false, was_locked: false, key_problem: None };
    ui.answer(&answer, |ui| ui.line(format_args!("{daemon} is not locked; nothing was changed")))
}

/// Says that the lock ended, and why `daemon` has no key yet, if it has none.
///
/// # Errors
///
/// [`Failure::Output`] when it cannot be written.
pub fn unlocked(ui: &mut Ui<'_>, daemon: &str, key_problem: Option<String>) -> Result<(), Failure> {
    let answer = Unlocked { locked: false, was_locked: true, key_problem };
    ui.answer(&answer, |ui| ui.line("unlocked"))?;
    match answer.key_problem {
        Some(problem) => ui.note(format_args!(
            "warning: there is no key yet, and {daemon} goes on asking: {problem}"
        )),
        None => Ok(()),
    }
}
