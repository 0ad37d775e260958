//! `mandate audit show`: the whole story of one purchase, by the id of its intent or payment.

use std::str::FromStr;

use clap::Args;
use mandate::token::{Cart, Receipt};
use mandate::{Head, Jti};
use mandate_ledger::Event;
use mandate_terminal::record::Entries as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use thiserror::Error;

use super::story::{Seen, Story};
use super::tell;
use crate::context::Context;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::record::Record;

const HELP: &str = "\
Shows what was asked and why, the cart and its price, the caps that counted it, the payment, and what became
of it. A signature is checked under the keys that were listed when the payment was minted.

Example:
  mandate audit show \"$(mandate holds --json | jq -r '.[0].jti')\"";

/// Options of `mandate audit show`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The jti of an intent or a payment, or the seq of any entry
    #[arg(value_name = "JTI")]
    of: Anchor,
}

/// An entry, by its number or by the id of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Jti(Jti),
    Seq(u64),
}

/// The text names no entry.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error(
    "is no jti (22 characters, as `mandate holds` shows it) and no seq (as `mandate audit log` shows it)"
)]
struct AnchorError;

impl FromStr for Anchor {
    type Err = AnchorError;

    fn from_str(text: &str) -> Result<Self, AnchorError> {
        // An id has 22 characters, more than any number that is read here.
        let seq = text.parse().map(Self::Seq);
        seq.or_else(|_| text.parse().map(Self::Jti)).or(Err(AnchorError))
    }
}

/// The answer for programs: each entry as it is stored, and beside it what is encoded in it.
#[derive(Serialize)]
struct Document<'s> {
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'s RawValue>,
    entries: Vec<Part<'s>>,
}

#[derive(Serialize)]
struct Part<'s> {
    entry: &'s RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    cart: Option<Decoded<Cart>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Decoded<Receipt>>,
}

struct Decoded<K: mandate::Kind>(Seen<K>);

impl<K: mandate::Kind> Serialize for Decoded<K> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a, C> {
            claims: &'a C,
            kid: &'a mandate::KeyId,
            verified: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            log: Option<Head>,
        }
        let Seen { claims, kid, verified } = &self.0;
        let log = verified.as_ref().ok().copied();
        Fields { claims, kid, verified: log.is_some(), log }.serialize(to)
    }
}

/// Finds the story and tells it; an entry that is in none is shown by itself.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let journal = Journal::open(&context.places)?;
    let part = match arguments.of {
        Anchor::Jti(jti) => Story::token(&journal, jti)?,
        Anchor::Seq(seq) => journal.record(seq)?,
    };
    if let Some(story) = Story::around(&journal, &part)? {
        return context.ui.answer(&document(&story), |ui| tell::story(&story, ui));
    }
    let alone = Part { entry: part.body(), cart: None, receipt: None };
    let document = Document { intent: None, entries: vec![alone] };
    context.ui.answer(&document, |ui| tell::alone(&part, ui))
}

fn document(story: &Story) -> Document<'_> {
    let part = |record: &'_ Record| -> (Option<Decoded<Cart>>, Option<Decoded<Receipt>>) {
        match record.event() {
            Some(Event::Payment(payment)) => (story.cart(payment).map(Decoded), None),
            Some(Event::Receipt(receipt)) => (None, story.receipt(receipt).map(Decoded)),
            _ => (None, None),
        }
    };
    let entries = story.after.iter().map(|record| {
        let (cart, receipt) = part(record);
        Part { entry: record.body(), cart, receipt }
    });
    Document { intent: Some(story.intent.body()), entries: entries.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_entry_and_22_characters_are_an_id() {
        assert_eq!("12".parse(), Ok(Anchor::Seq(12)));
        let jti = Jti::from_random([7; 16]);
        assert_eq!(jti.to_string().parse(), Ok(Anchor::Jti(jti)));
        assert!("12x".parse::<Anchor>().is_err());
        assert!("-1".parse::<Anchor>().is_err());
    }
}
