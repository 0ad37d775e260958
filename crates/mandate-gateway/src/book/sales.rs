//! The gateway's projections over its journal: carts, uses, totals.
//!
//! Rows change through [`Projection::apply`] alone, one entry at a time, so replaying the journal makes them again.

use mandate::history::Shown;
use mandate::token::{Draft, Intent, Kind, Payment, Receipt, UnverifiedMandate};
use mandate::{Cart, PrincipalId, ReceiptClaims, UnixSeconds};
use mandate_journal::{Entry, LogOwner, Projection, StoreError, peers};
use rusqlite::Connection;
use serde_json::value::RawValue;

use super::damage::damaged;
use super::event::{self, Event};
use super::rows::{self, NewUse, Owner, Payer, UseState};
use super::totals::{self, Charge, Direction};

/// The merchant's state in rows, and whose it is.
#[derive(Debug)]
pub(super) struct Sales {
    /// Absent before the first entry.
    owner: Option<Owner>,
}

/// A wallet's token that was verified before it was written down.
pub(super) fn stored_token<K: Kind>(
    seq: u64,
    compact: &str,
) -> Result<UnverifiedMandate<K>, StoreError> {
    UnverifiedMandate::parse(compact).map_err(|error| damaged(format!("entry {seq}: {error}")))
}

/// The draft of an own token.
pub(super) fn stored_draft<K: Kind>(
    seq: u64,
    header: &RawValue,
    claims: &RawValue,
) -> Result<Draft<K>, StoreError> {
    Draft::from_stored(header, claims).map_err(|error| damaged(format!("entry {seq}: {error}")))
}

/// Reads an entry of this gateway's own making, and when it was made.
pub(super) fn parse_event(seq: u64, bytes: &[u8]) -> Result<(UnixSeconds, Event), StoreError> {
    let entry = Entry::parse(bytes).map_err(|error| damaged(format!("entry {seq}: {error}")))?;
    let event = Event::parse(&entry).map_err(|error| damaged(format!("entry {seq}: {error}")))?;
    Ok((entry.time, event))
}

impl Sales {
    /// Whose gateway it is.
    pub(super) fn owner(&self) -> Result<&Owner, StoreError> {
        self.owner.as_ref().ok_or_else(|| damaged("the first entry is missing"))
    }
}

fn note<K: Kind>(
    db: &Connection,
    seq: u64,
    issuer: &PrincipalId,
    token: &UnverifiedMandate<K>,
) -> Result<(), StoreError> {
    peers::note(db, seq, issuer.as_str(), &Shown::from(token))
}

/// Notes the head in a token of either kind, and gives it back.
fn note_either(db: &Connection, seq: u64, compact: &str) -> Result<Shown, StoreError> {
    if let Ok(payment) = UnverifiedMandate::<Payment>::parse(compact) {
        note(db, seq, &payment.claims().iss, &payment)?;
        return Ok(Shown::from(&payment));
    }
    let intent = stored_token::<Intent>(seq, compact)?;
    note(db, seq, &intent.claims().iss, &intent)?;
    Ok(Shown::from(&intent))
}

fn apply_cart(db: &Connection, seq: u64, cart: &event::Cart) -> Result<(), StoreError> {
    let draft = stored_draft::<Cart>(seq, &cart.header, &cart.claims)?;
    let intent = stored_token::<Intent>(seq, &cart.intent)?;
    note(db, seq, &intent.claims().iss, &intent)?;
    rows::insert_cart(db, seq, draft.claims())
}

fn apply_use(db: &Connection, seq: u64, used: &event::Use) -> Result<(), StoreError> {
    if used.cart_seq.is_none() {
        let intent = stored_token::<Intent>(seq, &used.mandate)?;
        note(db, seq, &intent.claims().iss, &intent)?;
        let hash = intent.hash();
        return rows::insert_use(
            db,
            &NewUse {
                seq,
                key: hash.into(),
                intent: hash,
                request: used.request,
                payer: Payer::Free { intent: intent.claims() },
                state: UseState::Reserved,
                receipt_seq: None,
            },
        );
    }
    let payment = stored_token::<Payment>(seq, &used.mandate)?;
    note(db, seq, &payment.claims().iss, &payment)?;
    let charge = Charge::of(payment.claims());
    rows::insert_use(
        db,
        &NewUse {
            seq,
            key: payment.hash().into(),
            intent: payment.claims().intent,
            request: used.request,
            payer: Payer::Paid(&charge),
            state: UseState::Reserved,
            receipt_seq: None,
        },
    )?;
    totals::record(db, &charge, Direction::Count)
}

fn apply_receipt(db: &Connection, seq: u64, receipt: &event::Receipt) -> Result<(), StoreError> {
    let draft = stored_draft::<Receipt>(seq, &receipt.header, &receipt.claims)?;
    let ReceiptClaims { status, .. } = draft.claims();
    let of = receipt.of_seq;
    let used = rows::use_by_seq(db, of)?
        .filter(|used| used.state == UseState::Reserved)
        .ok_or_else(|| damaged(format!("entry {seq}: entry {of} is no use without a receipt")))?;
    let state = UseState::from(*status);
    rows::settle(db, used.seq, state, seq)?;
    match (state, rows::charge_of(db, used.seq)?) {
        (UseState::Void, Some(charge)) => totals::record(db, &charge, Direction::GiveBack),
        _ => Ok(()),
    }
}

fn apply_bar(db: &Connection, seq: u64, bar: &event::Bar) -> Result<(), StoreError> {
    let payment = stored_token::<Payment>(seq, &bar.mandate)?;
    note(db, seq, &payment.claims().iss, &payment)?;
    let charge = Charge::of(payment.claims());
    rows::insert_use(
        db,
        &NewUse {
            seq,
            key: payment.hash().into(),
            intent: payment.claims().intent,
            request: payment.claims().action.request,
            payer: Payer::Paid(&charge),
            state: UseState::Void,
            receipt_seq: Some(seq),
        },
    )
}

impl Projection for Sales {
    const SCHEMA: &'static [&'static str] = &[rows::SCHEMA, peers::SCHEMA];
    const TABLES: &'static [&'static str] = rows::TABLES;

    fn load(db: &Connection) -> Result<Self, StoreError> {
        Ok(Self { owner: rows::owner(db)? })
    }

    fn apply(&mut self, db: &Connection, entry: &Entry<'_>) -> Result<(), StoreError> {
        let seq = entry.seq;
        let event =
            Event::parse(entry).map_err(|error| damaged(format!("entry {seq}: {error}")))?;
        match event {
            Event::Init(init) => {
                rows::set_owner(db, &init)?;
                self.owner = rows::owner(db)?;
                Ok(())
            }
            Event::Cart(cart) => apply_cart(db, seq, &cart),
            Event::Equivocation(found) => {
                let shown = note_either(db, seq, &found.token)?;
                let against = (found.earlier_seq, found.rule);
                peers::accuse(db, seq, found.peer.as_str(), &shown, against)
            }
            Event::Refusal(refusal) => note_either(db, seq, &refusal.mandate).map(drop),
            Event::Use(used) => apply_use(db, seq, &used),
            Event::Receipt(receipt) => apply_receipt(db, seq, &receipt),
            Event::Bar(bar) => apply_bar(db, seq, &bar),
            Event::Policy(policy) => rows::set_policy(db, &policy.digest),
            Event::Lock(_) => rows::lock(db, seq),
            Event::Unlock(_) => rows::unlock(db),
            Event::Clock(_) | Event::PolicyRefused(_) | Event::RateLimited(_) => Ok(()),
        }
    }

    fn log_owner(&self) -> Option<LogOwner> {
        let Owner { merchant, key, .. } = self.owner.as_ref()?;
        // Every id of a merchant is a name that a key may have.
        let origin = format!("mandate/gateway/{merchant}").parse().ok()?;
        Some(LogOwner { origin, key: *key })
    }
}
