//! The head of a daemon's journal, remembered beside its key, and the pace at which it is signed.
//!
//! A journal is one file and can be put back as it was yesterday; what its key's store remembers cannot be put back
//! with it. This module keeps the newest signed checkpoint there and reads nothing: the journal is held against it when
//! the key is loaded. It signs nothing itself.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mandate_keys::{KeyLocation, StoreKind};
use tokio::sync::{Mutex, watch};
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

/// Where the head is remembered, and how that goes. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct HeadMemory {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    place: RwLock<Option<HeadPlace>>,
    /// What which store was last given; held until it answers, so that no older head comes after a newer.
    kept: Arc<Mutex<Option<(HeadPlace, String)>>>,
    problem: RwLock<Option<Arc<str>>>,
}

/// Which store, under which name.
type HeadPlace = (KeyLocation, StoreKind);

impl HeadMemory {
    /// Says where the key was found: the head is remembered beside it. Until then, and in a store that remembers
    /// nothing, it is not. A key that is asked for again may be found elsewhere.
    pub fn place(&self, location: KeyLocation, store: StoreKind) {
        let cannot = || format!("a {store} cannot remember it");
        self.tell((store == StoreKind::Credential).then(cannot));
        let mut place = self.shared.place.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some((location, store));
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
        let (location, store) = place.clone();
        if store == StoreKind::Credential {
            return true;
        }
        let write = move |text: &str| mandate_keys::remember(&location, store, text);
        let problem = match timeout(REMEMBER_TIMEOUT, self.write(place, note, write)).await {
            Ok(problem) => problem,
            Err(_elapsed) => Some(format!("the {store} does not answer")),
        };
        let is_kept = problem.is_none();
        self.tell(problem);
        is_kept
    }

    /// Writes a note that was not the last one there; why it was not written, if it was not.
    ///
    /// The turn is the writing thread's: who stops waiting for one that hangs does not end it, and starts no other.
    async fn write<E: std::error::Error + Send + 'static>(
        &self,
        place: HeadPlace,
        note: String,
        write: impl FnOnce(&str) -> Result<(), E> + Send + 'static,
    ) -> Option<String> {
        let mut kept = Arc::clone(&self.shared.kept).lock_owned().await;
        let given = (place, note);
        if kept.as_ref() == Some(&given) {
            return None;
        }
        let written = off_the_runtime(move || {
            write(&given.1)?;
            *kept = Some(given);
            Ok::<(), E>(())
        });
        match written.await {
            Some(Ok(())) => None,
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
        memory.place(location(), StoreKind::Credential);
        assert!(memory.keep("note".to_owned()).await, "and never will");
        let problem = memory.problem().unwrap();
        assert!(problem.contains("a systemd credential cannot remember it"), "{problem}");
        memory.place(location(), StoreKind::Keyutils);
        assert_eq!(memory.problem(), None, "found elsewhere, where it can be remembered");
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
            assert_eq!(memory.write((location(), store), "note".into(), write).await, None);
        }
        let told: Vec<_> = stores.try_iter().collect();
        assert_eq!(told, [StoreKind::SecretService, StoreKind::Keyutils]);
    }

    #[tokio::test]
    async fn a_store_that_hangs_gets_one_note_at_a_time_and_the_newest_last() {
        let memory = HeadMemory::default();
        let place = || (location(), StoreKind::Keyutils);
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
        let impatient =
            timeout(Duration::ZERO, memory.write(place(), "old".into(), write(Some(hangs))));
        impatient.await.unwrap_err();
        let newer = memory.write(place(), "new".into(), write(None));
        tokio::pin!(newer);
        timeout(Duration::ZERO, &mut newer).await.unwrap_err();
        assert!(store.try_recv().is_err(), "both were given to it at once");
        go_on.send(()).unwrap();
        assert_eq!(newer.await, None);
        assert_eq!(store.try_iter().collect::<Vec<_>>(), ["old", "new"]);
        let again = memory.write(place(), "new".into(), write(None)).await;
        assert_eq!((again, store.try_recv().is_err()), (None, true));
    }
}
