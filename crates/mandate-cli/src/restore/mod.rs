//! `mandate restore`: a backup takes the ledger's place, unless anything here knows that it lacks what was signed.

mod seen;

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use mandate::text::Purpose;
use mandate::{Head, UnixSeconds};
use mandate_keys::{KeyStoreError, Remembered};
use mandate_ledger::{OpenError, PutError, RecallError, Restoring, StoppedLedger};
use mandated::ConfigError;
use rustix::process::getuid;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, bad_config, chain};
use crate::journal::{Owner, unopened};
use crate::key;
use crate::places::Places;
use crate::ui::counted;

const HELP: &str = "\
Only while the wallet is stopped. The file is checked whole first. The wallet is frozen by it: nothing is signed until
`mandate thaw`. What lies in its place is moved aside, never deleted. Refused is what lacks anything that was signed,
as far as the ledger in place, the head beside the key and what --seen names tell.

Example:
  mandate restore /media/safe/wallet-2026-11-27.db --seen lux-hotels-export --seen receipts.txt";

/// Why the restored wallet is frozen, for its journal.
const REASON: &str = "restored from a backup";
/// The way out when only an older copy is left.
const WAY_OUT: &str = "restore the newest copy; if that is lost, begin a new wallet with another --account and \
                       --state-dir, its caps lowered by what this file and the merchants show as spent";

/// Options of `mandate restore`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// A file that `mandate backup` made
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What was handed out or came back since: a file with one token a line, or a merchant's export
    #[arg(long, value_name = "PATH", num_args = 1..)]
    seen: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Answer {
    ledger: PathBuf,
    /// Entries of the backup; the freeze comes after them.
    entries: u64,
    frozen: &'static str,
    /// What lay in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_aside: Option<PathBuf>,
    /// Whether there was a head beside the key to hold it against. What was signed after that head may still be missing.
    held_against_the_key_store: bool,
    /// Tokens that were held against it.
    seen: usize,
}

/// Restores one.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let Arguments { file, seen } = arguments;
    let places = &context.places;
    let place = Restoring::hold(places.state_dir()).map_err(|error| unheld(&error))?;
    let staged = place.stage(file).map_err(|error| Failure::Check(chain(&error)))?;
    let backup = staged.read().map_err(|error| no_backup(file, &unopened_copy(&error)))?;
    backup.verify().map_err(|error| no_backup(file, &chain(&error)))?;
    let unread = |error| no_backup(file, &chain(&error));
    let (principal, key) = backup.owner().map_err(unread)?;
    let owner = Owner { principal, key };
    let head = backup.head().map_err(unread)?;
    refuse_what_is_newer(&place, (&backup, head), &owner, &places.ledger())?;
    let remembered = remembered(places, &owner)?;
    if let Ok(Some(note)) = &remembered {
        backup.recall(note).map_err(|error| lacking(file, head, &error))?;
    }
    let tokens = seen::hold_against(&backup, &owner, seen)?;
    drop(backup);
    let reason: Purpose = REASON.parse().map_err(|error| Failure::Check(chain(&error)))?;
    let moved = staged.put(context.now, getuid().as_raw(), reason, &aside(context.now));
    let moved = moved.map_err(|error| not_in_place(&error))?;
    let answer = Answer {
        ledger: places.ledger(),
        entries: head.size,
        frozen: "wallet",
        moved_aside: moved,
        held_against_the_key_store: matches!(remembered, Ok(Some(_))),
        seen: tokens,
    };
    tell(&answer, remembered.err().as_deref(), context)
}

fn tell(
    answer: &Answer,
    no_key: Option<&str>,
    context: &mut Context<'_, '_>,
) -> Result<(), Failure> {
    context.ui.answer(answer, |ui| {
        ui.line(format_args!(
            "restored {} to {}",
            entries(answer.entries),
            answer.ledger.display()
        ))?;
        if let Some(moved) = &answer.moved_aside {
            ui.line(format_args!("what lay there is now {}", moved.display()))?;
        }
        ui.line("frozen: wallet; end it with `mandate thaw` once you know that nothing is missing")
    })?;
    if let Some(problem) = no_key {
        context.ui.note(format_args!("warning: the key was not asked: {problem}"))?;
    }
    if !answer.held_against_the_key_store {
        context.ui.note(
            "warning: nothing here knows whether this is the newest copy, and what was signed after it counts under no \
             cap; name what merchants and agents hold with --seen, and run `mandate settle` before the thaw",
        )?;
    }
    Ok(())
}

/// Refuses to replace a ledger of this wallet that has anything which the backup lacks.
fn refuse_what_is_newer(
    place: &Restoring,
    (backup, head): (&StoppedLedger, Head),
    owner: &Owner,
    ledger: &Path,
) -> Result<(), Failure> {
    let move_away = format!("move {} and what begins with that name elsewhere", ledger.display());
    let unknown = |error: &(dyn Error + 'static)| {
        Failure::Check(format!(
            "whether the ledger in place has more than the backup cannot be told: {}; nothing was changed; if it is \
             lost, {move_away}, and run this again",
            chain(error)
        ))
    };
    let current = match place.current() {
        Ok(Some(current)) => current,
        Ok(None) => return Ok(()),
        // It may be why this is asked.
        Err(error) if error.is_damage() => return Ok(()),
        Err(error) => return Err(unknown(&error)),
    };
    let (signed, state) = match current.verify() {
        Ok(verified) => (Some(verified.head), "is whole and"),
        // Its entries prove nothing any more; what it signed over still does.
        Err(fault) if fault.is_damage() => {
            let signed = current.checkpoint().ok().flatten().map(|checkpoint| checkpoint.head());
            (signed, "is damaged, and by its newest signed checkpoint")
        }
        Err(fault) => return Err(unknown(&fault)),
    };
    let is_ours = current.owner().is_ok_and(|(principal, key)| Owner { principal, key } == *owner);
    let Some(signed) = signed.filter(|_| is_ours) else { return Ok(()) };
    match backup.hold_against(signed) {
        Ok(()) if signed == head => Err(Failure::Check(format!(
            "the ledger in place {state} has the same {}; nothing was changed",
            entries(head.size)
        ))),
        Ok(()) => Ok(()),
        Err(RecallError::Fault(fault)) => Err(Failure::Check(format!(
            "the ledger in place {state} has {}, and the backup has not all of them: {}; nothing was changed; restore \
             the newest copy; if this is the newest, {move_away}, and run this again: what only that ledger signed \
             then counts under no cap",
            entries(signed.size),
            chain(&fault)
        ))),
        Err(error) => Err(unknown(&error)),
    }
}

/// The checkpoint beside the key, `None` if the store has none; in the error, why the store was not asked.
fn remembered(places: &Places, owner: &Owner) -> Result<Result<Option<String>, String>, Failure> {
    let rules = match mandated::load(places.config()) {
        Ok(loaded) => loaded.rules,
        Err(error @ ConfigError::Missing { .. }) => return Ok(Err(chain(&error))),
        Err(error) => return Err(bad_config(&error)),
    };
    if let Some(id) = &rules.principal().id
        && *id != owner.principal
    {
        return Err(Failure::Check(format!(
            "the backup is of the wallet of {}, and wallet.toml is of {id}; name the right one with --config",
            owner.principal
        )));
    }
    let loaded = match mandate_keys::load(&key::location(rules.key())?) {
        Ok(loaded) => loaded,
        Err(error @ (KeyStoreError::Missing { .. } | KeyStoreError::Unreachable { .. })) => {
            return Ok(Err(chain(&error)));
        }
        // The head is there for whoever unlocks or mends the store, so it is not passed over.
        Err(error) => {
            let error = chain(&error);
            return Err(Failure::Check(format!(
                "{error}; nothing was changed, run this again then"
            )));
        }
    };
    key::check(&loaded.key.public_key(), &owner.key).map_err(Failure::Check)?;
    Ok(Ok(match loaded.remembered {
        Remembered::Text(note) => Some(note),
        Remembered::Never | Remembered::Nothing => None,
    }))
}

fn lacking(file: &Path, head: Head, error: &RecallError) -> Failure {
    let missing = match error {
        RecallError::Fault(mandate_journal::CheckpointFault::Shorter { signed, actual }) => {
            let missing = signed.saturating_sub(*actual);
            let verb = if missing == 1 { "is" } else { "are" };
            format!("{missing} of the {signed} entries {verb} missing")
        }
        error => format!("its log of {} is another one: {}", entries(head.size), chain(error)),
    };
    Failure::Check(format!(
        "{} lacks what was signed: the head remembered beside the key says that {missing}; {WAY_OUT}",
        file.display()
    ))
}

fn not_in_place(error: &PutError) -> Failure {
    let kept = error.moved.as_ref().map(|moved| {
        format!("; what lay there is now {}, and no ledger is in its place", moved.display())
    });
    let kept = kept.unwrap_or_default();
    Failure::Check(format!("the backup is not in place: {}{kept}", chain(error.source.as_ref())))
}

fn entries(number: u64) -> String {
    counted(number, "entry", "entries")
}

/// Why the copy of the file cannot be read, without the name that the copy has here.
fn unopened_copy(error: &OpenError) -> String {
    match error {
        OpenError::Damaged { damage, .. } => format!("it is damaged: {}", chain(damage)),
        OpenError::Foreign { .. } => "it is no backup of a wallet's ledger".to_owned(),
        OpenError::Newer { found, known, .. } => {
            format!("it has format {found}, and this program knows format {known}")
        }
        OpenError::Store { source, .. } => format!("it does not open: {}", chain(source)),
        error => chain(error),
    }
}

fn no_backup(file: &Path, problem: &str) -> Failure {
    Failure::Check(format!(
        "{} cannot be restored: {problem}; take another copy, nothing was changed",
        file.display()
    ))
}

fn unheld(error: &OpenError) -> Failure {
    match error {
        OpenError::InUse { .. } => Failure::Config(
            "the wallet runs, and nothing is restored under it; stop mandated and its sockets first, or the next call starts \
             it again".to_owned(),
        ),
        error => unopened(error),
    }
}

/// What names end with that are moved out of the way.
fn aside(now: UnixSeconds) -> String {
    let seconds = i64::try_from(now.seconds()).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    format!("before-restore-{}", time.strftime("%Y%m%dT%H%M%SZ"))
}
