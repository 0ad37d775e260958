//! Fetches the key from its store, and waits for a store that is locked.

use std::sync::Arc;
use std::time::Duration;

use mandate::Signer;
use mandate_keys::{AccountError, KeyLocation, Loaded, Service, StoreChoice};
use mandate_policy::{KeyReference, KeyStore};
use tokio_util::sync::CancellationToken;

use crate::daemon::Daemon;
use crate::log;

/// How often a store without the key is asked again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Asks the store until it has the ledger's key, then lets the wallet mint.
pub(crate) async fn fetch(daemon: Arc<Daemon>, stop: CancellationToken) {
    let location = match key_location(daemon.ledger.rules().key()) {
        Ok(location) => location,
        Err(error) => return daemon.mint.lack(&format!("[key] account {error}")),
    };
    let mut last_problem = String::new();
    loop {
        let asked = location.clone();
        // On a thread of its own: a store may take the call and never answer, and shutdown must not wait for that.
        let loaded = off_the_runtime(move || mandate_keys::load(&asked));
        let loaded = tokio::select! {
            () = stop.cancelled() => return,
            loaded = loaded => loaded,
        };
        let problem = match loaded {
            Some(Ok(loaded)) => match supply(&daemon, loaded).await {
                Ok(()) => return,
                Err(problem) => problem,
            },
            Some(Err(error)) => log::chain(&error),
            None => "the key store's thread ended".to_owned(),
        };
        if problem != last_problem {
            tracing::warn!(%problem, "no key yet; nothing is minted");
            daemon.mint.lack(&problem);
            daemon.report().await;
            last_problem = problem;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
        }
    }
}

/// Where wallet.toml says the key is.
///
/// # Errors
///
/// [`AccountError`] when its `account` is no name that every store takes.
pub fn key_location(reference: &KeyReference) -> Result<KeyLocation, AccountError> {
    let KeyReference { store, account } = reference;
    let choice = match store {
        KeyStore::Auto => StoreChoice::Auto,
        KeyStore::Credential => StoreChoice::Credential,
        KeyStore::Keyutils => StoreChoice::Keyutils,
        KeyStore::SecretService => StoreChoice::SecretService,
    };
    Ok(KeyLocation { service: Service::Wallet, choice, account: account.parse()? })
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("key-store".to_owned());
    let started = thread.spawn(move || drop(done.send(work())));
    if let Err(error) = started {
        tracing::error!(%error, "cannot start a thread");
        return None;
    }
    result.await.ok()
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
