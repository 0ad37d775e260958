//! The handle that every request goes through.
//!
//! Each method here is one durable transaction on the journal's writer thread and answers after its commit. A denial is a
//! value; an error means that no answer could be reached.

mod order;
mod question;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::key::Jwk;
use mandate::token::{Cart, Intent, Mandate, Payment, Receipt, Status, UnverifiedMandate};
use mandate::{Jti, KeySet, MerchantRole, PrincipalId, PublicKey, Signer, UnixSeconds};
use mandate_journal::{
    Died, Genesis as JournalGenesis, Journal, OpenError, Options, StoreError, Transaction,
    WriteError,
};
use mandate_policy::Rules;

use crate::accounts::{self, Accounts};
use crate::damage::damaged;
use crate::desk::{Desk, Shared};
use crate::event::{About, Init, kind};
use crate::gate::{Gate, Permit, Withheld};
use crate::receipt;
use crate::refusal::{Outcome, Refusal};
use crate::request::{Call, Caller, IntentAsk};
use mandate::clock::ClockReading;

pub use order::Durability;
pub use question::{EQUIVOCATIONS_MAX, LedgerStatus};

/// The ledger's file is `wallet.db`.
pub const LEDGER_NAME: &str = "wallet";

/// A request could not be answered: the ledger did not write.
pub type LedgerError = WriteError;

/// Whose ledger it is, for its first entry.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// The principal.
    pub principal: PrincipalId,
    /// The key that signs.
    pub key: PublicKey,
    /// When it was made.
    pub time: UnixSeconds,
}

/// The wallet's ledger. Cheap to clone; all clones are one ledger.
#[derive(Debug, Clone)]
pub struct Ledger {
    journal: Journal<Accounts>,
    shared: Arc<Shared>,
    principal: PrincipalId,
    key: PublicKey,
    path: PathBuf,
}

impl Ledger {
    /// Makes a new ledger in `dir`; it is complete and on disk, or not there.
    ///
    /// # Errors
    ///
    /// [`OpenError::Exists`] when there is one: nothing is ever overwritten. [`OpenError`] when the disk fails.
    pub fn create(dir: &Path, genesis: &Genesis) -> Result<(), OpenError> {
        let init = Init { principal: genesis.principal.clone(), key: Jwk::from(&genesis.key) };
        let genesis = JournalGenesis { time: genesis.time, kind: kind::INIT, fields: &init };
        Journal::<Accounts>::create(dir, LEDGER_NAME, &genesis)
    }

    /// Opens the ledger in `dir` under an exclusive lock. Blocks.
    ///
    /// [`Died`] resolves when the disk failed a commit: the process must end then, and read back after a restart.
    ///
    /// # Errors
    ///
    /// [`OpenError`], with what is wrong with which file. A missing ledger is never replaced by a fresh one.
    pub fn open(
        dir: &Path,
        rules: Arc<Rules>,
        options: Options,
    ) -> Result<(Self, Died), OpenError> {
        let (journal, died) = Journal::<Accounts>::open(dir, LEDGER_NAME, options)?;
        let path = ledger_path(dir);
        let first = journal.read_blocking(|db| {
            let owner =
                accounts::owner(db)?.ok_or_else(|| damaged("the first entry is missing"))?;
            Ok((accounts::stops(db)?, owner))
        });
        let (stops, owner) =
            first.map_err(|source| OpenError::Store { path: path.clone(), source })?;
        let shared = Arc::new(Shared::new(Gate::new(stops), rules, journal.head().size));
        let ledger = Self { journal, shared, principal: owner.principal, key: owner.key, path };
        Ok((ledger, died))
    }

    /// The ledger's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose ledger it is.
    #[must_use]
    pub fn principal(&self) -> &PrincipalId {
        &self.principal
    }

    /// The key that must sign.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.shared.rules()
    }

    /// Mints nothing and signs no checkpoint from here on, because of `problem`.
    pub fn distrust(&self, problem: String) {
        self.shared.distrust(problem);
        self.journal.sign_no_more();
    }

    /// Whether nothing is minted because the ledger is not what it should be.
    #[must_use]
    pub fn is_distrusted(&self) -> bool {
        self.shared.distrusted().is_some()
    }

    /// Runs one request that may write.
    async fn write<R: Send + 'static>(
        &self,
        now: ClockReading,
        work: impl FnOnce(&mut Desk<'_, '_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, LedgerError> {
        let shared = Arc::clone(&self.shared);
        self.journal
            .write(move |tx: &mut Transaction<'_, Accounts>| {
                work(&mut Desk::open(tx, &shared, now)?)
            })
            .await
    }

    /// Runs one request that only reads, but needs the sums in memory.
    async fn ask<R: Send + 'static>(
        &self,
        now: ClockReading,
        work: impl FnOnce(&mut Desk<'_, '_>) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, LedgerError> {
        let shared = Arc::clone(&self.shared);
        self.journal
            .ask(move |tx: &mut Transaction<'_, Accounts>| work(&mut Desk::read(tx, &shared, now)?))
            .await
    }

    /// Decides about an intent and writes it down. `jti` is fresh; a replayed idempotency key ignores it.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn mint_intent(
        &self,
        now: ClockReading,
        caller: &Caller,
        ask: IntentAsk,
        jti: Jti,
    ) -> Result<Outcome<Permit<Intent>>, LedgerError> {
        let caller = caller.clone();
        self.write(now, move |desk| desk.mint_intent(&caller, &ask, jti)).await
    }

    /// Decides about a verified cart and reserves its total: from the commit on it counts against every cap.
    ///
    /// The same cart gives a permit for the same bytes.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn reserve(
        &self,
        now: ClockReading,
        caller: &Caller,
        cart: impl Into<Arc<Mandate<Cart>>>,
        jti: Jti,
    ) -> Result<Outcome<Permit<Payment>>, LedgerError> {
        let (caller, cart) = (caller.clone(), cart.into());
        self.write(now, move |desk| desk.reserve(&caller, &cart, jti)).await
    }

    /// Gives back a reservation that a freeze or a lock stopped before its signature; the answer is the refusal.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written; the reservation then stands until the next request that writes,
    /// which gives it back.
    pub async fn withhold(
        &self,
        now: ClockReading,
        withheld: Withheld,
    ) -> Result<Refusal, LedgerError> {
        self.write(now, move |desk| desk.withhold(withheld)).await
    }

    /// The keys that may have signed a receipt: the merchant's listed ones, and those at the time of the payment.
    ///
    /// Blocks on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the ledger cannot be read.
    pub fn receipt_keys(
        &self,
        receipt: &UnverifiedMandate<Receipt>,
    ) -> Result<KeySet<MerchantRole>, StoreError> {
        let rules = self.rules();
        self.journal.read_blocking(|db| receipt::receipt_keys(db, &rules, receipt))
    }

    /// Settles a payment, or gives its amount back on a void. Works while frozen.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn record_receipt(
        &self,
        now: ClockReading,
        caller: &Caller,
        receipt: Mandate<Receipt>,
    ) -> Result<Outcome<Status>, LedgerError> {
        let caller = caller.clone();
        self.write(now, move |desk| desk.record_receipt(&caller, &receipt)).await
    }

    /// Writes down a refusal that was found before the ledger was asked, and gives it back.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn deny(
        &self,
        now: ClockReading,
        caller: &Caller,
        call: Call,
        refusal: Refusal,
    ) -> Result<Refusal, LedgerError> {
        let caller = caller.clone();
        self.write(now, move |desk| desk.deny(&caller, call, refusal, About::default())).await
    }

    /// Sums up calls that were over a limit: one entry for many.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn rate_limited(
        &self,
        now: ClockReading,
        caller: &Caller,
        calls: u64,
    ) -> Result<(), LedgerError> {
        let caller = caller.clone();
        self.write(now, move |desk| desk.rate_limited(&caller, calls)).await
    }

    /// Gives the ledger the principal's key: from now on its journal's checkpoints are signed.
    ///
    /// First hold it against what is remembered of it ([`Ledger::recall`]). Another's key signs nothing.
    pub fn sign_with(&self, signer: Arc<dyn Signer>) {
        self.journal.sign_with(signer);
    }

    /// Lets the key go that [`Ledger::sign_with`] gave; returns once no signature with it is under way.
    pub fn forget_key(&self) {
        self.journal.forget_key();
    }

    /// Signs a checkpoint of what none covers yet; answers when it is on disk.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn seal(&self) -> Result<(), LedgerError> {
        self.journal.seal().await
    }

    /// A whole copy of what is committed, as a file without a name. Blocks; requests are answered meanwhile. One at a
    /// time.
    ///
    /// # Errors
    ///
    /// [`OpenError`], as when the disk is full; nothing is left behind.
    pub fn take_copy(&self) -> Result<File, OpenError> {
        self.journal.take_copy()
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

/// The ledger's file in a state folder.
#[must_use]
pub fn ledger_path(dir: &Path) -> PathBuf {
    dir.join(format!("{LEDGER_NAME}.db"))
}
