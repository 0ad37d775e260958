//! What the principal orders: freezes, locks, rules, and the answer to a request for approval.

use std::sync::Arc;

use mandate::clock::ClockReading;
use mandate::text::Purpose;
use mandate_journal::StoreError;
use mandate_policy::{PolicyDigest, Rules};

use super::{Ledger, LedgerError};
use crate::accounts::ApprovalAsked;
use crate::desk::Desk;
use crate::event::ApprovalAnswer;
use crate::refusal::Outcome;
use crate::request::{Scope, Stop};

/// Whether a freeze or a lock outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is on disk.
    Durable,
    /// The disk is full: it holds until the process ends.
    UntilExit,
}

impl Ledger {
    /// Answers a request for approval: from the commit on the cart may be paid, or is refused. The first answer stands,
    /// and the same one again changes nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn answer_approval(
        &self,
        now: ClockReading,
        uid: u32,
        of_seq: u64,
        answer: ApprovalAnswer,
    ) -> Result<Outcome<ApprovalAsked>, LedgerError> {
        self.write(now, move |desk| desk.answer_approval(uid, of_seq, answer)).await
    }

    /// Stops minting under `scope`: at once, then durably. No signature follows the answer.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unknown`] when the disk failed; a full disk is [`Durability::UntilExit`].
    pub async fn freeze(
        &self,
        now: ClockReading,
        uid: u32,
        scope: Scope,
        reason: Option<Purpose>,
    ) -> Result<Durability, LedgerError> {
        self.shared.gate.stop(Stop::Freeze(scope.clone()));
        durability(self.write_stop(now, move |desk| desk.freeze(scope, uid, reason)).await)
    }

    /// Ends a freeze of exactly this scope, durably, then at once; one that was asked for since goes on.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written; the freeze then stands.
    pub async fn thaw(&self, now: ClockReading, uid: u32, scope: Scope) -> Result<(), LedgerError> {
        let stop = Stop::Freeze(scope.clone());
        let word = self.write(now, move |desk| desk.thaw(scope, uid)).await?;
        self.shared.gate.end(&stop, word);
        Ok(())
    }

    /// Stops every signature for whoever asks: at once, then durably, under a last checkpoint. No signature follows the
    /// answer, but that of a checkpoint until [`Ledger::forget_key`].
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unknown`] when the disk failed; a full disk is [`Durability::UntilExit`].
    pub async fn lock(&self, now: ClockReading, uid: u32) -> Result<Durability, LedgerError> {
        self.shared.gate.stop(Stop::Lock);
        durability(self.write_stop(now, move |desk| desk.lock(uid)).await)
    }

    /// Ends a lock, durably, then at once.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written; the lock then stands.
    pub async fn unlock(&self, now: ClockReading, uid: u32) -> Result<(), LedgerError> {
        let word = self.write(now, move |desk| desk.unlock(uid)).await?;
        self.shared.gate.end(&Stop::Lock, word);
        Ok(())
    }

    /// Whether the principal locked the key away.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.shared.gate.is_locked()
    }

    /// Writes a stop down; once more where that failed, which may be the fault of a request in the same commit.
    async fn write_stop(
        &self,
        now: ClockReading,
        work: impl FnOnce(&mut Desk<'_, '_>) -> Result<(), StoreError> + Clone + Send + 'static,
    ) -> Result<(), LedgerError> {
        match self.write(now.clone(), work.clone()).await {
            Err(LedgerError::NotApplied(_)) => self.write(now, work).await,
            answered => answered,
        }
    }

    /// Makes this reading the measure of later ones: the principal says that the clock is right.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn confirm_clock(&self, now: ClockReading, uid: u32) -> Result<(), LedgerError> {
        self.write(now, move |desk| desk.confirm_clock(uid)).await
    }

    /// Puts rules in force, whole, and writes it down unless the last entry about rules says the same. What was spent
    /// before counts under them.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written; the old rules then stay.
    pub async fn reload(&self, now: ClockReading, rules: Arc<Rules>) -> Result<(), LedgerError> {
        let digest = rules.digest();
        let result = self.write(now.clone(), move |desk| desk.reload(&rules)).await;
        if result.is_ok() {
            self.shared.settle_rules(digest);
        } else {
            // The next request puts back what is on disk; this one, so that nobody sees the failed rules any more. If
            // the writer is gone, nothing is decided at all, and the result says so.
            drop(self.ask(now, |_| Ok(())).await);
        }
        result
    }

    /// Writes down that a wallet.toml was refused.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when nothing could be written.
    pub async fn reload_refused(
        &self,
        now: ClockReading,
        digest: PolicyDigest,
        faults: u64,
    ) -> Result<(), LedgerError> {
        self.write(now, move |desk| desk.reload_refused(digest, faults)).await
    }
}

/// What became of a stop that is in force already: on disk, or not for want of room there.
fn durability(written: Result<(), LedgerError>) -> Result<Durability, LedgerError> {
    match written {
        Ok(()) => Ok(Durability::Durable),
        Err(LedgerError::NotApplied(_)) => Ok(Durability::UntilExit),
        Err(error) => Err(error),
    }
}
