//! Asks the key store without waiting for it, and again while it is locked.

use std::time::Duration;

use mandate_config::{KeyReference, KeyStore};
use mandate_keys::{AccountError, KeyLocation, Loaded, Service, StoreChoice};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::log;

/// How often a store without the key is asked again.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// How long whoever wants to sign waits for the first word of a store; it may take longer, and a locked keyring must not
/// hold anybody up.
pub const WORD_WAIT: Duration = Duration::from_secs(2);

/// The asking for a key: a start or an unlock begins it, a lock ends it.
#[derive(Debug, Default)]
pub struct Asking {
    begun: Mutex<Option<Task>>,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Task {
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

/// The one who may begin or end the asking.
#[derive(Debug)]
pub struct Turn<'a> {
    begun: MutexGuard<'a, Option<Task>>,
    stop: &'a CancellationToken,
}

impl Asking {
    /// Waits until nobody else begins or ends it: locks and unlocks take turns.
    pub async fn turn(&self) -> Turn<'_> {
        Turn { begun: self.begun.lock().await, stop: &self.stop }
    }

    /// Ends the asking for good.
    pub async fn close(&self) {
        self.stop.cancel();
        self.turn().await.end().await;
    }
}

impl Turn<'_> {
    /// Begins to ask, unless that was done since the last end; whether it was begun now. `ask` ends when it is told to.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn begin<F>(&mut self, ask: impl FnOnce(CancellationToken) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if self.begun.is_some() {
            return false;
        }
        let stop = self.stop.child_token();
        let handle = tokio::spawn(ask(stop.clone()));
        *self.begun = Some(Task { stop, handle });
        true
    }

    /// Ends the asking; from here on it gives nobody a key. A store that answers later is not heard.
    pub async fn end(&mut self) {
        let Some(Task { stop, handle }) = self.begun.take() else { return };
        stop.cancel();
        if let Err(error) = handle.await {
            tracing::error!(%error, "the asking for the key did not come to its end");
        }
    }
}

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
    async fn an_asking_is_begun_once_and_anew_after_its_end() {
        let asking = Asking::default();
        let until_told = |stop: CancellationToken| async move { stop.cancelled().await };
        let mut turn = asking.turn().await;
        assert!(turn.begin(until_told));
        assert!(!turn.begin(until_told));
        turn.end().await;
        assert!(turn.begin(until_told));
        drop(turn);
        asking.close().await;
        // Whatever is begun after that is told to end at once.
        let mut turn = asking.turn().await;
        assert!(turn.begin(until_told));
        turn.end().await;
    }

    #[tokio::test]
    async fn work_off_the_runtime_gives_its_result_or_none() {
        assert_eq!(off_the_runtime(|| 1).await, Some(1));
        assert_eq!(off_the_runtime(|| -> u8 { panic!("as a store's library may") }).await, None);
    }
}
