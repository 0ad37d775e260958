//! The one room where a service's key is: its store puts it in, whoever signs borrows it, and a lock takes it away.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use mandate::Signer;
use tokio::sync::watch;

/// What is said of a key before its store has said anything.
const BEING_FETCHED: &str = "it is being fetched; try again in a moment";

/// A key, or why there is none; with the key stands a note of its owner's, such as where it came from.
pub struct Room<N> {
    /// Held while it is lent: whoever takes the key away must know that nobody uses it any more.
    key: RwLock<Key<N>>,
    /// Whether anything was said since the store was asked.
    told: watch::Sender<bool>,
}

enum Key<N> {
    Absent { problem: Arc<str> },
    Locked,
    Present { signer: Arc<dyn Signer>, note: N },
}

/// Why a key was not lent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoKey {
    /// It is not here.
    Absent {
        /// Why, and the way out.
        problem: Arc<str>,
    },
    /// It was locked away.
    Locked,
}

impl<N> Default for Room<N> {
    fn default() -> Self {
        let key = RwLock::new(Key::Absent { problem: BEING_FETCHED.into() });
        Self { key, told: watch::Sender::new(false) }
    }
}

impl<N> Room<N> {
    /// Puts the key in, unless it is locked away, and does what follows from it before anybody borrows it.
    pub fn put(&self, signer: Arc<dyn Signer>, note: N, then: impl FnOnce(Arc<dyn Signer>)) {
        let mut key = self.write();
        if matches!(*key, Key::Locked) {
            return;
        }
        then(Arc::clone(&signer));
        *key = Key::Present { signer, note };
        self.told.send_replace(true);
    }

    /// Says why there is no key yet; one that is here, and one that is locked away, stay so.
    pub fn lack(&self, problem: &str) {
        let mut key = self.write();
        if matches!(*key, Key::Absent { .. }) {
            *key = Key::Absent { problem: problem.into() };
            self.told.send_replace(true);
        }
    }

    /// Lets the key go, and lets it in no more: returns once nobody borrows it and nothing here holds it.
    pub fn lock(&self) {
        *self.write() = Key::Locked;
        self.told.send_replace(true);
    }

    /// Ends a lock: the store is to be asked anew, and has not said anything yet. Whether there was one.
    pub fn unlock(&self) -> bool {
        let mut key = self.write();
        let was_locked = matches!(*key, Key::Locked);
        if was_locked {
            *key = Key::Absent { problem: BEING_FETCHED.into() };
            self.told.send_replace(false);
        }
        was_locked
    }

    /// Waits until the store has given the key or said why not; it is not asked while locked.
    pub async fn first_word(&self) {
        // The sender is ours, so it is there.
        drop(self.told.subscribe().wait_for(|told| *told).await);
    }

    /// Lends the key, if it is here. It is lent and not handed out, and a lock waits for it.
    ///
    /// # Errors
    ///
    /// [`NoKey`].
    pub fn lend<R>(&self, sign: impl FnOnce(&dyn Signer) -> R) -> Result<R, NoKey> {
        self.look(|signer, _| sign(signer))
    }

    /// What its owner noted of the key.
    ///
    /// # Errors
    ///
    /// [`NoKey`].
    pub fn note(&self) -> Result<N, NoKey>
    where
        N: Clone,
    {
        self.look(|_, note| note.clone())
    }

    fn look<R>(&self, look: impl FnOnce(&dyn Signer, &N) -> R) -> Result<R, NoKey> {
        match &*self.read() {
            Key::Present { signer, note } => Ok(look(&**signer, note)),
            Key::Absent { problem } => Err(NoKey::Absent { problem: Arc::clone(problem) }),
            Key::Locked => Err(NoKey::Locked),
        }
    }

    // A panic elsewhere cannot leave the key half changed, so a poisoned lock is still good.
    fn read(&self) -> RwLockReadGuard<'_, Key<N>> {
        self.key.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Key<N>> {
        self.key.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N> fmt::Debug for Room<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.look(|signer, _| signer.public_key());
        f.debug_struct("Room").field("key", &known).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use mandate::key::SignError;
    use mandate::{PublicKey, Signature};
    use mandate_keys::{SEED_BYTES, Seed, SigningKey};

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(Seed::copy_from(&[3; SEED_BYTES]))
    }

    /// A key that says when it begins to sign, and waits until it may go on.
    struct Slow {
        begun: Sender<()>,
        go_on: std::sync::Mutex<Receiver<()>>,
    }

    impl Signer for Slow {
        fn public_key(&self) -> PublicKey {
            key().public_key()
        }

        fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
            self.begun.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
            key().sign(message)
        }
    }

    #[test]
    fn a_lock_waits_for_the_signature_under_way_and_leaves_nobody_the_key() {
        let (begun, begins) = channel();
        let (go_on, goes_on) = channel();
        let slow: Arc<dyn Signer> = Arc::new(Slow { begun, go_on: goes_on.into() });
        let held: Weak<dyn Signer> = Arc::downgrade(&slow);
        let room = Room::default();
        room.put(slow, (), drop);
        let (about, comes) = channel();
        std::thread::scope(|threads| {
            let signing = threads.spawn(|| room.lend(|signer| signer.sign(b"text")));
            begins.recv().unwrap();
            let locking = threads.spawn(|| {
                about.send(()).unwrap();
                room.lock();
                held.upgrade().is_none()
            });
            comes.recv().unwrap();
            assert!(held.upgrade().is_some(), "the control: it signs");
            go_on.send(()).unwrap();
            assert!(locking.join().unwrap(), "after a lock nobody holds the key");
            assert!(signing.join().unwrap().unwrap().is_ok());
        });
        assert_eq!(room.lend(|_| ()), Err(NoKey::Locked));
    }

    #[tokio::test]
    async fn what_is_locked_away_comes_back_after_an_unlock_alone() {
        let room = Room::default();
        let absent = |problem: &str| Err(NoKey::Absent { problem: problem.into() });
        assert_eq!(room.note(), absent(BEING_FETCHED));
        room.lack("no store");
        room.first_word().await;
        assert_eq!(room.note(), absent("no store"));
        room.put(Arc::new(key()), 1, drop);
        room.lack("too late");
        assert_eq!(room.note(), Ok(1));
        assert!(!room.unlock(), "nothing is locked");
        room.lock();
        room.put(Arc::new(key()), 2, |_| panic!("it is locked"));
        room.lack("locked all the same");
        assert_eq!(room.note(), Err(NoKey::Locked));
        room.first_word().await;
        assert!(room.unlock());
        assert_eq!(room.note(), absent(BEING_FETCHED));
        room.put(Arc::new(key()), 3, drop);
        room.first_word().await;
        assert_eq!(room.note(), Ok(3));
    }
}
