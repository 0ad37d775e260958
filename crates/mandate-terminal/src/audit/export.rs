//! `audit export`: the journal up to its newest checkpoint, as a folder that anyone can check.

use std::fs::File;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use mandate::{Head, PolicyDigest, PublicKey};
use mandate_audit::{Contents, Log, WriteError, write};
use mandate_journal::Checkpoint;
use serde::{Deserialize, Serialize};

use super::Provable;
use crate::failure::{Failure, chain};
use crate::record::Entries;
use crate::ui::{Ui, counted};

/// Entries read at a time.
const PAGE_ENTRIES: u64 = 256;
/// Most bytes of a configuration file that is exported.
const POLICY_BYTES_MAX: u64 = 1024 * 1024;

/// Where it goes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder to make: new, or empty
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    dir: &'a str,
    log: Option<Log>,
    head: Head,
    left_out: u64,
    /// The configuration in force, if the file still is that one and was exported.
    policy: Option<PolicyDigest>,
}

/// Exports a journal. `key` signed its checkpoint; `config` is the configuration file, which goes with it if it still is
/// the one that was put in force last.
///
/// # Errors
///
/// [`Failure`].
pub fn run(
    arguments: &Arguments,
    journal: &impl Provable,
    key: PublicKey,
    config: &Path,
    ui: &mut Ui<'_>,
) -> Result<(), Failure> {
    let checkpoint = newest(journal)?;
    let head = checkpoint.head();
    let policy = read(config)
        .filter(|file| in_force(journal).ok().flatten() == Some(PolicyDigest::of(file)));
    let contents = Contents { checkpoint: &checkpoint, key, policy: policy.as_deref() };
    let pages = (0..head.size.div_ceil(PAGE_ENTRIES)).flat_map(|page| {
        let from = page.saturating_mul(PAGE_ENTRIES);
        let limit = PAGE_ENTRIES.min(head.size.saturating_sub(from));
        match journal.stored(from, limit) {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(failure) => vec![Err(failure)],
        }
    });
    write(&arguments.dir, &contents, pages).map_err(|error| match error {
        WriteError::Taken { .. } => Failure::Usage(chain(&error)),
        error => Failure::Check(chain(&error)),
    })?;
    let dir = arguments.dir.display().to_string();
    let log = Log::of(checkpoint.origin());
    let left_out = journal.size().saturating_sub(head.size);
    let exported = policy.as_deref().map(PolicyDigest::of);
    if exported.is_none() {
        let config = config.display();
        ui.note(format_args!(
            "{config} is not the file that was put in force last, and was left out"
        ))?;
    }
    let answer = Answer { dir: &dir, log, head, left_out, policy: exported };
    ui.answer(&answer, |ui| {
        let entries = counted(head.size, "entry", "entries");
        ui.line(format_args!("{entries} exported to {dir}, root {}", head.root))?;
        if left_out > 0 {
            let left = counted(left_out, "newer entry is", "newer entries are");
            ui.line(format_args!(
                "{left} left out: no checkpoint covers them yet; one is signed within 10 s while the journal is served, \
                 and at shutdown"
            ))?;
        }
        Ok(())
    })
}

/// The configuration file, if it can be read whole.
fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(POLICY_BYTES_MAX.saturating_add(1)).read_to_end(&mut bytes).ok()?;
    let read = u64::try_from(bytes.len()).ok()?;
    (read <= POLICY_BYTES_MAX).then_some(bytes)
}

/// The configuration that was put in force last.
fn in_force(journal: &impl Entries) -> Result<Option<PolicyDigest>, Failure> {
    #[derive(Deserialize)]
    struct PutInForce {
        digest: PolicyDigest,
    }
    let mut found = None;
    journal.backward(|page| {
        found = page.iter().rev().find(|record| record.kind() == "policy").and_then(|record| {
            serde_json::from_str::<PutInForce>(record.body().get()).ok().map(|put| put.digest)
        });
        Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

/// The newest checkpoint of a journal that has one.
pub(super) fn newest(journal: &impl Provable) -> Result<Checkpoint, Failure> {
    journal.checkpoint()?.ok_or_else(|| {
        let text = "no checkpoint was signed yet, so there is nothing that others could believe; start it once with its \
                    key at hand";
        Failure::Check(text.to_owned())
    })
}
