//! The entries that tell of one purchase, from its intent to its receipts.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use mandate::key::Jwk;
use mandate::token::{Cart, Kind, Receipt, UnverifiedMandate, VerifyError};
use mandate::{Head, Jti, KeyId, KeySet, MerchantRole, PublicKey};
use mandate_ledger::Event;
use mandate_ledger::event;
use mandate_terminal::record::Entries as _;

use super::fact::jti;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::record::Record;

/// Everything the journal has on one intent.
#[derive(Debug)]
pub(crate) struct Story {
    /// The intent.
    pub(crate) intent: Record,
    /// What happened after it, in order: approvals, payments, refused carts and receipts, withheld payments, receipts.
    pub(crate) after: Vec<Record>,
    keys: KeySet<MerchantRole>,
}

/// A merchant's token in the journal.
#[derive(Debug)]
pub(crate) struct Seen<K: Kind> {
    /// What it says.
    pub(crate) claims: K::Claims,
    /// The key it names.
    pub(crate) kid: KeyId,
    /// Its signature under the keys that were listed when the payment was minted, and the merchant's head in it.
    pub(crate) verified: Result<Head, VerifyError>,
}

impl Story {
    /// Finds the token of that id.
    pub(crate) fn token(journal: &Journal, wanted: Jti) -> Result<Record, Failure> {
        let text = wanted.to_string();
        let mut found = None;
        journal.backward(|page| {
            let is_it = |record: &Record| {
                // Most entries are told apart without being understood.
                record.body().get().contains(&text)
                    && record.event().and_then(jti).is_some_and(|jti| jti == wanted)
            };
            found = page.into_iter().find(is_it);
            Ok(if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        let problem = format!("no intent and no payment of this wallet has the id {wanted}");
        found.ok_or(Failure::Check(problem))
    }

    /// The story that an entry is a part of; `None` if it is an entry by itself.
    pub(crate) fn around(journal: &Journal, part: &Record) -> Result<Option<Self>, Failure> {
        let mut root = part.seq();
        // A receipt leads to its payment, and a payment to its intent.
        loop {
            let record = journal.record(root)?;
            let before = match record.event() {
                Some(Event::Intent(_)) => return Self::read(journal, record).map(Some),
                Some(Event::Payment(payment)) => payment.intent_seq,
                Some(Event::ApprovalRequest(request)) => request.intent_seq,
                Some(Event::Approval(approval)) => approval.of_seq,
                Some(Event::Receipt(receipt)) => receipt.of_seq,
                Some(Event::Withheld(withheld)) => withheld.of_seq,
                _ => return Ok(None),
            };
            if before >= root {
                return Err(Failure::Check(format!(
                    "entry {root} answers entry {before}, which comes after it; run `mandate audit verify`"
                )));
            }
            root = before;
        }
    }

    /// Reads on from the intent to the end of the journal.
    fn read(journal: &Journal, intent: Record) -> Result<Self, Failure> {
        let mut parts = Parts { seqs: BTreeSet::from([intent.seq()]), ..Parts::default() };
        let mut after = Vec::new();
        journal.forward(intent.seq().saturating_add(1), |record| {
            if record.event().is_some_and(|event| parts.take(record.seq(), event)) {
                after.push(record);
            }
            Ok(())
        })?;
        let keys = parts.keys.into_iter().filter_map(|key| PublicKey::try_from(key).ok());
        Ok(Self { intent, after, keys: KeySet::new(keys) })
    }

    /// A cart of the story.
    pub(crate) fn cart(&self, payment: &event::Payment) -> Option<Seen<Cart>> {
        seen(&payment.cart, &self.keys)
    }

    /// A receipt of the story.
    pub(crate) fn receipt(&self, receipt: &event::Receipt) -> Option<Seen<Receipt>> {
        seen(&receipt.receipt, &self.keys)
    }

    /// Whether the story knows keys to check a signature with: a free action's has none.
    pub(crate) fn has_keys(&self) -> bool {
        self.keys.iter().next().is_some()
    }
}

/// What belongs to a story so far.
#[derive(Debug, Default)]
struct Parts {
    seqs: BTreeSet<u64>,
    keys: Vec<Jwk>,
}

impl Parts {
    /// Takes an entry in, if it answers one of the story's.
    fn take(&mut self, seq: u64, event: &Event) -> bool {
        match event {
            Event::Payment(payment) if self.seqs.contains(&payment.intent_seq) => {
                self.seqs.insert(seq);
                self.keys.extend(payment.keys.iter().cloned());
                true
            }
            Event::Denial(denial) => {
                denial.about.intent_seq.is_some_and(|intent| self.seqs.contains(&intent))
            }
            Event::ApprovalRequest(request) if self.seqs.contains(&request.intent_seq) => {
                self.seqs.insert(seq);
                true
            }
            Event::Approval(approval) => self.seqs.contains(&approval.of_seq),
            Event::Receipt(receipt) => self.seqs.contains(&receipt.of_seq),
            Event::Withheld(withheld) => self.seqs.contains(&withheld.of_seq),
            _ => false,
        }
    }
}

fn seen<K: Kind<Role = MerchantRole>>(
    compact: &str,
    keys: &KeySet<MerchantRole>,
) -> Option<Seen<K>> {
    let token = UnverifiedMandate::<K>::parse(compact).ok()?;
    let (claims, kid) = (token.claims().clone(), *token.kid());
    let verified = token.verify(keys).map(|mandate| mandate.head());
    Some(Seen { claims, kid, verified })
}
