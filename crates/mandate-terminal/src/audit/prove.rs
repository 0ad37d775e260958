//! `audit prove`: one entry as a file that proves itself.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use mandate::Jti;
use mandate_audit::{Story, compose, own_jti};
use mandate_journal::{Checkpoint, Entry};
use serde::Serialize;

use super::Provable;
use super::export::newest;
use crate::failure::{Failure, chain};
use crate::record::{Record, Side};
use crate::ui::{Ui, counted};
use crate::write;

/// What is proven, and where the proof goes.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The id of a token that this journal holds as its own
    #[arg(value_name = "JTI")]
    pub jti: Jti,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Serialize)]
struct Answer<'a> {
    file: &'a str,
    seq: u64,
    size: u64,
    tokens: usize,
}

/// The proof of the entry that is the token of this id: as text, with its number, the size it is proven in, and how many
/// tokens stand beside it.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The proof file.
    pub text: String,
    /// The entry's number.
    pub seq: u64,
    /// The size of the signed log.
    pub size: u64,
    /// How many of the counterpart's tokens stand beside it.
    pub tokens: usize,
}

/// Proves an entry to a file.
///
/// # Errors
///
/// [`Failure`].
pub fn run(arguments: &Arguments, journal: &impl Provable, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Arguments { jti, out } = arguments;
    let mut found = None;
    let text = jti.to_string();
    journal.backward(|page| {
        let is_it = |record: &Record<_>| {
            let body = record.body().get();
            // Most entries are told apart without being understood.
            body.contains(&text) && own_jti(body.as_bytes()) == Some(*jti)
        };
        found = page.iter().find(|record| is_it(record)).map(Record::seq);
        Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let seq = found
        .ok_or_else(|| Failure::Check(format!("no token of this journal has the id {jti}")))?;
    let Proven { text, seq, size, tokens } = prove(journal, seq)?;
    // A name alone has no folder to make, and is a file of this one.
    write::new(&Path::new(".").join(out), &text)?;
    let file = out.display().to_string();
    ui.answer(&Answer { file: &file, seq, size, tokens }, |ui| {
        let beside = counted(u64::try_from(tokens).unwrap_or(u64::MAX), "token", "tokens");
        ui.line(format_args!(
            "{file} proves entry {seq} in a log of {size}, with {beside} of the other side"
        ))
    })
}

/// The proof of one entry, with every token of the other side that belongs to its story. Reads the whole journal.
///
/// # Errors
///
/// [`Failure`]: that no checkpoint covers it yet.
pub fn prove(journal: &impl Provable, seq: u64) -> Result<Proven, Failure> {
    let checkpoint = newest(journal)?;
    let record = covered(journal, &checkpoint, seq)?;
    let mut story = Story::of(&entry(&record)?);
    journal.forward(0, |record| {
        story.take(&entry(&record)?);
        Ok(())
    })?;
    compose_with(journal, &checkpoint, &record, story)
}

/// The proof of one entry under a checkpoint, with the tokens of the other side that are in `related` entries.
///
/// # Errors
///
/// [`Failure`]: that the checkpoint does not cover it.
pub fn prove_among(
    journal: &impl Provable,
    checkpoint: &Checkpoint,
    seq: u64,
    related: impl IntoIterator<Item = u64>,
) -> Result<Proven, Failure> {
    let record = covered(journal, checkpoint, seq)?;
    let mut story = Story::of(&entry(&record)?);
    for seq in related {
        story.take(&entry(&journal.record(seq)?)?);
    }
    compose_with(journal, checkpoint, &record, story)
}

/// An entry that a checkpoint covers.
fn covered<J: Provable>(
    journal: &J,
    checkpoint: &Checkpoint,
    seq: u64,
) -> Result<Record<J::Side>, Failure> {
    let size = checkpoint.head().size;
    if seq < size {
        return journal.record(seq);
    }
    Err(Failure::Check(format!(
        "entry {seq} is newer than the newest checkpoint, which covers {size}; one is signed within 10 s while the journal \
         is served, and at shutdown"
    )))
}

fn entry<S: Side>(record: &Record<S>) -> Result<Entry<'_>, Failure> {
    Entry::parse(record.body().get().as_bytes()).map_err(|error| {
        Failure::Check(format!("entry {} cannot be read: {}", record.seq(), chain(&error)))
    })
}

fn compose_with<J: Provable>(
    journal: &J,
    checkpoint: &Checkpoint,
    record: &Record<J::Side>,
    story: Story,
) -> Result<Proven, Failure> {
    let (seq, size) = (record.seq(), checkpoint.head().size);
    let tokens = story.tokens();
    let path = journal.inclusion(seq, size)?;
    let text = compose(checkpoint, seq, path, record.body().get(), &tokens)
        .map_err(|error| Failure::Check(chain(&error)))?;
    Ok(Proven { text, seq, size, tokens: tokens.len() })
}
