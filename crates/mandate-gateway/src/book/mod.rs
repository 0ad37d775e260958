//! The merchant's book over its journal: carts promised, mandates used once, receipts signed.
//!
//! Every decision about a use is made here, in one serialised transaction with the entry that records it, and is on
//! disk before it is answered. Nothing is kept of a mandate that did not verify. It never signs by itself, never reads
//! a clock, and never talks to anyone.

mod answer;
mod damage;
mod desk;
mod equivocation;
pub mod event;
mod key;
mod known;
mod lock;
mod notes;
mod proofs;
mod question;
mod recorded;
mod rows;
mod sales;
mod standing;
mod stopped;
mod terms;
mod totals;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::clock::ClockReading;
use mandate::key::Jwk;
use mandate::text::VoidReason;
use mandate::token::{Cart, Intent, Mandate, Payment, Quote, Receipt};
use mandate::{Jti, MerchantId, PublicKey};
use mandate_host::metrics::Commits;
use mandate_journal::{
    Died, Genesis as JournalGenesis, Journal, Moment, Observer, OpenError, Options, StoreError,
    Transaction, WriteError,
};

use crate::judge::Call;
use crate::refusal::Refusal;

pub use mandate_journal::peers::Equivocation;

pub(crate) use answer::Mark;
pub use answer::{IntentState, Outcome, Presented, Reservation};
pub use equivocation::Trusted;
pub use event::Decider;
pub use key::UseKey;
pub use question::{BookStatus, EQUIVOCATIONS_MAX, RESERVED_MAX, Unsettled};
pub use recorded::Recorded;
pub use rows::UseState;
pub use stopped::StoppedBook;

use damage::damaged;
use desk::Desk;
use event::{Init, kind};
use sales::Sales;
use standing::Standing;

/// The book's file is `gateway.db`.
pub const BOOK_NAME: &str = "gateway";

/// Whose book it is, for its first entry.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// The merchant.
    pub merchant: MerchantId,
    /// The key that signs.
    pub key: PublicKey,
    /// When it was made.
    pub time: mandate::UnixSeconds,
}

/// The merchant's book. Cheap to clone; all clones are one book.
#[derive(Debug, Clone)]
pub struct Book {
    journal: Journal<Sales>,
    merchant: MerchantId,
    key: PublicKey,
    path: PathBuf,
    standing: Arc<Standing>,
    commits: Arc<Commits>,
}

impl Book {
    /// Makes a new book in `dir`; it is complete and on disk, or not there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Exists`] when there is one: nothing is ever overwritten. [`OpenError`] when the disk fails.
    pub fn create(dir: &Path, genesis: &Genesis) -> Result<(), OpenError> {
        let init = Init { merchant: genesis.merchant.clone(), key: Jwk::from(&genesis.key) };
        let genesis = JournalGenesis { time: genesis.time, kind: kind::INIT, fields: &init };
        Journal::<Sales>::create(dir, BOOK_NAME, &genesis)
    }

    /// Opens the book in `dir` under an exclusive lock. Blocks.
    ///
    /// [`Died`] resolves when the disk failed a commit: the process must end then, and read back after a restart. The
    /// book itself observes its commits ([`Book::commits`]).
    ///
    /// # Errors
    ///
    /// [`OpenError`], with what is wrong with which file. A missing book is never replaced by a fresh one.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Died), OpenError> {
        let commits = Arc::new(Commits::default());
        let options = Options { observer: observer(&commits), ..options };
        let (journal, died) = Journal::<Sales>::open(dir, BOOK_NAME, options)?;
        let path = book_path(dir);
        let first = journal.read_blocking(|db| {
            let owner = rows::owner(db)?.ok_or_else(|| damaged("the first entry is missing"))?;
            Ok((owner, stopped::locked(db)?))
        });
        let (owner, locked) =
            first.map_err(|source| OpenError::Store { path: path.clone(), source })?;
        let rows::Owner { merchant, key, .. } = owner;
        let standing = Arc::new(Standing::new(locked));
        Ok((Self { journal, merchant, key, path, standing, commits }, died))
    }

    /// How long its commits take.
    #[must_use]
    pub fn commits(&self) -> &Commits {
        &self.commits
    }

    /// The book's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose book it is.
    #[must_use]
    pub fn merchant(&self) -> &MerchantId {
        &self.merchant
    }

    /// The key that must sign.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Uses no mandate and signs no checkpoint from here on, because of `problem`.
    pub fn distrust(&self, problem: String) {
        self.standing.distrust(problem);
        self.journal.sign_no_more();
    }

    /// Why nothing is used, if the journal is not what it should be.
    #[must_use]
    pub fn distrusted(&self) -> Option<&str> {
        self.standing.distrusted()
    }

    /// Runs one request on the writer's thread.
    async fn at_desk<R: Send + 'static>(
        &self,
        now: ClockReading,
        work: impl FnOnce(&mut Desk<'_, '_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        let standing = Arc::clone(&self.standing);
        self.journal
            .write(move |tx: &mut Transaction<'_, Sales>| work(&mut Desk::open(tx, now, &standing)))
            .await
    }

    /// Runs one request that only reads, but goes by what is in force and by the clock.
    async fn ask_at_desk<R: Send + 'static>(
        &self,
        now: ClockReading,
        work: impl FnOnce(&Desk<'_, '_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, WriteError> {
        let standing = Arc::clone(&self.standing);
        self.journal
            .ask(move |tx: &mut Transaction<'_, Sales>| work(&Desk::open(tx, now, &standing)))
            .await
    }

    /// Whether anything may be used, sent or signed: the journal is what it should be, as far as is known, the key is not
    /// locked away, and the settings that decide are on disk.
    pub(crate) fn usable(&self) -> Result<(), Refusal> {
        self.standing.usable()
    }

    /// Runs one request that uses something, if anything may be used at that moment.
    ///
    /// Asked in the transaction: no use comes after the entry of a lock.
    async fn use_at_desk<R: Send + 'static>(
        &self,
        now: ClockReading,
        work: impl FnOnce(&mut Desk<'_, '_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<Result<R, Refusal>, WriteError> {
        self.at_desk(now, move |desk| match desk.usable() {
            Ok(()) => work(desk).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        })
        .await
    }

    /// The receipt of a mandate that `otherwise` speaks against, if it was used; none if it is known and only its call
    /// tells how it goes on. A mandate that is not known is refused. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when the journal cannot be read.
    pub(crate) async fn known(
        &self,
        now: ClockReading,
        mark: Mark,
        otherwise: Refusal,
    ) -> Result<Result<Option<Recorded<Receipt>>, Refusal>, WriteError> {
        // In turn with what is written: a use that is on its way to the disk is known.
        let known = self.use_at_desk(now, move |desk| desk.known_or(mark, otherwise)).await;
        Ok(known?.and_then(|known| known))
    }

    /// Promises a price for `life_s` seconds, and writes it down; the same cart if one lives already.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn quote(
        &self,
        now: ClockReading,
        intent: Trusted<Intent>,
        call: Call,
        quote: Quote,
        life_s: u64,
        jti: Jti,
    ) -> Result<Result<IntentState, Refusal>, WriteError> {
        let quoted = self
            .use_at_desk(now, move |desk| desk.quote(&intent, &call, &quote, life_s, jti))
            .await;
        Ok(quoted?.and_then(|quoted| quoted))
    }

    /// Uses a payment for a call: it is reserved, on disk, before this answers so.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn present_payment(
        &self,
        now: ClockReading,
        payment: Trusted<Payment>,
        cart: Option<(u64, Mandate<Cart>)>,
        call: Call,
    ) -> Result<Presented, WriteError> {
        let presented =
            self.use_at_desk(now, move |desk| desk.present_payment(&payment, cart.as_ref(), &call));
        Ok(presented.await?.unwrap_or_else(Presented::Refused))
    }

    /// Uses an intent for a free action, as [`Book::present_payment`].
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn present_free(
        &self,
        now: ClockReading,
        intent: Trusted<Intent>,
        call: Call,
    ) -> Result<Presented, WriteError> {
        let presented = self.use_at_desk(now, move |desk| desk.present_free(&intent, &call));
        Ok(presented.await?.unwrap_or_else(Presented::Refused))
    }

    /// Says for good what became of a use; `None` if there is no such use. What was said before stays.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written: the use stays as it was.
    pub async fn settle(
        &self,
        now: ClockReading,
        key: UseKey,
        outcome: Outcome,
        by: Decider,
        jti: Jti,
    ) -> Result<Option<Recorded<Receipt>>, WriteError> {
        self.at_desk(now, move |desk| desk.settle(&key, &outcome, by, jti)).await
    }

    /// Voids a payment that was never presented and no longer can be, and bars it for ever.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn bar(
        &self,
        now: ClockReading,
        payment: Trusted<Payment>,
        cart: Option<(u64, Mandate<Cart>)>,
        reason: VoidReason,
        jti: Jti,
    ) -> Result<Presented, WriteError> {
        let presented =
            self.use_at_desk(now, move |desk| desk.bar(&payment, cart.as_ref(), reason, jti));
        Ok(presented.await?.unwrap_or_else(Presented::Refused))
    }

    /// Whether the journal's writer answers; waits for as long as it does not.
    pub async fn answers(&self) -> bool {
        self.journal.answers().await
    }

    /// Writes what is queued and closes the file. Blocks.
    ///
    /// # Errors
    ///
    /// The error that ended the writer, if one did.
    pub fn close(self) -> Result<(), StoreError> {
        self.journal.close()
    }
}

/// The book's file in a state folder.
#[must_use]
pub fn book_path(dir: &Path) -> PathBuf {
    dir.join(format!("{BOOK_NAME}.db"))
}

/// Has each commit measured.
fn observer(commits: &Arc<Commits>) -> Observer {
    let commits = Arc::clone(commits);
    Observer::new(move |moment| match moment {
        Moment::Committing => commits.begin(),
        Moment::Committed { entries } => commits.end(entries),
    })
}
