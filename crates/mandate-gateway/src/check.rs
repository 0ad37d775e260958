//! The check of the whole journal, and what follows from it.

use std::time::Duration;

use mandate_host::log;
use mandate_journal::{Verified, VerifyFault};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::service::Gateway;

/// How long to wait before a check that lacked what it needs is made again.
const CHECK_INTERVAL: Duration = Duration::from_secs(600);

/// Why a check did not find the journal whole.
pub(crate) enum Unverified {
    /// It is not what it should be, by this; no call goes on any more.
    Distrusted(String),
    /// The gateway is stopping.
    Stopped,
    /// The check lacked what it needs: nothing is known of the journal.
    Unchecked(String),
}

impl Gateway {
    /// Checks the whole journal; after what does not fit, no call goes on. Ends early at `stop`.
    pub(crate) async fn verify(&self, stop: CancellationToken) -> Result<Verified, Unverified> {
        let book = self.book().clone();
        let checked = tokio::task::spawn_blocking(move || book.verify(move || stop.is_cancelled()));
        let problem = match checked.await {
            Ok(Ok(verified)) => return Ok(verified),
            Ok(Err(VerifyFault::Cancelled)) => return Err(Unverified::Stopped),
            Ok(Err(fault)) if fault.is_inconclusive() => {
                return Err(Unverified::Unchecked(log::chain(&fault)));
            }
            Ok(Err(fault)) => log::chain(&fault),
            Err(error) => log::chain(&error),
        };
        tracing::error!(%problem, "the journal is not what it should be; no call goes on");
        self.distrust_for_good(problem.clone()).await;
        Err(Unverified::Distrusted(problem))
    }
}

/// Checks the whole journal once, beside the service.
pub(crate) async fn check_everything(gateway: Gateway, stop: CancellationToken) {
    loop {
        match gateway.verify(stop.clone()).await {
            Ok(verified) => {
                tracing::info!(entries = verified.head.size, "the journal was checked");
                gateway.warnings().unchecked(None);
                return;
            }
            Err(Unverified::Distrusted(_) | Unverified::Stopped) => return,
            Err(Unverified::Unchecked(problem)) => gateway.warnings().unchecked(Some(&problem)),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(CHECK_INTERVAL) => {}
        }
    }
}
