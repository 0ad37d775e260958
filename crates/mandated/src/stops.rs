//! What stops the wallet at a word, before the word is on disk.

use std::time::Duration;

use mandate::text::Purpose;
use mandate_host::log;
use mandate_ledger::{Durability, LedgerError, Scope, Verified, VerifyFault};
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

    /// Checks the whole ledger; what does not fit stops all minting. Ends early when the wallet stops.
    pub(crate) async fn verify(&self) -> Result<Verified, Unverified> {
        let (ledger, stopping) = (self.ledger.clone(), self.stopping.clone());
        let checked =
            tokio::task::spawn_blocking(move || ledger.verify(move || stopping.is_cancelled()));
        let problem = match checked.await {
            Ok(Ok(verified)) => return Ok(verified),
            Ok(Err(VerifyFault::Cancelled)) => return Err(Unverified::Stopped),
            Ok(Err(fault)) if fault.is_inconclusive() => {
                return Err(Unverified::Unchecked(log::chain(&fault)));
            }
            Ok(Err(fault)) => log::chain(&fault),
            Err(error) => log::chain(&error),
        };
        tracing::error!(%problem, "the ledger is not what it should be; nothing is minted");
        self.distrust_for_good(problem.clone()).await;
        Err(Unverified::Distrusted(problem))
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

/// Why a check of the whole ledger did not find it whole.
pub(crate) enum Unverified {
    /// It is not what it should be, by this; nothing is minted any more.
    Distrusted(String),
    /// The wallet is stopping.
    Stopped,
    /// The check lacked what it needs: nothing is known of the ledger.
    Unchecked(String),
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
