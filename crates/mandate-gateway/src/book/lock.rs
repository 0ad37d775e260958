//! The key locked away: no use after the entry that says so, and a last checkpoint over it.

use mandate::clock::ClockReading;
use mandate_journal::WriteError;

use super::Book;
use super::event::{self, kind};
use super::standing::Locked;

impl Book {
    /// Uses nothing from here on: at once, then durably, under a last checkpoint. Whether it is on disk; if it
    /// could not be written, as on a full one, it holds until the process ends.
    ///
    /// The key is still to be taken away: [`Book::forget_key`]. `reason` says why the gateway does it of itself.
    ///
    /// # Errors
    ///
    /// [`WriteError::Unknown`] when the disk failed.
    pub async fn lock(
        &self,
        now: ClockReading,
        reason: Option<String>,
    ) -> Result<bool, WriteError> {
        self.standing.lock(Locked::new(reason.as_deref()));
        let mut written = self.write_lock(now.clone(), reason.clone()).await;
        if matches!(written, Err(WriteError::NotApplied(_))) {
            // It may have been the fault of a request that shared its commit.
            written = self.write_lock(now, reason).await;
        }
        match written {
            Ok(()) => Ok(true),
            Err(WriteError::NotApplied(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn write_lock(
        &self,
        now: ClockReading,
        reason: Option<String>,
    ) -> Result<(), WriteError> {
        self.at_desk(now, move |desk| {
            desk.append(kind::LOCK, &event::Lock { reason })?;
            desk.tx.seal()
        })
        .await
    }

    /// Ends a lock, durably, then at once.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written: the lock then stands.
    pub async fn unlock(&self, now: ClockReading) -> Result<(), WriteError> {
        self.at_desk(now, |desk| desk.append(kind::UNLOCK, &event::Unlock {}).map(drop)).await?;
        self.standing.unlock();
        Ok(())
    }

    /// Whether the key is locked away.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.standing.is_locked()
    }

    /// Why the key is locked away, and the way out; `None` if it is not.
    #[must_use]
    pub fn lock_problem(&self) -> Option<String> {
        self.standing.locked().map(|locked| locked.problem())
    }

    /// Lets the key go that [`Book::sign_with`] gave; returns once no signature with it is under way.
    pub fn forget_key(&self) {
        self.journal.forget_key();
    }
}
