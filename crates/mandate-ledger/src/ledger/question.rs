//! What is asked of the ledger: nothing here changes it.

use std::io;

use mandate::Head;
use mandate_journal::peers::Equivocation;
use mandate_journal::tree::NodeHash;
use mandate_journal::{Checkpoint, Files, RecallError, StoreError, Verified, VerifyFault, read};
use tokio::sync::watch;

use super::{Ledger, LedgerError};
use crate::accounts::{self, Hold};
use crate::approval::PendingApproval;
use crate::gate::{Expired, Unhashed};
use crate::refusal::Outcome;
use crate::request::{BudgetFilter, Caller, CapBudget, ExplainAsk, Explanation, Scope, Stop};
use mandate::clock::{ClockFault, ClockReading};

/// Most contradictions that [`LedgerStatus`] tells of.
pub const EQUIVOCATIONS_MAX: u32 = 16;

/// The state of the ledger at a glance.
#[derive(Debug, Clone)]
pub struct LedgerStatus {
    /// The journal's head.
    pub head: Head,
    /// What is frozen.
    pub frozen: Vec<Scope>,
    /// Whether the principal locked the key away.
    pub locked: bool,
    /// Why the clock is not believed, if it is not.
    pub clock: Option<ClockFault>,
    /// Why the ledger is not believed, if it is not.
    pub distrusted: Option<String>,
    /// Payments minted and not settled.
    pub holds: u64,
    /// Merchants that contradicted themselves under a key that is listed, the newest first: at most
    /// [`EQUIVOCATIONS_MAX`]. The journal has them all.
    pub equivocations: Vec<Equivocation>,
}

impl Ledger {
    /// What is left under the caps that apply to the caller, or to anyone when there is none.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn budget(
        &self,
        now: ClockReading,
        caller: Option<&Caller>,
        filter: BudgetFilter,
    ) -> Result<Vec<CapBudget>, LedgerError> {
        let agent = caller.and_then(|caller| caller.agent.clone());
        self.ask(now, move |desk| desk.budget(agent.as_ref(), &filter)).await
    }

    /// Requests for approval after entry `after_seq` that wait for an answer, oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn pending_approvals(
        &self,
        now: ClockReading,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<PendingApproval>, LedgerError> {
        self.ask(now, move |desk| desk.pending_approvals(after_seq, limit)).await
    }

    /// What would be answered. Writes nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn explain(
        &self,
        now: ClockReading,
        ask: ExplainAsk,
    ) -> Result<Explanation, LedgerError> {
        self.ask(now, move |desk| desk.explain(&ask)).await
    }

    /// The state at a glance.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn status(&self, now: ClockReading) -> Result<LedgerStatus, LedgerError> {
        let stops = self.shared.gate.stops();
        let locked = stops.contains(&Stop::Lock);
        let frozen = stops.into_iter().filter_map(|stop| match stop {
            Stop::Freeze(scope) => Some(scope),
            Stop::Lock => None,
        });
        let frozen = frozen.collect();
        let distrusted = self.shared.distrusted().map(str::to_owned);
        self.ask(now, move |desk| {
            Ok(LedgerStatus {
                head: desk.tx.head(),
                frozen,
                locked,
                clock: desk.clock().err(),
                distrusted,
                holds: desk.tx.projection().unsettled_total(),
                equivocations: desk.equivocations()?,
            })
        })
        .await
    }

    /// Tokens whose hash a crash left unwritten; each is to be redeemed once before minting starts.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn unhashed(&self, now: ClockReading) -> Result<Vec<Unhashed>, LedgerError> {
        self.ask(now, |desk| desk.unhashed()).await
    }

    /// Open holds after `after_seq`, oldest first.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn holds(
        &self,
        now: ClockReading,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<Hold>, LedgerError> {
        self.ask(now, move |desk| desk.open_holds(after_seq, limit)).await
    }

    /// The payment of the open hold `seq` once its time is over: a permit for the bytes that were signed before.
    ///
    /// Refused before that, so that a freeze keeps back what can still be used, and where nothing was ever signed.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the ledger cannot be read.
    pub async fn expired(
        &self,
        now: ClockReading,
        seq: u64,
    ) -> Result<Outcome<Expired>, LedgerError> {
        self.ask(now, move |desk| desk.expired(seq)).await
    }

    /// Entries from `from` on, as stored: at most `limit`, and at most [`mandate_journal::read::ENTRIES_MAX`]. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the ledger cannot be read.
    pub fn entries(&self, from: u64, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.journal.read_blocking(|db| accounts::entries(db, from, limit))
    }

    /// The newest signed checkpoint that is on disk, if there is one.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.journal.checkpoint()
    }

    /// The newest signed checkpoint that is on disk, and word of each newer one.
    #[must_use]
    pub fn checkpoints(&self) -> watch::Receiver<Option<Checkpoint>> {
        self.journal.checkpoints()
    }

    /// Holds the ledger against a checkpoint that was remembered elsewhere. Blocks.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if this is not the ledger it was signed for, or an older copy of it.
    pub fn recall(&self, note: &str) -> Result<(), RecallError> {
        self.journal.recall(note)
    }

    /// Holds the ledger against a head in a token under its own key. Blocks.
    ///
    /// # Errors
    ///
    /// [`RecallError::Fault`] if the ledger lacks what it signed.
    pub fn hold_against(&self, signed: Head) -> Result<(), RecallError> {
        self.journal.hold_against(signed)
    }

    /// The hashes that lead from entry `seq` to the root of the first `size` entries. Blocks.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the ledger cannot be read, or is shorter.
    pub fn inclusion_path(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, StoreError> {
        self.journal.read_blocking(|db| read::inclusion_path(db, seq, size))
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

    /// How large the ledger's files are.
    ///
    /// # Errors
    ///
    /// What the operating system says when it does not tell.
    pub fn files(&self) -> io::Result<Files> {
        self.journal.files()
    }

    /// Recomputes chain, tree and every projection from the entries. Blocks, long on a large ledger; `is_stopped` is
    /// asked now and then, and may end it.
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
