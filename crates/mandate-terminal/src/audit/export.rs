//! `audit export`: the journal up to its newest checkpoint, as a folder that anyone can check.

use std::path::PathBuf;

use clap::Args;
use mandate::{Head, PublicKey};
use mandate_audit::{Contents, Log, write};
use mandate_journal::Checkpoint;
use serde::Serialize;

use super::Provable;
use crate::failure::{Failure, chain};
use crate::ui::{Ui, counted};

/// Entries read at a time.
const PAGE_ENTRIES: u64 = 256;

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
}

/// Exports a journal. `key` signed its checkpoint; `policy` is the configuration in force.
///
/// # Errors
///
/// [`Failure`].
pub fn run(
    arguments: &Arguments,
    journal: &impl Provable,
    key: PublicKey,
    policy: Option<&[u8]>,
    ui: &mut Ui<'_>,
) -> Result<(), Failure> {
    let checkpoint = newest(journal)?;
    let head = checkpoint.head();
    let contents = Contents { checkpoint: &checkpoint, key, policy };
    let pages = (0..head.size.div_ceil(PAGE_ENTRIES)).flat_map(|page| {
        let from = page.saturating_mul(PAGE_ENTRIES);
        let limit = PAGE_ENTRIES.min(head.size.saturating_sub(from));
        match journal.stored(from, limit) {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(failure) => vec![Err(failure)],
        }
    });
    write(&arguments.dir, &contents, pages).map_err(|error| Failure::Check(chain(&error)))?;
    let dir = arguments.dir.display().to_string();
    let log = Log::of(checkpoint.origin());
    let left_out = journal.size().saturating_sub(head.size);
    ui.answer(&Answer { dir: &dir, log, head, left_out }, |ui| {
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

/// The newest checkpoint of a journal that has one.
pub(super) fn newest(journal: &impl Provable) -> Result<Checkpoint, Failure> {
    journal.checkpoint()?.ok_or_else(|| {
        let text = "no checkpoint was signed yet, so there is nothing that others could believe; start it once with its \
                    key at hand";
        Failure::Check(text.to_owned())
    })
}
