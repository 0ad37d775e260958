//! `mandate-gateway audit show`: the whole story of one purchase, by the name of any token in it.

use std::str::FromStr;

use clap::Args;
use mandate::{Head, IntentHash, Jti};
use mandate_terminal::failure::Failure;
use mandate_terminal::record::Entries as _;
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::story::{Name, Part, Story, find, intent_of};
use super::tell;
use crate::book::UseKey;
use crate::book::event::Event;
use crate::cli::context::Context;
use crate::cli::journal::Journal;
use crate::cli::record::{Presented, Record};

const HELP: &str = "\
Shows who asked for what, the price that was promised, the use of the mandate, and what became of it; also what was
refused. A cart that was never paid has no hash here: name it by its jti, or by H(intent).

Example:
  mandate-gateway audit show \"$(mandate-gateway resolve --json | jq -r '.[0].hash')\"";

/// Options of `mandate-gateway audit show`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The jti of an intent, cart, payment or receipt, H of one, or the seq of any entry
    #[arg(value_name = "JTI_OR_HASH")]
    of: Anchor,
}

/// An entry by its number, or a story by a name in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Name(Name),
    Seq(u64),
}

/// The text names nothing.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error(
    "is no jti (22 characters), no hash (43 characters) and no seq (as `mandate-gateway audit log` shows it)"
)]
struct AnchorError;

impl FromStr for Anchor {
    type Err = AnchorError;

    fn from_str(text: &str) -> Result<Self, AnchorError> {
        // An id has 22 characters and a hash 43, more than any number that is read here.
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(seq));
        }
        let jti = text.parse::<Jti>().map(Name::Jti);
        let name = jti.or_else(|_| text.parse::<UseKey>().map(Name::Hash));
        name.map(Self::Name).or(Err(AnchorError))
    }
}

/// The answer for programs: each entry as it is stored, and beside it what is encoded in it.
#[derive(Serialize)]
struct Document<'s> {
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<IntentHash>,
    entries: Vec<Decoded<'s>>,
}

#[derive(Serialize)]
struct Decoded<'s> {
    entry: &'s RawValue,
    /// The journal's head right after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    /// The wallet's token in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mandate: Option<Token>,
}

#[derive(Serialize)]
struct Token {
    typ: &'static str,
    hash: String,
    claims: serde_json::Value,
    log: Head,
}

/// Finds the story and tells it; an entry that is in none is shown by itself.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let journal = Journal::open(&context.places)?;
    let intent = match arguments.of {
        Anchor::Name(name) => find(&journal, name)?,
        Anchor::Seq(seq) => {
            let record = journal.record(seq)?;
            match intent_of(&record) {
                Some(intent) => intent,
                None => return alone(&record, context),
            }
        }
    };
    let story = Story::read(&journal, intent)?;
    let entries = story.parts.iter().map(|Part { record, head }| decoded(record, Some(*head)));
    let document = Document { intent: Some(intent), entries: entries.collect() };
    context.ui.answer(&document, |ui| tell::story(&story, ui))
}

fn alone(record: &Record, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let document = Document { intent: None, entries: vec![decoded(record, None)] };
    context.ui.answer(&document, |ui| tell::alone(record, ui))
}

fn decoded(record: &Record, head: Option<Head>) -> Decoded<'_> {
    let compact = match record.event() {
        Some(Event::Bar(bar)) => Some(&bar.mandate),
        Some(Event::Cart(cart)) => Some(&cart.intent),
        Some(Event::Equivocation(found)) => Some(&found.token),
        Some(Event::Refusal(refusal)) => Some(&refusal.mandate),
        Some(Event::Use(used)) => Some(&used.mandate),
        _ => None,
    };
    let mandate = compact.and_then(|compact| Presented::read(compact)).and_then(|mandate| {
        let (typ, claims) = match &mandate {
            Presented::Intent(intent) => ("intent", serde_json::to_value(intent.claims())),
            Presented::Payment(payment) => ("payment", serde_json::to_value(payment.claims())),
        };
        let (hash, log) = (mandate.hash().to_string(), mandate.head());
        Some(Token { typ, hash, claims: claims.ok()?, log })
    });
    Decoded { entry: record.body(), head, mandate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_entry_and_the_rest_is_told_by_its_length() {
        assert_eq!("12".parse(), Ok(Anchor::Seq(12)));
        let jti = Jti::from_random([7; 16]);
        assert_eq!(jti.to_string().parse(), Ok(Anchor::Name(Name::Jti(jti))));
        let hash = UseKey::from(mandate::PaymentHash::from_bytes([7; 32]));
        assert_eq!(hash.to_string().parse(), Ok(Anchor::Name(Name::Hash(hash))));
        assert!("12x".parse::<Anchor>().is_err());
        assert!("-1".parse::<Anchor>().is_err());
    }
}
