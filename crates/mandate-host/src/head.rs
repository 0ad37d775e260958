//! The head of a daemon's journal, remembered beside its key, and the pace at which it is signed.
//!
//! A journal is one file and can be put back as it was yesterday; what its key's store remembers cannot be put back
//! with it. This module keeps the newest signed checkpoint there; the journal is held against it when the key is loaded.
//! What somebody else put there meanwhile is not overwritten: two processes with one key would count each for itself.
//! It signs nothing.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mandate_keys::{KeyLocation, Remembered, StoreKind};
use tokio::sync::{Mutex, Notify, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::key::off_the_runtime;
use crate::log;

/// How often a checkpoint is signed if anything is new: no entry waits longer than twice this.
const SEAL_INTERVAL: Duration = Duration::from_secs(5);
/// Shortest time between two writes to the key store, which may be a file on somebody's desktop.
const REMEMBER_INTERVAL: Duration = Duration::from_secs(1);
/// How long to wait before a head that is not remembered yet is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// How long a key store may take to remember a head.
const REMEMBER_TIMEOUT: Duration = Duration::from_secs(5);

/// What a journal is not believed for any more, once somebody else had another head remembered beside its key.
pub const CONTRADICTED: &str = "another process signs with the same key over a journal of its own: what it has \
    remembered beside the key is not of this one; keep the one that is remembered, and stop the other for good";

/// Where the head is remembered, and how that goes. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct HeadMemory {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    place: RwLock<Option<HeadPlace>>,
    /// What a store was given; held until it answers, so that no older head comes after a newer.
    given: Arc<Mutex<Option<Given>>>,
    problem: RwLock<Option<Arc<str>>>,
    /// Somebody else had another head remembered there.
    contradicted: Arc<Notify>,
}

/// Where the key was found.
#[derive(Debug, Clone)]
struct HeadPlace {
    location: KeyLocation,
    store: StoreKind,
    /// What was remembered there when the key was loaded.
    found: Remembered,
}

impl HeadPlace {
    /// Whether a note that goes to the one is found at the other.
    fn is_there(&self, other: &Self) -> bool {
        (&self.location, self.store) == (&other.location, other.store)
    }
}

/// What a store was given by this process.
#[derive(Debug)]
struct Given {
    place: HeadPlace,
    /// The last note that it took.
    kept: Option<String>,
    /// The last note that it was to take: it may have it although it said otherwise.
    tried: Option<String>,
}

impl Given {
    fn at(place: HeadPlace) -> Self {
        Self { place, kept: None, tried: None }
    }

    /// Whether what the store has is of this process, or was there when the key was loaded last.
    fn explains(&self, found: &Remembered) -> bool {
        let Remembered::Text(note) = found else { return true };
        *found == self.place.found || [&self.kept, &self.tried].contains(&&Some(note.clone()))
    }
}

impl HeadMemory {
    /// Says where the key was found: the head is remembered beside it. Until then, and in a store that remembers
    /// nothing, it is not. A key that is asked for again may be found elsewhere.
    ///
    /// The journal has everything that `found` says.
    pub fn place(&self, location: KeyLocation, store: StoreKind, found: Remembered) {
        let cannot = || format!("a {store} cannot remember it");
        self.tell((store == StoreKind::Credential).then(cannot));
        let mut place = self.shared.place.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(HeadPlace { location, store, found });
    }

    /// Waits until somebody else turns out to have had another head remembered beside the key.
    pub async fn contradicted(&self) {
        self.shared.contradicted.notified().await;
    }

    /// Why the newest head is not remembered, if it is not: a sentence for the status.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        let problem = self.shared.problem.read().unwrap_or_else(PoisonError::into_inner).clone();
        problem.map(|problem| {
            format!(
                "the journal's head is not remembered beside the key ({problem}): an older copy of the journal, put \
                 back in its place, would not be noticed"
            )
        })
    }

    /// Has the store remember a signed checkpoint; waits for it, but not for ever.
    ///
    /// Whether nothing is left to do: false where it may be remembered later.
    pub async fn keep(&self, note: String) -> bool {
        let place = self.shared.place.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(place) = place else { return false };
        let (location, store) = (place.location.clone(), place.store);
        if store == StoreKind::Credential {
            return true;
        }
        let beside = location.clone();
        let recall = move || mandate_keys::recall(&beside, store);
        let write = move |text: &str| mandate_keys::remember(&location, store, text);
        let written = self.write(place, note, recall, write);
        let problem = match timeout(REMEMBER_TIMEOUT, written).await {
            Ok(problem) => problem,
            Err(_elapsed) => Some(format!("the {store} does not answer")),
        };
        let is_kept = problem.is_none();
        self.tell(problem);
        is_kept
    }

    /// Writes a note that was not the last one, unless somebody else wrote there; why it was not written, if it was not.
    ///
    /// The turn is the writing thread's: who stops waiting for one that hangs does not end it, and starts no other.
    async fn write<E: std::error::Error + Send + 'static>(
        &self,
        place: HeadPlace,
        note: String,
        recall: impl FnOnce() -> Result<Remembered, E> + Send + 'static,
        write: impl FnOnce(&str) -> Result<(), E> + Send + 'static,
    ) -> Option<String> {
        let mut turn = Arc::clone(&self.shared.given).lock_owned().await;
        match turn.as_mut().filter(|given| given.place.is_there(&place)) {
            // The key was loaded again, perhaps before what the store was given last had come there.
            Some(given) => given.place = place.clone(),
            None => *turn = Some(Given::at(place.clone())),
        }
        if turn.as_ref().is_some_and(|given| given.kept.as_ref() == Some(&note)) {
            return None;
        }
        let contradicted = Arc::clone(&self.shared.contradicted);
        let written = off_the_runtime(move || {
            let given = turn.get_or_insert_with(|| Given::at(place));
            if !given.explains(&recall()?) {
                contradicted.notify_one();
                return Ok(false);
            }
            given.tried = Some(note.clone());
            write(&note)?;
            given.kept = Some(note);
            Ok::<bool, E>(true)
        });
        match written.await {
            Some(Ok(true)) => None,
            Some(Ok(false)) => {
                Some("somebody else had the head of another journal remembered there".to_owned())
            }
            Some(Err(error)) => Some(log::chain(&error)),
            None => Some("the key store's thread ended".to_owned()),
        }
    }

    /// Has the store remember every checkpoint that `newest` tells of, or a newer one, until `stop`; also the one that is
    /// there already, once the key is found.
    pub async fn keep_newest<N: ToString + Sync>(
        &self,
        mut newest: watch::Receiver<Option<N>>,
        stop: CancellationToken,
    ) {
        loop {
            let note = newest.borrow_and_update().as_ref().map(ToString::to_string);
            let is_kept = match note {
                Some(note) => self.keep(note).await,
                None => true,
            };
            let pause = if is_kept { REMEMBER_INTERVAL } else { RETRY_INTERVAL };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
            if !is_kept {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = newest.changed() => if changed.is_err() { return },
            }
        }
    }

    fn tell(&self, problem: Option<String>) {
        let mut told = self.shared.problem.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = problem.as_ref().filter(|problem| told.as_deref() != Some(*problem))
        {
            tracing::warn!(%problem, "the journal's head is not remembered");
        }
        *told = problem.map(Into::into);
    }
}

impl fmt::Debug for HeadMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadMemory").field("problem", &self.problem()).finish_non_exhaustive()
    }
}

/// What to do about a remembered text that no key of the journal signed: a sentence for the status of `program`.
///
/// It says nothing of the journal, which then is neither believed nor known to be an older copy.
#[must_use]
pub fn unreadable(
    fault: &str,
    program: &str,
    (location, store): (&KeyLocation, StoreKind),
) -> String {
    format!(
        "what the {store} remembers of the journal is none of its checkpoints ({fault}); if the journal is the newest \
         copy, stop the {program}, remove the entry `{}` of the account `{}` from the {store}, and start it again",
        location.service.head(),
        location.account
    )
}

/// Calls `seal` at its pace until `stop`; it signs what is new, if anything is.
pub async fn seal_now_and_then(stop: CancellationToken, mut seal: impl AsyncFnMut()) {
    let mut ticks = interval(SEAL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => seal().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use mandate_keys::{Service, StoreChoice};

    use super::*;

    fn location() -> KeyLocation {
        KeyLocation {
            service: Service::Wallet,
            choice: StoreChoice::Auto,
            account: "default".parse().unwrap(),
        }
    }

    #[tokio::test]
    async fn a_store_that_cannot_remember_is_told_once_the_key_is_found_there() {
        let memory = HeadMemory::default();
        let is_kept = memory.keep("note".to_owned()).await;
        assert!(!is_kept, "nobody knows yet where the key is: it is tried again");
        assert_eq!(memory.problem(), None);
        memory.place(location(), StoreKind::Credential, Remembered::Never);
        assert!(memory.keep("note".to_owned()).await, "and never will");
        let problem = memory.problem().unwrap();
        assert!(problem.contains("a systemd credential cannot remember it"), "{problem}");
        memory.place(location(), StoreKind::Keyutils, Remembered::Nothing);
        assert_eq!(memory.problem(), None, "found elsewhere, where it can be remembered");
    }

    fn place(store: StoreKind) -> HeadPlace {
        HeadPlace { location: location(), store, found: Remembered::Nothing }
    }

    #[tokio::test]
    async fn what_somebody_else_wrote_is_told_and_stays() {
        let memory = HeadMemory::default();
        let store = Arc::new(std::sync::Mutex::new(Some("found".to_owned())));
        let found = Remembered::Text("found".to_owned());
        let place = HeadPlace { found, ..place(StoreKind::Keyutils) };
        let give = async |note: &str, fails: bool| {
            let (seen, kept) = (Arc::clone(&store), Arc::clone(&store));
            let recall = move || {
                let text = seen.lock().unwrap().clone();
                Ok(text.map_or(Remembered::Nothing, Remembered::Text))
            };
            let write = move |text: &str| {
                *kept.lock().unwrap() = Some(text.to_owned());
                if fails { Err(std::io::Error::other("no answer")) } else { Ok(()) }
            };
            memory.write(place.clone(), note.to_owned(), recall, write).await
        };
        assert_eq!(give("1", false).await, None, "what the key was loaded with");
        assert_eq!(give("2", false).await, None, "its own");
        assert_eq!(give("3", true).await.as_deref(), Some("no answer"));
        assert_eq!(give("4", false).await, None, "its own, though the store said otherwise");
        *store.lock().unwrap() = None;
        assert_eq!(give("5", false).await, None, "somebody removed it");
        let quiet = timeout(Duration::ZERO, memory.contradicted()).await;
        assert!(quiet.is_err(), "nobody else was there");
        *store.lock().unwrap() = Some("another".to_owned());
        assert!(give("6", false).await.unwrap().contains("somebody else"));
        memory.contradicted().await;
        assert_eq!(store.lock().unwrap().as_deref(), Some("another"));
    }

    #[tokio::test]
    async fn a_note_that_came_there_after_the_key_was_loaded_again_is_its_own() {
        let memory = HeadMemory::default();
        let store = Arc::new(std::sync::Mutex::new(None));
        let recall = || {
            let store = Arc::clone(&store);
            move || Ok(store.lock().unwrap().clone().map_or(Remembered::Nothing, Remembered::Text))
        };
        let write = |wait: Option<std::sync::mpsc::Receiver<()>>| {
            let store = Arc::clone(&store);
            move |text: &str| {
                if let Some(wait) = wait {
                    wait.recv().unwrap_or_default();
                }
                *store.lock().unwrap() = Some(text.to_owned());
                Ok::<(), std::io::Error>(())
            }
        };
        let loaded = |found: &str| HeadPlace {
            found: Remembered::Text(found.to_owned()),
            ..place(StoreKind::Keyutils)
        };
        let first = memory.write(loaded("0"), "1".into(), recall(), write(None)).await;
        assert_eq!(first, None);
        // The store hangs over the last head before a lock, and the key is loaded again meanwhile.
        let (go_on, hangs) = std::sync::mpsc::channel::<()>();
        let late = memory.write(loaded("0"), "2".into(), recall(), write(Some(hangs)));
        timeout(Duration::ZERO, late).await.unwrap_err();
        let fails = |_: &str| Err(std::io::Error::other("no answer"));
        let next = memory.write(loaded("1"), "3".into(), recall(), fails);
        tokio::pin!(next);
        timeout(Duration::ZERO, &mut next).await.unwrap_err();
        go_on.send(()).unwrap();
        let told = next.await;
        assert_eq!(told.as_deref(), Some("no answer"), "what is there is its own");
        let again = memory.write(loaded("1"), "3".into(), recall(), write(None)).await;
        assert_eq!(again, None, "also once more");
        let quiet = timeout(Duration::ZERO, memory.contradicted()).await;
        assert!(quiet.is_err(), "nobody else was there");
    }

    #[tokio::test]
    async fn another_store_is_given_what_the_one_before_had() {
        let memory = HeadMemory::default();
        let (told, stores) = std::sync::mpsc::channel();
        for store in [StoreKind::SecretService, StoreKind::Keyutils, StoreKind::Keyutils] {
            let told = told.clone();
            let write = move |_: &str| {
                told.send(store).unwrap();
                Ok::<(), std::io::Error>(())
            };
            let recall = || Ok(Remembered::Nothing);
            assert_eq!(memory.write(place(store), "note".into(), recall, write).await, None);
        }
        let told: Vec<_> = stores.try_iter().collect();
        assert_eq!(told, [StoreKind::SecretService, StoreKind::Keyutils]);
    }

    #[tokio::test]
    async fn a_store_that_hangs_gets_one_note_at_a_time_and_the_newest_last() {
        let memory = HeadMemory::default();
        let place = || place(StoreKind::Keyutils);
        let nothing = || Ok(Remembered::Nothing);
        let (go_on, hangs) = std::sync::mpsc::channel::<()>();
        let (told, store) = std::sync::mpsc::channel();
        let write = |wait: Option<std::sync::mpsc::Receiver<()>>| {
            let told = told.clone();
            move |text: &str| {
                if let Some(wait) = wait {
                    wait.recv().unwrap_or_default();
                }
                told.send(text.to_owned()).unwrap();
                Ok::<(), std::io::Error>(())
            }
        };
        // Nobody waits for the first one any more when the second one comes.
        let impatient = timeout(
            Duration::ZERO,
            memory.write(place(), "old".into(), nothing, write(Some(hangs))),
        );
        impatient.await.unwrap_err();
        let newer = memory.write(place(), "new".into(), nothing, write(None));
        tokio::pin!(newer);
        timeout(Duration::ZERO, &mut newer).await.unwrap_err();
        assert!(store.try_recv().is_err(), "both were given to it at once");
        go_on.send(()).unwrap();
        assert_eq!(newer.await, None);
        assert_eq!(store.try_iter().collect::<Vec<_>>(), ["old", "new"]);
        let again = memory.write(place(), "new".into(), nothing, write(None)).await;
        assert_eq!((again, store.try_recv().is_err()), (None, true));
    }
}
