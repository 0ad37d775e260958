//! Asks the key store without waiting for it, and again while it is locked.

use std::time::Duration;

use mandate_config::{KeyReference, KeyStore};
use mandate_keys::{AccountError, KeyLocation, Loaded, Service, StoreChoice};
use tokio_util::sync::CancellationToken;

use crate::log;

/// How often a store without the key is asked again.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Where a configuration file says that the key of a service is.
///
/// # Errors
///
/// [`AccountError`] when its `account` is no name that every store takes.
pub fn location(reference: &KeyReference, service: Service) -> Result<KeyLocation, AccountError> {
    let KeyReference { store, account } = reference;
    let choice = match store {
        KeyStore::Auto => StoreChoice::Auto,
        KeyStore::Credential => StoreChoice::Credential,
        KeyStore::Keyutils => StoreChoice::Keyutils,
        KeyStore::SecretService => StoreChoice::SecretService,
    };
    Ok(KeyLocation { service, choice, account: account.parse()? })
}

/// Asks the store until `take` takes the key that it has, or until `stop`.
///
/// `take` says in a sentence why it does not take a key; the store is then asked again, as it is when it has none.
/// `lack` is told why there is no key yet, each time the reason is another one.
pub async fn fetch(
    location: KeyLocation,
    stop: CancellationToken,
    mut take: impl AsyncFnMut(Loaded) -> Result<(), String>,
    mut lack: impl AsyncFnMut(&str),
) {
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
            Some(Ok(loaded)) => match take(loaded).await {
                Ok(()) => return,
                Err(problem) => problem,
            },
            Some(Err(error)) => log::chain(&error),
            None => "the key store's thread ended".to_owned(),
        };
        if problem != last_problem {
            lack(&problem).await;
            last_problem = problem;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RETRY_INTERVAL) => {}
        }
    }
}

/// Runs blocking work of the key store on a thread of its own, which no shutdown waits for.
///
/// `None` if the thread cannot be started, or ends without a result.
pub async fn off_the_runtime<T: Send + 'static>(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_store_without_the_key_is_told_and_stop_ends_the_asking() {
        // No service manager gave this process an account of that name.
        let location = KeyLocation {
            service: Service::Wallet,
            choice: StoreChoice::Credential,
            account: "nobody-has-this".parse().unwrap(),
        };
        let stop = CancellationToken::new();
        let told = stop.clone();
        let take = async |_| panic!("there is no key");
        let lack = async |problem: &str| {
            assert!(!problem.is_empty());
            told.cancel();
        };
        fetch(location, stop.clone(), take, lack).await;
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn work_off_the_runtime_gives_its_result_or_none() {
        assert_eq!(off_the_runtime(|| 1).await, Some(1));
        assert_eq!(off_the_runtime(|| -> u8 { panic!("as a store's library may") }).await, None);
    }
}
