//! `mandate doctor`: what is right with this installation, what is not, and the way out.
//!
//! Looks and changes nothing, but for one small file that it writes and removes to time the disk.

mod process;
mod sockets;
mod wallet;

use mandate_keys::KeyLocation;
use mandate_ledger::{OpenError, StoppedLedger};
use mandate_terminal::doctor::{self, Finding, report};
use mandated::Loaded;

use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::journal::Owner;
use crate::key;
use crate::places::Places;
use crate::record::Record;

/// Runs every check; one that fails is exit code 1.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    report(checks(context), context.ui)
}

fn checks(context: &Context<'_, '_>) -> Vec<Finding> {
    let places = &context.places;
    let config = mandated::load(places.config());
    let (ledger, stopped) = ledger(places);
    let (daemon, status) = wallet::daemon(places);
    let mut findings = vec![match &config {
        Ok(_) => Finding::ok("config", format!("{} is good", places.config().display())),
        Err(error) => Finding::fails("config", chain(error)),
    }];
    let config = config.ok();
    // A running wallet tells what it signs with; its store may be out of this user's reach.
    let unasked = config.as_ref().filter(|_| status.is_none());
    findings.extend(unasked.into_iter().flat_map(|file| match &stopped {
        Some(stopped) if stopped.locked => vec![wallet::locked()],
        stopped => key_store(file, stopped.as_ref().map(|stopped| &stopped.owner)),
    }));
    findings.push(ledger);
    findings.push(daemon);
    findings.extend(status.iter().flat_map(|status| wallet::state(status, places)));
    findings.extend(status.iter().flat_map(wallet::unit));
    findings.extend(sockets::check(places, config.as_ref(), status.as_ref()));
    findings.push(doctor::memory());
    findings.extend(config.as_ref().map(|file| process::separation(file, &places.ledger())));
    let selectors = config.iter().flat_map(|file| process::selectors(file, &places.ledger()));
    findings.extend(selectors);
    let last = last_entry(places).map(|record| record.time());
    findings.push(doctor::clock(context.now, last, "mandate thaw --clock"));
    findings.extend(doctor::ntp());
    findings.extend(doctor::disk(places.state_dir()));
    findings
}

/// What a stopped wallet's ledger says.
struct Stopped {
    owner: Owner,
    /// Whether the principal locked the key away: it is then not asked for.
    locked: bool,
}

/// The ledger's file, and what it says where it can be looked at.
fn ledger(places: &Places) -> (Finding, Option<Stopped>) {
    let path = places.ledger();
    let path = path.display();
    match StoppedLedger::open(places.state_dir()) {
        Ok(ledger) => match ledger.owner().and_then(|owner| Ok((owner, ledger.is_locked()?))) {
            Ok(((principal, key), locked)) => {
                let finding = Finding::ok("ledger", format!("{path} of {principal}"));
                (finding, Some(Stopped { owner: Owner { principal, key }, locked }))
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

/// Whether the store has the key, whether it is the ledger's, and whether it is there tomorrow.
fn key_store(file: &Loaded, owner: Option<&Owner>) -> Vec<Finding> {
    let location: KeyLocation = match key::location(file.rules.key()) {
        Ok(location) => location,
        Err(failure) => return vec![Finding::fails("key", failure.to_string())],
    };
    let loaded = match mandate_keys::load(&location) {
        Ok(loaded) => loaded,
        Err(error) => return vec![Finding::fails("key", chain(&error))],
    };
    let public = loaded.key.public_key();
    if let Some(Err(problem)) = owner.map(|owner| key::check(&public, &owner.key)) {
        return vec![Finding::fails("key", problem)];
    }
    let store = loaded.store;
    let found = Finding::ok("key", format!("{} in the {store}", public.id()));
    vec![found, doctor::keyring(store)]
}

/// The newest entry, while the wallet is stopped; a running one judges its clock itself.
fn last_entry(places: &Places) -> Option<Record> {
    let ledger = StoppedLedger::open(places.state_dir()).ok()?;
    let newest = ledger.head().ok()?.size.checked_sub(1)?;
    let bytes = ledger.entries(newest, 1).ok()?.into_iter().next()?;
    Record::read(bytes).ok()
}
