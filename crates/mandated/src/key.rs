//! Which key is the ledger's, and what follows when its store has it.

use std::sync::Arc;

use mandate::Signer;
use mandate_host::{key, log};
use mandate_keys::{Loaded, Service};
use tokio_util::sync::CancellationToken;

use crate::daemon::Daemon;

/// Asks the store until it has the ledger's key, then lets the wallet mint.
pub(crate) async fn fetch(daemon: Arc<Daemon>, stop: CancellationToken) {
    let location = match key::location(daemon.ledger.rules().key(), Service::Wallet) {
        Ok(location) => location,
        Err(error) => return daemon.mint.lack(&format!("[key] account {error}")),
    };
    let taker = Arc::clone(&daemon);
    let take = async move |loaded| supply(&taker, loaded).await;
    let lack = async move |problem: &str| {
        tracing::warn!(%problem, "no key yet; nothing is minted");
        daemon.mint.lack(problem);
        daemon.report().await;
    };
    key::fetch(location, stop, take, lack).await;
}

/// Puts the key in, if it is the one the ledger was made with; signs again what a crash left without its hash.
async fn supply(daemon: &Daemon, loaded: Loaded) -> Result<(), String> {
    let Loaded { key, store } = loaded;
    let expected = daemon.ledger.key();
    if key.public_key() != *expected {
        return Err(format!(
            "the {store} holds the key {}, and the ledger was made with {}; name the right account in wallet.toml",
            key.public_key().id(),
            expected.id()
        ));
    }
    if !key.is_locked_in_memory() {
        tracing::warn!("the key's page cannot be locked in memory: raise RLIMIT_MEMLOCK");
    }
    let unhashed = daemon.ledger.unhashed(daemon.clock.read()).await;
    let unhashed = unhashed.map_err(|error| log::chain(&error))?;
    let key: Arc<dyn Signer> = Arc::new(key);
    daemon.mint.supply(key, &store.to_string(), unhashed)?;
    tracing::info!(%store, "the key is at hand");
    daemon.report().await;
    Ok(())
}
