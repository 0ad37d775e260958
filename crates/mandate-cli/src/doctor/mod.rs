//! `mandate doctor`: what is right with this installation, what is not, and the way out.
//!
//! Looks and changes nothing, but for one small file that it writes and removes to time the disk.

mod disk;
mod process;
mod sockets;
mod wallet;

use mandate_host::clock::SystemClock;
use mandate_keys::KeyLocation;
use mandate_ledger::{OpenError, StoppedLedger};
use mandated::Loaded;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::journal::Owner;
use crate::key;
use crate::places::Places;
use crate::record::Record;
use crate::time::local;
use crate::ui::{Align, Table, Ui};

/// How far the clock may be behind the journal, in seconds; the tolerance of the wallet.
const BEHIND_S_MAX: u64 = mandate::clock::CLOCK_TOLERANCE_S;

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    check: &'static str,
    result: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    way_out: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// The wallet cannot work, or can be misused.
    Fail,
    /// As it should be.
    Ok,
    /// It works, and the principal should know.
    Warn,
}

impl Verdict {
    fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Ok => "ok",
            Self::Warn => "warn",
        }
    }
}

impl Finding {
    fn fail(check: &'static str, detail: impl Into<String>, way_out: impl Into<String>) -> Self {
        let (result, way_out) = (Verdict::Fail, Some(way_out.into()));
        Self { check, result, detail: detail.into(), way_out }
    }

    /// A failure whose text names the way out itself.
    fn fails(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Fail, detail: detail.into(), way_out: None }
    }

    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, result: Verdict::Ok, detail: detail.into(), way_out: None }
    }

    fn warn(check: &'static str, detail: impl Into<String>, way_out: impl Into<String>) -> Self {
        let (result, way_out) = (Verdict::Warn, Some(way_out.into()));
        Self { check, result, detail: detail.into(), way_out }
    }
}

#[derive(Serialize)]
struct Answer {
    healthy: bool,
    checks: Vec<Finding>,
}

/// Runs every check; one that fails is exit code 1.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let checks = checks(context);
    let healthy = checks.iter().all(|finding| finding.result != Verdict::Fail);
    let answer = Answer { healthy, checks };
    context.ui.answer(&answer, |ui| show(&answer, ui))?;
    if healthy { Ok(()) } else { Err(Failure::Said) }
}

fn checks(context: &Context<'_, '_>) -> Vec<Finding> {
    let places = &context.places;
    let config = mandated::load(places.config());
    let (ledger, owner) = ledger(places);
    let (daemon, status) = wallet::daemon(places);
    let mut findings = vec![match &config {
        Ok(_) => Finding::ok("config", format!("{} is good", places.config().display())),
        Err(error) => Finding::fails("config", chain(error)),
    }];
    let config = config.ok();
    // A running wallet tells what it signs with; its store may be out of this user's reach.
    let stopped = config.as_ref().filter(|_| status.is_none());
    findings.extend(stopped.map(|file| key_store(file, owner.as_ref())));
    findings.push(ledger);
    findings.push(daemon);
    findings.extend(status.iter().flat_map(|status| wallet::state(status, places)));
    findings.extend(sockets::check(places, config.as_ref()));
    findings.push(process::memory());
    findings.extend(config.as_ref().map(|file| process::separation(file, &places.ledger())));
    findings.push(clock(context));
    findings.push(disk::check(places.state_dir()));
    findings
}

/// The ledger's file, and whose it is where it can be looked at.
fn ledger(places: &Places) -> (Finding, Option<Owner>) {
    let path = places.ledger();
    let path = path.display();
    match StoppedLedger::open(places.state_dir()) {
        Ok(ledger) => match ledger.owner() {
            Ok((principal, key)) => {
                let finding = Finding::ok("ledger", format!("{path} of {principal}"));
                (finding, Some(Owner { principal, key }))
            }
            Err(error) => {
                let way_out = "run `mandate audit verify`, and restore a backup if it fails";
                (Finding::fail("ledger", format!("{path}: {}", chain(&error)), way_out), None)
            }
        },
        Err(OpenError::InUse { .. }) => {
            (Finding::ok("ledger", format!("{path} is in use by the running wallet")), None)
        }
        Err(OpenError::Missing { .. }) => {
            let way_out = "restore a backup, name its folder with --state-dir, or make a new wallet with `mandate init`";
            (Finding::fail("ledger", format!("{path} is missing"), way_out), None)
        }
        Err(error) => {
            let way_out = "restore a backup, or mend what the system says";
            (Finding::fail("ledger", chain(&error), way_out), None)
        }
    }
}

/// Whether the store has the key, and whether it is the ledger's.
fn key_store(file: &Loaded, owner: Option<&Owner>) -> Finding {
    let location: KeyLocation = match key::location(file.rules.key()) {
        Ok(location) => location,
        Err(failure) => return Finding::fails("key", failure.to_string()),
    };
    let loaded = match mandate_keys::load(&location) {
        Ok(loaded) => loaded,
        Err(error) => return Finding::fails("key", chain(&error)),
    };
    let public = loaded.key.public_key();
    if let Some(Err(problem)) = owner.map(|owner| key::check(&public, &owner.key)) {
        return Finding::fails("key", problem);
    }
    let store = loaded.store;
    Finding::ok("key", format!("{} in the {store}: {}", public.id(), store.durability()))
}

/// Whether the wallet can tell this boot from another, and whether time went on since the last entry.
fn clock(context: &Context<'_, '_>) -> Finding {
    if let Err(error) = SystemClock::new() {
        let way_out = "the wallet needs /proc of a Linux kernel to notice a step of the clock";
        return Finding::fail("clock", chain(&error), way_out);
    }
    let now = context.now;
    let last = last_entry(&context.places).map(|record| record.time());
    match last {
        Some(last) if last.since(now) > BEHIND_S_MAX => Finding::fail(
            "clock",
            format!("it says {}, and the last entry is of {}", local(now), local(last)),
            "set the clock right; if it is right, confirm it with `mandate thaw --clock`",
        ),
        _ => Finding::ok("clock", local(now)),
    }
}

/// The newest entry, while the wallet is stopped; a running one judges its clock itself.
fn last_entry(places: &Places) -> Option<Record> {
    let ledger = StoppedLedger::open(places.state_dir()).ok()?;
    let newest = ledger.head().ok()?.size.checked_sub(1)?;
    let bytes = ledger.entries(newest, 1).ok()?.into_iter().next()?;
    Record::read(bytes).ok()
}

fn show(answer: &Answer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let mut table = Table::bare([Align::Left, Align::Left, Align::Left]);
    for Finding { check, result, detail, way_out } in &answer.checks {
        // The faults of a file come one a line.
        let mut lines = detail.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        table.row([result.as_str().to_owned(), (*check).to_owned(), first]);
        for line in lines.map(str::to_owned).chain(way_out.clone()) {
            table.row([String::new(), String::new(), line]);
        }
    }
    ui.table(&table)?;
    let verdict = if answer.healthy { "no check failed" } else { "some checks failed" };
    ui.line(verdict)
}
