//! What a gateway writes down without a call that waits for it: its settings, and calls that went no further.

use std::sync::Arc;

use mandate::{PolicyDigest, PrincipalId};
use mandate_journal::WriteError;

use super::{Gateway, write};
use crate::book::event;
use crate::reason::Reason;
use crate::refusal::Refusal;
use crate::service::limits::PrincipalLimits;
use crate::settings::Settings;

impl Gateway {
    /// Writes down the settings in force, unless that is done. Until then no mandate is used and nothing is signed.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when they could not be; to be tried again.
    pub async fn write_settings(&self) -> Result<(), WriteError> {
        self.book().policy(self.now(), self.settings().digest).await?;
        self.book().settings_are_written();
        Ok(())
    }

    /// Puts settings in force, whole, once that is written down: also for calls that were let in before and whose use is not
    /// on disk yet. `owner` is the uid that owns their file.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when it could not be: the old ones stay.
    pub async fn reload(&self, settings: Settings, owner: u32) -> Result<PolicyDigest, WriteError> {
        let _one_at_a_time = self.shared.reloading.lock().await;
        if self.book().awaits_settings() {
            // A call that is under way was let in by them.
            self.write_settings().await?;
        }
        let (digest, settings, now) = (settings.digest, Arc::new(settings), self.now());
        let wall = now.wall;
        self.book().put_in_force(now, Arc::clone(&settings)).await?;
        self.figures().offer(&settings.actions);
        let limits = Arc::new(PrincipalLimits::new(&settings.limits));
        let before = std::mem::replace(&mut *write(&self.shared.settings), settings);
        self.in_force().accepted(digest, owner, wall);
        if self.settings().limits != before.limits {
            let before = std::mem::replace(&mut *write(&self.shared.limits), limits);
            self.sum_up_under(&before).await;
        }
        Ok(digest)
    }

    /// Writes down how many calls were over a limit since the last time; to be called once a minute.
    pub async fn sum_up(&self) {
        let limits = self.limits();
        self.sum_up_under(&limits).await;
    }

    async fn sum_up_under(&self, limits: &PrincipalLimits) {
        let over = limits.take();
        for (principal, calls) in over {
            let entry = event::RateLimited { principal, calls };
            if let Err(error) = self.book().rate_limited(self.now(), entry).await {
                tracing::error!(%error, "a summary was not written");
            }
        }
    }

    /// Writes down that a call was refused although its mandate verified, unless that is no fault of the caller or there
    /// are too many.
    pub(in crate::service) async fn write_refusal(
        &self,
        principal: &PrincipalId,
        refusal: &Refusal,
        mandate: &str,
        call: String,
    ) {
        let reason = refusal.reason();
        if !is_the_callers(reason) {
            return;
        }
        tracing::info!(%principal, %reason, detail = %refusal, %call, "refused");
        // The book wrote it down with the proof.
        if matches!(refusal, Refusal::Equivocation { .. }) {
            return;
        }
        if !self.limits().is_worth_an_entry(principal) {
            return;
        }
        let (message, mandate) = (refusal.to_string(), mandate.to_owned());
        let entry = event::Refusal { reason, message, mandate, call };
        if let Err(error) = self.book().refused(self.now(), entry).await {
            tracing::error!(%error, "a refusal was not written");
        }
    }
}

/// Whether the caller is to blame for a refusal. The rate is summed up where it is counted; what is under way, has its
/// price or can still be used is in order; and what the gateway or the API cannot do is their own fault.
fn is_the_callers(reason: Reason) -> bool {
    !matches!(
        reason,
        Reason::InProgress
            | Reason::NotExpired
            | Reason::PaymentRequired
            | Reason::RateLimited
            | Reason::Unavailable
            | Reason::UpstreamFailed
    )
}
