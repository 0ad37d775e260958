//! `mandate-gateway doctor`: what is right with this installation, what is not, and the way out.
//!
//! Looks and changes nothing, but for one small file that it writes and removes to time the disk, and a connection to the
//! API that it closes at once.

mod folder;
mod network;

use mandate::UnixSeconds;
use mandate_host::supervisor::Unit;
use mandate_journal::{Entry, OpenError};
use mandate_terminal::doctor::{self, Finding, report};
use mandate_terminal::failure::{Failure, chain};

use super::context::Context;
use super::init;
use super::journal::Owner;
use super::places::Places;
use super::running::Running;
use crate::book::StoppedBook;
use crate::door::{Contradicted, Service, Status};
use crate::settings::{Loaded, load};

/// Runs every check; one that fails is exit code 1.
pub(crate) fn run(context: &mut Context<'_, '_>) -> Result<(), Failure> {
    report(checks(context), context.ui)
}

fn checks(context: &Context<'_, '_>) -> Vec<Finding> {
    let places = &context.places;
    let config = load(places.config());
    let (book, stopped) = book(places);
    let (gateway, status) = gateway(places);
    let mut findings = vec![match &config {
        Ok(_) => Finding::ok("config", format!("{} is good", places.config().display())),
        Err(error) => Finding::fails("config", chain(error)),
    }];
    let config = config.ok();
    // A running gateway tells what it signs with; its store may be out of this user's reach.
    let owner = stopped.as_ref().map(|stopped| &stopped.owner);
    let unasked = config.as_ref().filter(|_| status.is_none());
    findings.extend(unasked.into_iter().flat_map(|file| match &stopped {
        Some(Stopped { locked: Some(problem), .. }) => vec![locked(problem)],
        _ => key_store(file, owner),
    }));
    findings.extend(config.as_ref().and_then(|file| merchant(file, owner)));
    findings.push(book);
    findings.push(gateway);
    findings.extend(status.iter().flat_map(|status| state(status, config.as_ref())));
    findings.extend(status.iter().flat_map(unit));
    findings.extend(folder::check(places));
    if let Some(Loaded { settings, .. }) = &config {
        findings.push(network::listen(settings.listen, status.as_ref().map(|s| s.listen)));
        findings.push(network::upstream(&settings.upstream));
    }
    findings.push(doctor::memory());
    let last = stopped.and_then(|stopped| stopped.last_entry);
    findings.push(doctor::clock(context.now, last, "mandate-gateway clock confirm"));
    findings.extend(doctor::ntp());
    findings.extend(doctor::disk(places.state_dir()));
    findings
}

/// What a stopped gateway's book says.
struct Stopped {
    owner: Owner,
    /// Why the key is locked away, if it is: it is then not asked for.
    locked: Option<String>,
    last_entry: Option<UnixSeconds>,
}

/// Somebody has to look: no fault by itself, and nothing that may be forgotten.
fn locked(problem: &str) -> Finding {
    Finding::warn("key", problem, "end it with `mandate-gateway unlock`")
}

/// The book's file, and what it says where it can be looked at.
fn book(places: &Places) -> (Finding, Option<Stopped>) {
    let path = places.book();
    let path = path.display();
    match StoppedBook::open(places.state_dir()) {
        Ok(book) => match book.owner().and_then(|owner| Ok((owner, book.lock_problem()?))) {
            Ok(((merchant, key), locked)) => {
                let finding = Finding::ok("book", format!("{path} of {merchant}"));
                let owner = Owner { merchant, key };
                (finding, Some(Stopped { owner, locked, last_entry: last_entry(&book) }))
            }
            Err(error) => {
                let way_out =
                    "run `mandate-gateway audit verify`, and restore a backup if it fails";
                (Finding::fail("book", format!("{path}: {}", chain(&error)), way_out), None)
            }
        },
        Err(OpenError::InUse { .. }) => {
            (Finding::ok("book", format!("{path} is in use by a running gateway")), None)
        }
        Err(OpenError::Missing { .. }) => {
            let way_out = "restore a backup, name its folder with --state-dir, or make a new gateway with `mandate-gateway init`";
            (Finding::fail("book", format!("{path} is missing"), way_out), None)
        }
        Err(error) => {
            let way_out = "restore a backup, or mend what the system says";
            (Finding::fail("book", chain(&error), way_out), None)
        }
    }
}

/// When the newest entry was written; a running gateway judges its clock itself.
fn last_entry(book: &StoppedBook) -> Option<UnixSeconds> {
    let newest = book.head().ok()?.size.checked_sub(1)?;
    let bytes = book.entries(newest, 1).ok()?.into_iter().next()?;
    Entry::parse(&bytes).ok().map(|entry| entry.time)
}

/// Whether the store has the key, whether it is the book's, and whether it is there tomorrow.
fn key_store(file: &Loaded, owner: Option<&Owner>) -> Vec<Finding> {
    let location = match init::key_location(&file.settings.key) {
        Ok(location) => location,
        Err(failure) => return vec![Finding::fails("key", failure.to_string())],
    };
    let loaded = match mandate_keys::load(&location) {
        Ok(loaded) => loaded,
        Err(error) => return vec![Finding::fails("key", chain(&error))],
    };
    let public = loaded.key.public_key();
    if let Some(Err(problem)) = owner.map(|owner| init::same_key(&public, &owner.key)) {
        return vec![Finding::fails("key", problem)];
    }
    let store = loaded.store;
    let found = Finding::ok("key", format!("{} in the {store}", public.id()));
    vec![found, doctor::keyring(store)]
}

/// Whether gateway.toml and the book are of one merchant.
fn merchant(file: &Loaded, owner: Option<&Owner>) -> Option<Finding> {
    let (config, book) = (&file.settings.merchant.id, &owner?.merchant);
    (config != book).then(|| {
        let detail = format!("gateway.toml is of the merchant {config}, and the book of {book}");
        Finding::fail(
            "merchant",
            detail,
            "name the right file with --config, or the right --state-dir",
        )
    })
}

/// Whether a gateway answers, and its answer.
fn gateway(places: &Places) -> (Finding, Option<Status>) {
    let asked = Running::find(places)
        .and_then(|running| running.map(|running| running.get::<Status>("/status")).transpose());
    match asked {
        Ok(Some(status)) => {
            let detail = format!("version {} answers for {}", status.version, status.merchant);
            (Finding::ok("gateway", detail), Some(status))
        }
        Ok(None) => {
            let way_out = "start it with `mandate-gateway`";
            (Finding::warn("gateway", "it does not run", way_out), None)
        }
        Err(failure) => (Finding::fail("gateway", chain(&failure), "its log says more"), None),
    }
}

/// Whether somebody starts the running gateway again.
fn unit(status: &Status) -> Vec<Finding> {
    let unit = status.unit.clone().map(|Service { name, is_users }| Unit { name, is_users });
    doctor::unit("mandate-gateway", unit.as_ref())
}

/// What the running gateway says of itself.
fn state(status: &Status, config: Option<&Loaded>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match &status.key_problem {
        Some(problem) if status.locked => locked(problem),
        None => Finding::ok("key", format!("{} is at hand", status.kid)),
        Some(problem) => Finding::fail("key", problem.clone(), "until then nothing is signed"),
    });
    let problems = [
        ("settings", &status.settings_problem, "the last good gateway.toml stays in force"),
        (
            "time",
            &status.clock_problem,
            "set it right, or confirm it with `mandate-gateway clock confirm`",
        ),
        ("journal", &status.journal_problem, "run `mandate-gateway audit verify`"),
    ];
    for (check, problem, way_out) in problems {
        if let Some(problem) = problem {
            findings.push(Finding::fail(check, problem.clone(), way_out));
        }
    }
    if let Some(problem) = &status.memory_problem {
        let way_out =
            "keep snapshots of the disk away from the journal, or the key in another store";
        findings.push(Finding::warn("memory", problem.clone(), way_out));
    }
    if let Some(problem) = &status.metrics_problem {
        let way_out = "calls go on; nobody reads the figures over TCP until then";
        findings.push(Finding::warn("metrics", problem.clone(), way_out));
    }
    let is_other = config.is_some_and(|file| file.settings.digest != status.settings);
    if is_other && status.settings_problem.is_none() {
        let detail = "the running gateway obeys another gateway.toml than this one";
        let way_out = "name its file with --config, or wait a moment and look again";
        findings.push(Finding::warn("settings", detail, way_out));
    }
    let contradicted = status.equivocations.iter().map(|found| {
        let Contradicted { principal, seq, earlier_seq, rule } = found;
        let detail = format!(
            "the wallet of {principal} contradicts itself ({rule}), entry {seq} against entry {earlier_seq}"
        );
        let way_out = format!(
            "look at it with `mandate-gateway audit show {seq}`; a wallet that lost its ledger needs a new key in gateway.toml"
        );
        Finding::warn("principal", detail, way_out)
    });
    findings.extend(contradicted);
    findings.extend(status.warnings.iter().map(|warning| {
        let way_out = "the gateway's unit or its limits can grant it";
        Finding::warn("protection", warning.clone(), way_out)
    }));
    if status.reserved > 0 {
        let detail = format!("{} wait for what became of them", status.reserved);
        findings.push(Finding::warn("uses", detail, "look at them with `mandate-gateway resolve`"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use mandate_terminal::doctor::Verdict;

    use super::*;

    #[test]
    fn what_the_gateway_cannot_do_fails_and_what_waits_warns() {
        let principal = mandate::PrincipalId::try_from(
            "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp".to_owned(),
        );
        let principal = principal.unwrap();
        let key = principal.did_key().unwrap();
        let status = Status {
            version: "0".to_owned(),
            merchant: "lux".parse().unwrap(),
            kid: key.id(),
            key_problem: Some("locked".to_owned()),
            locked: false,
            book: "/s/gateway.db".to_owned(),
            listen: "127.0.0.1:1".parse().unwrap(),
            settings: mandate::PolicyDigest::of(b""),
            settings_problem: None,
            clock_problem: None,
            journal_problem: Some("entry 3".to_owned()),
            memory_problem: Some("a systemd credential cannot remember it".to_owned()),
            metrics_address: None,
            metrics_problem: Some("cannot listen".to_owned()),
            head: mandate_journal::Chain::default().head(),
            reserved: 2,
            warnings: vec!["swap".to_owned()],
            equivocations: vec![Contradicted {
                principal,
                seq: 9,
                earlier_seq: 4,
                rule: mandate::history::Rule::SameSize,
            }],
            unit: None,
        };
        let found = state(&status, None);
        let found: Vec<_> = found.iter().map(|found| (found.check, found.result)).collect();
        let expected = [
            ("key", Verdict::Fail),
            ("journal", Verdict::Fail),
            ("memory", Verdict::Warn),
            ("metrics", Verdict::Warn),
            ("principal", Verdict::Warn),
            ("protection", Verdict::Warn),
            ("uses", Verdict::Warn),
        ];
        assert_eq!(found, expected);
        let status = Status { locked: true, ..status };
        let key = state(&status, None).remove(0);
        assert_eq!((key.check, key.result), ("key", Verdict::Warn));
    }
}
