//! The entries that tell of one purchase: everything that was said of one intent.

use std::ops::ControlFlow;

use mandate::{CartHash, Head, IntentHash, Jti};
use mandate_journal::Chain;
use mandate_terminal::failure::{Failure, chain};
use mandate_terminal::record::{Entries as _, damaged};

use super::fact::{cart_claims, receipt_claims};
use crate::book::UseKey;
use crate::book::event::Event;
use crate::cli::journal::Journal;
use crate::cli::record::{Gateway, Presented, Record};

/// Everything the journal has on one intent, in order.
#[derive(Debug)]
pub(crate) struct Story {
    /// The intent.
    pub(crate) intent: IntentHash,
    /// What happened.
    pub(crate) parts: Vec<Part>,
}

/// One entry of the story.
#[derive(Debug)]
pub(crate) struct Part {
    /// The entry.
    pub(crate) record: Record,
    /// The journal's head right after it: the `log` of an own token.
    pub(crate) head: Head,
}

/// What a story is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    /// The id of an intent, cart, payment or receipt.
    Jti(Jti),
    /// H of an intent or payment, or of a cart that was paid.
    Hash(UseKey),
}

/// The names that an entry goes by, and the intent of its story.
#[derive(Debug)]
struct Names {
    intent: IntentHash,
    ids: Vec<Jti>,
    mandate: Option<UseKey>,
    cart: Option<CartHash>,
}

impl Names {
    /// `None` for an entry that is in no story.
    fn of(event: &Event) -> Option<Self> {
        let of_receipt = |header, claims| {
            let claims = receipt_claims(header, claims)?;
            let (intent, cart) = (claims.intent, claims.cart);
            let mandate = claims.payment.map(UseKey::from);
            Some(Self { intent, ids: vec![claims.jti], mandate, cart })
        };
        match event {
            Event::Cart(cart) => {
                let claims = cart_claims(cart)?;
                let mut ids = vec![claims.jti];
                ids.extend(Presented::read(&cart.intent).map(|intent| intent.said().jti));
                Some(Self { intent: claims.intent, ids, mandate: None, cart: None })
            }
            Event::Use(used) => Self::of_mandate(&used.mandate),
            Event::Refusal(refusal) => Self::of_mandate(&refusal.mandate),
            Event::Equivocation(found) => Self::of_mandate(&found.token),
            Event::Receipt(receipt) => of_receipt(&receipt.header, &receipt.claims),
            Event::Bar(bar) => {
                let mut names = of_receipt(&bar.header, &bar.claims)?;
                names.ids.extend(Presented::read(&bar.mandate).map(|payment| payment.said().jti));
                Some(names)
            }
            Event::Clock(_)
            | Event::Init(_)
            | Event::Policy(_)
            | Event::PolicyRefused(_)
            | Event::Lock(_)
            | Event::RateLimited(_)
            | Event::Unlock(_) => None,
        }
    }

    fn of_mandate(compact: &str) -> Option<Self> {
        let mandate = Presented::read(compact)?;
        let cart = match &mandate {
            Presented::Intent(_) => None,
            Presented::Payment(payment) => Some(payment.claims().cart),
        };
        let (intent, hash) = (mandate.intent(), mandate.hash());
        Some(Self { intent, ids: vec![mandate.said().jti], mandate: Some(hash), cart })
    }

    fn has(&self, name: Name) -> bool {
        match name {
            Name::Jti(jti) => self.ids.contains(&jti),
            Name::Hash(hash) => {
                let cart = self.cart.map(|cart| *cart.as_bytes());
                UseKey::from(self.intent) == hash
                    || self.mandate == Some(hash)
                    || cart.as_ref() == Some(hash.as_bytes())
            }
        }
    }
}

/// The intent of the story that an entry is a part of.
pub(crate) fn intent_of(record: &Record) -> Option<IntentHash> {
    record.event().and_then(Names::of).map(|names| names.intent)
}

/// The intent of the story that something is named in; the newest entry of that name decides.
pub(crate) fn find(journal: &Journal, name: Name) -> Result<IntentHash, Failure> {
    let mut found = None;
    journal.backward(|page| {
        let names = page.iter().rev().filter_map(|record| record.event().and_then(Names::of));
        found = names.into_iter().find(|names| names.has(name)).map(|names| names.intent);
        Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    let what = match name {
        Name::Jti(jti) => format!("the id {jti}"),
        Name::Hash(hash) => format!("the hash {hash}"),
    };
    let problem = format!("no intent, cart, payment or receipt in this book has {what}");
    found.ok_or(Failure::Check(problem))
}

impl Story {
    /// Reads the whole journal for it; the heads come from the entries themselves.
    pub(crate) fn read(journal: &Journal, intent: IntentHash) -> Result<Self, Failure> {
        let mut parts = Vec::new();
        let mut all = Chain::default();
        journal.forward(0, |record| {
            let pushed = all.push(record.body().get().as_bytes());
            pushed.map_err(|error| damaged::<Gateway>(&chain(&error)))?;
            if intent_of(&record) == Some(intent) {
                parts.push(Part { head: all.head(), record });
            }
            Ok(())
        })?;
        Ok(Self { intent, parts })
    }
}
