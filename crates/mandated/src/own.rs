//! A token under the wallet's own key that its ledger lacks: proof that the ledger is an older copy.
//!
//! Nobody has a reason to hand one in as a cart or a receipt. Whoever does by mistake, after a ledger was put back whose
//! key store was put back with it, tells the wallet what nothing else on the machine can.

use mandate::token::{Kind, UnverifiedMandate};
use mandate::{Head, Intent, KeySet, Payment, PrincipalRole};
use mandate_ledger::{Ledger, RecallError};

use crate::daemon::Daemon;

/// Looks at what could not be read as a peer's token; an own one that the ledger lacks ends all minting.
pub(crate) async fn notice(daemon: &Daemon, compact: &str) {
    let Some(head) = own_head(&daemon.ledger, compact) else { return };
    // Once is enough: handing it in again makes no entry.
    if daemon.ledger.is_distrusted() {
        return;
    }
    let ledger = daemon.ledger.clone();
    let recalled = tokio::task::spawn_blocking(move || ledger.hold_against(head)).await;
    let Ok(Err(RecallError::Fault(fault))) = recalled else { return };
    let problem = format!(
        "a mandate under this wallet's own key is not in its ledger ({fault}); stop the wallet, put the newest copy of {} \
         back and start it again; this copy is frozen",
        daemon.ledger.path().display()
    );
    tracing::error!(%problem, "the ledger is not the newest; nothing is minted");
    daemon.distrust_for_good(problem).await;
}

/// The head in an intent or payment that the ledger's key signed.
fn own_head(ledger: &Ledger, compact: &str) -> Option<Head> {
    signed::<Payment>(ledger, compact).or_else(|| signed::<Intent>(ledger, compact))
}

fn signed<K: Kind<Role = PrincipalRole>>(ledger: &Ledger, compact: &str) -> Option<Head> {
    let token = UnverifiedMandate::<K>::parse(compact).ok()?;
    let token = token.verify(&KeySet::new([*ledger.key()])).ok()?;
    Some(token.head())
}
