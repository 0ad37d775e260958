//! What the book writes down beside the uses: refusals, limits, settings, the clock.

use std::sync::Arc;

use mandate::PolicyDigest;
use mandate::clock::ClockReading;
use mandate_journal::WriteError;

use super::event::{self, kind};
use super::{Book, rows};
use crate::settings::Settings;

impl Book {
    /// Writes down that a call was refused although its mandate verified.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn refused(
        &self,
        now: ClockReading,
        refusal: event::Refusal,
    ) -> Result<(), WriteError> {
        self.at_desk(now, move |desk| desk.append(kind::REFUSAL, &refusal).map(drop)).await
    }

    /// Sums up calls that were over a limit: one entry for many.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn rate_limited(
        &self,
        now: ClockReading,
        calls: event::RateLimited,
    ) -> Result<(), WriteError> {
        self.at_desk(now, move |desk| desk.append(kind::RATE_LIMITED, &calls).map(drop)).await
    }

    /// Writes down that a gateway.toml is in force, unless the last entry about one says the same.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn policy(&self, now: ClockReading, digest: PolicyDigest) -> Result<(), WriteError> {
        self.at_desk(now, move |desk| {
            if rows::policy(desk.tx.db())? == Some(digest) {
                return Ok(());
            }
            desk.append(kind::POLICY, &event::Policy { digest }).map(drop)
        })
        .await
    }

    /// Uses nothing until [`Book::settings_are_written`], and then by these settings.
    pub(crate) fn await_settings(&self, settings: Arc<Settings>) {
        self.standing.set_unwritten(true);
        self.standing.terms().set(settings);
    }

    /// Writes down that settings are in force, and holds every use from there on against them.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written: the last ones stay.
    pub(crate) async fn put_in_force(
        &self,
        now: ClockReading,
        settings: Arc<Settings>,
    ) -> Result<(), WriteError> {
        let digest = settings.digest;
        self.standing.terms().announce(Arc::clone(&settings));
        let written = self.policy(now, digest).await;
        match &written {
            Ok(()) => self.standing.terms().set(settings),
            Err(_) => self.standing.terms().withdraw(),
        }
        written
    }

    /// The settings that decide have their entry.
    pub(crate) fn settings_are_written(&self) {
        self.standing.set_unwritten(false);
    }

    /// Whether nothing is used because the settings that would decide have no entry.
    pub(crate) fn awaits_settings(&self) -> bool {
        self.standing.is_unwritten()
    }

    /// Writes down that a gateway.toml was refused.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn policy_refused(
        &self,
        now: ClockReading,
        digest: PolicyDigest,
        faults: u64,
    ) -> Result<(), WriteError> {
        let entry = event::PolicyRefused { digest, faults };
        self.at_desk(now, move |desk| desk.append(kind::POLICY_REFUSED, &entry).map(drop)).await
    }

    /// Makes this reading the measure of later ones: the operator says that the clock is right.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written.
    pub async fn confirm_clock(&self, now: ClockReading) -> Result<(), WriteError> {
        self.at_desk(now, move |desk| {
            desk.append(kind::CLOCK, &event::Clock {})?;
            desk.tx.set_mark(&desk.now);
            Ok(())
        })
        .await
    }
}
