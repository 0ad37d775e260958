//! What is asked of the book: nothing here changes it.

use std::io;

use mandate::clock::{ClockFault, ClockReading};
use mandate::token::{Cart, Receipt};
use mandate::{Head, IntentHash, RequestDigest, UnixSeconds};
use mandate_journal::peers::{self, Equivocation};
use mandate_journal::{Files, StoreError, Verified, VerifyFault, WriteError};

use super::answer::IntentState;
use super::key::UseKey;
use super::recorded::Recorded;
use super::{Book, rows, stopped};
use crate::refusal::Refusal;

/// Most uses that one call of [`Book::reserved`] gives.
pub const RESERVED_MAX: u32 = 256;

/// Most contradictions that [`BookStatus`] tells of.
pub const EQUIVOCATIONS_MAX: u32 = 16;

/// A use of which it is not known what became.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unsettled {
    /// Its entry.
    pub seq: u64,
    /// What it is known by.
    pub key: UseKey,
    /// When it was reserved.
    pub since: UnixSeconds,
    /// The mandate, whole.
    pub mandate: String,
}

/// The state of the book at a glance.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BookStatus {
    /// The journal's head.
    pub head: Head,
    /// Why the clock is not believed, if it is not.
    pub clock: Option<ClockFault>,
    /// Why the journal is not believed, if it is not.
    pub distrusted: Option<String>,
    /// Whether the key is locked away.
    pub locked: bool,
    /// How many uses wait for what became of them.
    pub reserved: u64,
    /// Principals that contradicted themselves, the newest first: at most [`EQUIVOCATIONS_MAX`]. The journal has them
    /// all.
    pub equivocations: Vec<Equivocation>,
}

impl Book {
    /// What is known of an intent that asks for the price of a call. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the journal cannot be read.
    pub async fn intent_state(
        &self,
        now: ClockReading,
        intent: IntentHash,
        request: RequestDigest,
    ) -> Result<Result<IntentState, Refusal>, WriteError> {
        self.at_desk(now, move |desk| desk.intent_state(&intent, request)).await
    }

    /// The carts that answered an intent, the newest first, each with its entry. Blocks.
    ///
    /// A cart's hash is that of its signed form, which is not kept: who looks for one signs them again.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the journal cannot be read.
    pub fn carts_of(&self, intent: &IntentHash) -> Result<Vec<(u64, Recorded<Cart>)>, StoreError> {
        self.journal.read_blocking(|db| stopped::carts(db, intent))
    }

    /// The receipt of a use, if there is one. Blocks, and does not stall the writer: anyone may ask.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the journal cannot be read.
    pub fn receipt(&self, key: &UseKey) -> Result<Option<Recorded<Receipt>>, StoreError> {
        self.journal.read_blocking(|db| match rows::use_by_key(db, key)? {
            Some(used) => stopped::receipt_of(db, &used),
            None => Ok(None),
        })
    }

    /// The state at a glance.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the journal cannot be read.
    pub async fn status(&self, now: ClockReading) -> Result<BookStatus, WriteError> {
        let (distrusted, locked) = (self.distrusted().map(str::to_owned), self.is_locked());
        self.ask_at_desk(now, move |desk| {
            let reserved = rows::count_reserved(desk.tx.db())?;
            let equivocations = peers::equivocations(desk.tx.db(), EQUIVOCATIONS_MAX)?;
            let (head, clock) = (desk.tx.head(), desk.clock().err());
            Ok(BookStatus { head, clock, distrusted, locked, reserved, equivocations })
        })
        .await
    }

    /// Uses of which it is not known what became, after `after_seq`: at most [`RESERVED_MAX`], oldest first. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the journal cannot be read.
    pub fn reserved(&self, after_seq: u64) -> Result<Vec<Unsettled>, StoreError> {
        self.journal.read_blocking(|db| stopped::reserved(db, after_seq))
    }

    /// Entries from `from` on, as stored: at most `limit`, and at most [`mandate_journal::read::ENTRIES_MAX`]. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the journal cannot be read.
    pub fn entries(&self, from: u64, limit: u32) -> Result<Vec<Vec<u8>>, StoreError> {
        self.journal.read_blocking(|db| stopped::entries(db, from, limit))
    }

    /// The last committed head.
    #[must_use]
    pub fn head(&self) -> Head {
        self.journal.head()
    }

    /// How many requests wait to be written; more than are written at once means that the disk is the bottleneck.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.journal.queued()
    }

    /// How large the journal's files are.
    ///
    /// # Errors
    ///
    /// What the operating system says when it does not tell.
    pub fn files(&self) -> io::Result<Files> {
        self.journal.files()
    }

    /// Recomputes chain, tree and every projection from the entries. Blocks, long on a large journal; `is_stopped` is asked
    /// now and then, and may end it.
    ///
    /// # Errors
    ///
    /// [`VerifyFault`] with the first thing that does not fit.
    pub fn verify(
        &self,
        is_stopped: impl Fn() -> bool + Clone + Send + 'static,
    ) -> Result<Verified, VerifyFault> {
        self.journal.verify(is_stopped)
    }
}
