//! Which key is the book's, what follows when its store has it, and when the operator locks it away.

use std::sync::Arc;
use std::time::Duration;

use mandate_host::{head, key, log};
use mandate_journal::{RecallError, WriteError};
use mandate_keys::{KeyLocation, Loaded, Remembered, Service, StoreKind};
use tokio::time::timeout;

use crate::book::Book;
use crate::service::Gateway;

/// How long a lock waits for its entry before it wipes the key all the same: a disk may hang, and the command line waits
/// for 30 s.
const ENTRY_WAIT: Duration = Duration::from_secs(5);

impl Gateway {
    /// Begins to ask for the key, unless the gateway is locked.
    pub(crate) async fn ask_for_the_key(&self) {
        if self.book().is_locked() {
            let problem = self.key_problem();
            tracing::warn!(problem, "locked: the key is not asked for, and no call goes on");
            return;
        }
        self.asking().turn().await.begin(fetch(self.clone()));
    }

    /// Wipes the key from memory after its last checkpoint, and lets it in no more; whether that is known to outlive the
    /// process. A journal that does not answer in a few seconds is not waited for: its entry may come later.
    ///
    /// After the answer nothing of this process holds the key, and no call begins its way to the API but one that had its
    /// last look at the lock before. One that is on it goes on, and what became of it is written down; its receipt is
    /// signed after an [`Gateway::unlock`]. A store that was asked and answers later is not heard.
    ///
    /// # Errors
    ///
    /// [`WriteError::Unknown`] when the disk failed; the key is gone all the same.
    pub async fn lock(&self) -> Result<bool, WriteError> {
        self.lock_because(None).await
    }

    /// Goes on with no call, because the whole journal was checked and is not what it should be: at once, and also after
    /// a restart, which knows nothing of it, until the operator has looked.
    pub(crate) async fn distrust_for_good(&self, problem: String) {
        self.book().distrust(problem.clone());
        if self.book().is_locked() {
            return;
        }
        match self.lock_because(Some(problem)).await {
            Ok(true) => {}
            Ok(false) => tracing::error!("the lock was not written, and ends with this process"),
            Err(error) => {
                tracing::error!(error = %log::chain(&error), "the lock was not written");
            }
        }
    }

    async fn lock_because(&self, reason: Option<String>) -> Result<bool, WriteError> {
        let mut turn = self.asking().turn().await;
        let written = timeout(ENTRY_WAIT, self.book().lock(self.now(), reason));
        let (locked, ()) = tokio::join!(written, turn.end());
        // Whatever became of the entry, and before a store that may be slow is asked to remember anything.
        self.let_go();
        tracing::warn!("locked: the key is wiped from memory");
        if locked.is_err() {
            tracing::error!(timeout_s = ENTRY_WAIT.as_secs(), "the journal does not answer");
        }
        if let Some(checkpoint) = self.book().checkpoint() {
            self.memory().keep(checkpoint.to_string()).await;
        }
        locked.unwrap_or(Ok(false))
    }

    /// Ends a lock and asks for the key; why it is not at hand yet, if it is not.
    ///
    /// # Errors
    ///
    /// [`WriteError`] when nothing could be written: the lock then stands.
    pub async fn unlock(&self) -> Result<Option<String>, WriteError> {
        let mut turn = self.asking().turn().await;
        self.book().unlock(self.now()).await?;
        tracing::warn!("unlocked");
        if self.room().unlock() {
            turn.begin(fetch(self.clone()));
        }
        drop(turn);
        self.wait_for_the_key().await;
        Ok(self.key_problem())
    }

    /// Waits for the first word of the key store, but not for ever.
    pub(crate) async fn wait_for_the_key(&self) {
        tokio::select! {
            () = self.room().first_word() => {}
            () = tokio::time::sleep(key::WORD_WAIT) => {}
        }
    }
}

/// Asks the store until it has the book's key.
async fn fetch(gateway: Gateway) {
    let location = match key::location(&gateway.settings().key, Service::Gateway) {
        Ok(location) => location,
        Err(error) => return gateway.lack(&format!("[key] account {error}")),
    };
    let taker = gateway.clone();
    let place = location.clone();
    let take = async move |loaded| take_key(&taker, &place, loaded).await;
    let lack = async move |problem: &str| {
        tracing::warn!(%problem, "no key yet; no call goes on");
        gateway.lack(problem);
    };
    key::fetch(location, take, lack).await;
}

async fn take_key(gateway: &Gateway, place: &KeyLocation, loaded: Loaded) -> Result<(), String> {
    let Loaded { key, store, remembered } = loaded;
    if key.public_key() == *gateway.book().key() {
        gateway.warnings().look_at(&key);
        if is_the_newest(gateway, &remembered, (place, store)).await? {
            gateway.memory().place(place.clone(), store, remembered);
        }
    }
    gateway
        .supply(Arc::new(key))
        .map_err(|error| format!("{store}: {error}; name the right account in gateway.toml"))?;
    tracing::info!(%store, "the key is at hand");
    Ok(())
}

/// Whether the journal has everything that is remembered of it beside its key; after one that lacks something, no call
/// goes on.
async fn is_the_newest(
    gateway: &Gateway,
    remembered: &Remembered,
    (location, store): (&KeyLocation, StoreKind),
) -> Result<bool, String> {
    let (book, remembered, location) =
        (gateway.book().clone(), remembered.clone(), location.clone());
    let looked =
        tokio::task::spawn_blocking(move || doubt(&book, &remembered, (&location, store))).await;
    let Some(problem) = looked.map_err(|error| log::chain(&error))?? else { return Ok(true) };
    tracing::error!(%problem, "the journal is not the newest; no call goes on");
    gateway.book().distrust(problem);
    Ok(false)
}

/// Holds a book against what is remembered of it beside its key, before anything is signed by it: why it is not believed,
/// and the way out; `None` if it has everything. Blocks.
///
/// # Errors
///
/// Why the book could not be held against it.
pub(crate) fn doubt(
    book: &Book,
    remembered: &Remembered,
    found: (&KeyLocation, StoreKind),
) -> Result<Option<String>, String> {
    let Remembered::Text(note) = remembered else { return Ok(None) };
    match book.recall(note) {
        Ok(()) => Ok(None),
        Err(RecallError::Fault(fault)) if fault.is_unsigned() => {
            Ok(Some(head::unreadable(&log::chain(&fault), "gateway", found)))
        }
        Err(RecallError::Fault(fault)) => Ok(Some(format!(
            "{}; stop the gateway, put the newest copy of {} back and start it again (if that is lost, nobody knows \
             what was executed since: begin a new journal under a new key)",
            log::chain(&fault),
            book.path().display()
        ))),
        Err(error) => Err(log::chain(&error)),
    }
}
