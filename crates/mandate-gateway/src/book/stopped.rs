//! The book of a gateway that is not running, and what can be read without the writer.

use std::ops::ControlFlow;
use std::path::Path;

use mandate::token::{Cart, Kind, Receipt};
use mandate::{Head, IntentHash, MerchantId, PublicKey, UnixSeconds};
use mandate_journal::tree::NodeHash;
use mandate_journal::{
    Checkpoint, OpenError, Stopped, StoreError, Verified, VerifyFault, read, verify,
};
use rusqlite::Connection;
use serde_json::value::RawValue;

use super::damage::damaged;
use super::event::Event;
use super::recorded::Recorded;
use super::rows::{self, UseRow};
use super::sales::{Sales, parse_event, stored_draft};
use super::standing::Locked;
use super::{BOOK_NAME, RESERVED_MAX, Unsettled};

/// The event in an entry that a row points to.
pub(super) fn event(db: &Connection, seq: u64) -> Result<Event, StoreError> {
    timed_event(db, seq).map(|(_, event)| event)
}

/// The event in an entry that a row points to, and when it was.
fn timed_event(db: &Connection, seq: u64) -> Result<(UnixSeconds, Event), StoreError> {
    let bytes = read::entry(db, seq)?.ok_or_else(|| damaged(format!("entry {seq} is missing")))?;
    parse_event(seq, &bytes)
}

/// An own token, as its entry tells it.
pub(super) fn recorded<K: Kind>(
    db: &Connection,
    seq: u64,
    header: &RawValue,
    claims: &RawValue,
) -> Result<Recorded<K>, StoreError> {
    let size = seq.saturating_add(1);
    let head = Head { size, root: read::root_at(db, size)? };
    Ok(Recorded { draft: stored_draft(seq, header, claims)?, head })
}

/// The carts that answered an intent, the newest first, with their entries.
pub(super) fn carts(
    db: &Connection,
    intent: &IntentHash,
) -> Result<Vec<(u64, Recorded<Cart>)>, StoreError> {
    let rows = rows::carts_of(db, intent)?;
    rows.into_iter().map(|row| Ok((row.seq, cart(db, row.seq)?))).collect()
}

/// The cart in an entry.
pub(super) fn cart(db: &Connection, seq: u64) -> Result<Recorded<Cart>, StoreError> {
    match event(db, seq)? {
        Event::Cart(cart) => recorded(db, seq, &cart.header, &cart.claims),
        _ => Err(damaged(format!("entry {seq} is no cart"))),
    }
}

/// The receipt of a use; `None` while it is reserved.
pub(super) fn receipt_of(
    db: &Connection,
    used: &rows::UseRow,
) -> Result<Option<Recorded<Receipt>>, StoreError> {
    let Some(seq) = used.receipt_seq else { return Ok(None) };
    match event(db, seq)? {
        Event::Receipt(receipt) => recorded(db, seq, &receipt.header, &receipt.claims).map(Some),
        Event::Bar(bar) => recorded(db, seq, &bar.header, &bar.claims).map(Some),
        _ => Err(damaged(format!("entry {seq} is no receipt"))),
    }
}

/// Why the key is locked away, if it is.
pub(super) fn locked(db: &Connection) -> Result<Option<Locked>, StoreError> {
    let Some(seq) = rows::lock_seq(db)? else { return Ok(None) };
    match event(db, seq)? {
        Event::Lock(lock) => Ok(Some(Locked::new(lock.reason.as_deref()))),
        _ => Err(damaged(format!("entry {seq} is no lock"))),
    }
}

pub(super) fn reserved(db: &Connection, after_seq: u64) -> Result<Vec<Unsettled>, StoreError> {
    let rows = rows::reserved(db, after_seq, RESERVED_MAX)?;
    rows.into_iter()
        .map(|UseRow { seq, key, .. }| match timed_event(db, seq)? {
            (since, Event::Use(used)) => Ok(Unsettled { seq, key, since, mandate: used.mandate }),
            _ => Err(damaged(format!("entry {seq} is no use"))),
        })
        .collect()
}

pub(super) fn entries(db: &Connection, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
    Ok(read::entries(db, from, limit)?.into_iter().map(|(_, bytes)| bytes).collect())
}

/// A book that this process holds and cannot write. Every method blocks.
#[derive(Debug)]
pub struct StoppedBook {
    journal: Stopped,
}

impl StoppedBook {
    /// Holds the book in `dir` as long as this value lives.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] while the gateway runs; [`OpenError`] with what is wrong with which file.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Ok(Self { journal: Stopped::open(dir, BOOK_NAME)? })
    }

    /// Whose book it is, and the key that must sign.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub fn owner(&self) -> Result<(MerchantId, PublicKey), StoreError> {
        let owner = rows::owner(self.journal.db())?;
        let owner = owner.ok_or_else(|| damaged("the first entry is missing"))?;
        Ok((owner.merchant, owner.key))
    }

    /// Why the key is locked away, and the way out; `None` if it is not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub fn lock_problem(&self) -> Result<Option<String>, StoreError> {
        Ok(locked(self.journal.db())?.map(|locked| locked.problem()))
    }

    /// The journal's head.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read.
    pub fn head(&self) -> Result<Head, StoreError> {
        read::head(self.journal.db())?.ok_or_else(|| damaged("the head is missing"))
    }

    /// The newest signed checkpoint, if there is one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it cannot be read, or is not one of this book.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, StoreError> {
        self.journal.checkpoint::<Sales>()
    }

    /// The hashes that lead from entry `seq` to the root of the first `size` entries.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be read, or the journal is shorter.
    pub fn inclusion_path(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, StoreError> {
        read::inclusion_path(self.journal.db(), seq, size)
    }

    /// Entries from `from` on, as stored: at most `limit`, and at most [`read::ENTRIES_MAX`].
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be read.
    pub fn entries(&self, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        entries(self.journal.db(), from, limit)
    }

    /// Uses of which it is not known what became, as [`super::Book::reserved`].
    ///
    /// # Errors
    ///
    /// [`StoreError`] when they cannot be read.
    pub fn reserved(&self, after_seq: u64) -> Result<Vec<Unsettled>, StoreError> {
        reserved(self.journal.db(), after_seq)
    }

    /// Recomputes chain, tree and every projection from the entries.
    ///
    /// # Errors
    ///
    /// [`VerifyFault`] with the first thing that does not fit.
    pub fn verify(&self) -> Result<Verified, VerifyFault> {
        verify::<Sales>(self.journal.db(), |_| ControlFlow::Continue(()))
    }
}
