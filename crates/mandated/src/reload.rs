//! Puts a changed wallet.toml in force: whole, in order, and written down.

use std::sync::Arc;

use mandate_host::log;
use mandate_ledger::{Caller, LedgerError};
use mandate_policy::PolicyDigest;
use thiserror::Error;

use crate::daemon::Daemon;
use crate::policy::{ConfigError, Loaded};

/// Why a reload changed nothing.
#[derive(Debug, Error)]
pub(crate) enum ReloadError {
    /// The file cannot be used; the last good one stays in force.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The reload could not be written down; the last good file stays in force.
    #[error("the reload could not be written down")]
    Ledger(#[source] LedgerError),
}

impl Daemon {
    /// Reads wallet.toml again and puts it in force if it is good and new.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]; whatever was in force stays so.
    pub(crate) async fn reload(&self) -> Result<PolicyDigest, ReloadError> {
        let turn = self.policy.turn.lock().await;
        let result = match self.policy.read_again().await {
            Ok(loaded) => self.put_in_force(loaded).await,
            Err(error) => Err(self.keep_the_last(error).await),
        };
        drop(turn);
        self.report().await;
        result
    }

    async fn put_in_force(&self, loaded: Loaded) -> Result<PolicyDigest, ReloadError> {
        let digest = loaded.rules.digest();
        if digest == self.policy.in_force.standing().digest {
            self.policy.in_force.settled(loaded.owner, self.clock.read().wall);
            return Ok(digest);
        }
        let now = self.clock.read();
        let wall = now.wall;
        if let Err(error) = self.ledger.reload(now, Arc::clone(&loaded.rules)).await {
            let error = ReloadError::Ledger(error);
            let problem = format!("the newest file is good, and {}", log::chain(&error));
            if self.policy.in_force.refused(&problem, wall) {
                tracing::error!(%problem, "wallet.toml is not in force; the last good one stays so");
            }
            return Err(error);
        }
        for refused in self.limits.reload(&loaded.rules) {
            let caller = Caller { agent: Some(refused.agent), uid: refused.uid };
            self.write_rate_limited(&caller, refused.calls).await;
        }
        self.policy.in_force.accepted(digest, loaded.owner, wall);
        self.sockets.allow(&loaded.rules);
        self.metrics.want(loaded.rules.metrics_listen()).await;
        tracing::info!(%digest, "wallet.toml is in force");
        Ok(digest)
    }

    /// Says once, everywhere, that the newest file was refused.
    async fn keep_the_last(&self, error: ConfigError) -> ReloadError {
        let problem = error.to_string();
        if self.policy.in_force.refused(&problem, self.clock.read().wall) {
            tracing::error!(
                problem = %log::chain(&error),
                "wallet.toml was refused; the last good one stays in force"
            );
            if let Some((digest, faults)) = error.refused()
                && let Err(error) =
                    self.ledger.reload_refused(self.clock.read(), digest, faults).await
            {
                tracing::error!(error = %log::chain(&error), "a refused reload was not written");
            }
        }
        ReloadError::Config(error)
    }
}
