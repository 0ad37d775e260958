//! Asks the key store without waiting for it, and again while it is locked; and the room where the key is then.

mod room;

use std::time::Duration;

use mandate_config::{KeyReference, KeyStore};
use mandate_keys::{AccountError, KeyLocation, Loaded, Service, StoreChoice};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

use crate::log;

pub use room::{NoKey, Room};

/// How often a store without the key is asked again.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// How long whoever wants to sign waits for the first word of a store; it may take longer, and a locked keyring must not
/// hold anybody up.
pub const WORD_WAIT: Duration = Duration::from_secs(2);

/// The asking for a key: a start or an unlock begins it, a lock ends it.
#[derive(Debug, Default)]
pub struct Asking {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    Begun(JoinHandle<()>),
    Closed,
}

/// The one who may begin or end the asking.
#[derive(Debug)]
pub struct Turn<'a> {
    state: MutexGuard<'a, State>,
}

impl Asking {
    /// Waits until nobody else begins or ends it: locks and unlocks take turns.
    pub async fn turn(&self) -> Turn<'_> {
        Turn { state: self.state.lock().await }
    }

    /// Ends the asking for good.
    pub async fn close(&self) {
        let mut turn = self.turn().await;
        turn.end().await;
        *turn.state = State::Closed;
    }
}

impl Turn<'_> {
    /// Begins to ask, unless that was done since the last end; whether it was begun now.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn begin(&mut self, ask: impl Future<Output = ()> + Send + 'static) -> bool {
        let is_idle = matches!(*self.state, State::Idle);
        if is_idle {
            *self.state = State::Begun(tokio::spawn(ask));
        }
        is_idle
    }

    /// Ends the asking at once, wherever it waits: from here on it gives nobody a key, and a store that answers later is
    /// not heard.
    pub async fn end(&mut self) {
        if matches!(*self.state, State::Closed) {
            return;
        }
        let State::Begun(handle) = std::mem::take(&mut *self.state) else { return };
        handle.abort();
        match handle.await {
            Err(error) if !error.is_cancelled() => {
                tracing::error!(%error, "the asking for the key did not come to its end");
            }
            _ => {}
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

/// Asks the store until `take` takes the key that it has.
///
/// `take` says in a sentence why it does not take a key; the store is then asked again, as it is when it has none.
/// `lack` is told why there is no key yet, each time the reason is another one.
pub async fn fetch(
    location: KeyLocation,
    mut take: impl AsyncFnMut(Loaded) -> Result<(), String>,
    mut lack: impl AsyncFnMut(&str),
) {
    let mut last_problem = String::new();
    loop {
        let asked = location.clone();
        // On a thread of its own: a store may take the call and never answer, and shutdown must not wait for that.
        let loaded = off_the_runtime(move || mandate_keys::load(&asked)).await;
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
        tokio::time::sleep(RETRY_INTERVAL).await;
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
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn a_store_without_the_key_is_told_and_an_end_ends_the_asking() {
        // No service manager gave this process an account of that name.
        let location = KeyLocation {
            service: Service::Wallet,
            choice: StoreChoice::Credential,
            account: "nobody-has-this".parse().unwrap(),
        };
        let (told, mut problems) = tokio::sync::mpsc::unbounded_channel();
        let take = async |_| panic!("there is no key");
        let lack = async move |problem: &str| told.send(problem.to_owned()).unwrap();
        let asking = Asking::default();
        let mut turn = asking.turn().await;
        turn.begin(fetch(location, take, lack));
        assert!(!problems.recv().await.unwrap().is_empty());
        turn.end().await;
        assert_eq!(problems.recv().await, None, "nobody asks any more");
    }

    #[tokio::test]
    async fn an_asking_is_begun_once_and_anew_after_its_end() {
        let asking = Asking::default();
        let mut turn = asking.turn().await;
        assert!(turn.begin(pending()));
        assert!(!turn.begin(pending()));
        turn.end().await;
        assert!(turn.begin(pending()));
        drop(turn);
        asking.close().await;
        let mut turn = asking.turn().await;
        assert!(!turn.begin(pending()), "closed for good");
        turn.end().await;
        assert!(!turn.begin(pending()), "also after an end");
    }

    #[tokio::test]
    async fn work_off_the_runtime_gives_its_result_or_none() {
        assert_eq!(off_the_runtime(|| 1).await, Some(1));
        assert_eq!(off_the_runtime(|| -> u8 { panic!("as a store's library may") }).await, None);
    }
}
