//! What stops the wallet at a word, before the word is on disk.

use std::time::Duration;

use mandate::text::Purpose;
use mandate_host::log;
use mandate_ledger::{Durability, LedgerError, Scope};
use rustix::process::geteuid;
use tokio::time::timeout;
use tonic::Status;

use crate::daemon::Daemon;
use crate::status;

/// How long a disk may take to answer about a stop that is in force already; the principal is told then that it is not
/// known to be on disk.
const ENTRY_WAIT: Duration = Duration::from_secs(5);

impl Daemon {
    /// Stops minting under a scope; whether that outlives the process.
    pub(crate) async fn freeze(
        &self,
        uid: u32,
        scope: Scope,
        reason: Option<Purpose>,
    ) -> Result<bool, Status> {
        let entry = self.ledger.freeze(self.clock.read(), uid, scope.clone(), reason);
        let is_durable = is_durable(entry).await;
        tracing::warn!(uid, %scope, "frozen");
        self.report().await;
        is_durable
    }

    /// Mints nothing from here on, nor after the next start: no later one finds `problem` out by itself.
    pub(crate) async fn distrust_for_good(&self, problem: String) {
        self.ledger.distrust(problem);
        let (now, own) = (self.clock.read(), geteuid().as_raw());
        if let Err(error) = self.ledger.freeze(now, own, Scope::Wallet, None).await {
            tracing::error!(error = %log::chain(&error), "the freeze was not written");
        }
        self.report().await;
    }
}

/// Whether the entry of a stop is on disk. One whose disk hangs is still written, if that ever answers.
pub(crate) async fn is_durable(
    entry: impl Future<Output = Result<Durability, LedgerError>>,
) -> Result<bool, Status> {
    match timeout(ENTRY_WAIT, entry).await {
        Ok(Ok(durability)) => Ok(durability == Durability::Durable),
        Ok(Err(error)) => Err(status::failed(&error)),
        Err(_elapsed) => {
            tracing::error!("the disk does not answer; a stop holds, and is not known to be on it");
            Ok(false)
        }
    }
}
