//! The one room where the key is used.
//!
//! It offers one thing: to sign what a permit allows. No permit, no signature.

use std::sync::{Arc, PoisonError, RwLock};

use mandate::token::{IssueError, Kind};
use mandate::{KeyId, Signer};
use mandate_host::log;
use mandate_ledger::{Permit, Redeemed, Refusal, Unhashed};
use thiserror::Error;
use tokio::sync::watch;

/// The key, or why there is none.
#[derive(Default)]
pub(crate) struct Mint {
    key: RwLock<Key>,
    /// Whether the store has said anything yet.
    told: watch::Sender<bool>,
}

enum Key {
    Absent { problem: Arc<str> },
    Locked,
    Present { signer: Arc<dyn Signer>, id: KeyId, store: Arc<str> },
}

impl Default for Key {
    fn default() -> Self {
        Self::Absent { problem: "it is being fetched; try again in a moment".into() }
    }
}

/// What the status says about the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyStatus {
    /// There is none, and why.
    Absent {
        /// Why, and the way out.
        problem: Arc<str>,
    },
    /// The principal locked it away.
    Locked,
    /// It is at hand.
    Present {
        /// Its thumbprint.
        id: KeyId,
        /// Where it came from, in words.
        store: Arc<str>,
    },
}

/// Why a permit was not signed.
#[derive(Debug, Error)]
pub(crate) enum MintError {
    /// The key went away after the request was let in.
    #[error("the key is not at hand: {problem}")]
    Absent {
        /// Why, and the way out.
        problem: Arc<str>,
    },
    /// The key is at hand and did not sign.
    #[error("the key did not sign")]
    Issue(#[source] IssueError),
    /// The principal locked the key away.
    #[error("{}", Refusal::Locked)]
    Locked,
}

impl From<MintError> for Refusal {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Locked => Self::Locked,
            error @ (MintError::Absent { .. } | MintError::Issue(_)) => {
                Self::KeyUnavailable { problem: log::chain(&error) }
            }
        }
    }
}

impl Mint {
    /// Puts the key in, after it signed again what a crash left without its hash.
    ///
    /// # Errors
    ///
    /// A sentence when the key does not sign; it is not put in then.
    pub(crate) fn supply(
        &self,
        signer: Arc<dyn Signer>,
        store: &str,
        unhashed: Vec<Unhashed>,
    ) -> Result<(), String> {
        for token in unhashed {
            let again = match token {
                Unhashed::Intent(permit) => sign_again(permit, &*signer),
                Unhashed::Payment(permit) => sign_again(permit, &*signer),
            };
            again.map_err(|error| format!("the key does not sign: {error}"))?;
        }
        let id = signer.public_key().id();
        self.replace(Key::Present { signer, id, store: store.into() });
        Ok(())
    }

    /// Says why there is no key.
    pub(crate) fn lack(&self, problem: &str) {
        self.replace(Key::Absent { problem: problem.into() });
    }

    /// Lets the key go: returns once no signature with it is under way, and nothing here holds it.
    pub(crate) fn lock(&self) {
        self.replace(Key::Locked);
    }

    /// Ends a lock: the store is to be asked anew, and has not said anything yet. Whether there was one.
    pub(crate) fn unlock(&self) -> bool {
        let mut key = self.key.write().unwrap_or_else(PoisonError::into_inner);
        let was_locked = matches!(*key, Key::Locked);
        if was_locked {
            *key = Key::default();
            self.told.send_replace(false);
        }
        was_locked
    }

    fn replace(&self, key: Key) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
        self.told.send_replace(true);
    }

    /// Waits until the store has given the key, or said why not; it is not asked while locked.
    pub(crate) async fn first_word(&self) {
        // The sender is ours, so it is there.
        drop(self.told.subscribe().wait_for(|told| *told).await);
    }

    /// What is known of the key.
    pub(crate) fn status(&self) -> KeyStatus {
        match &*self.key.read().unwrap_or_else(PoisonError::into_inner) {
            Key::Absent { problem } => KeyStatus::Absent { problem: Arc::clone(problem) },
            Key::Locked => KeyStatus::Locked,
            Key::Present { id, store, .. } => {
                KeyStatus::Present { id: *id, store: Arc::clone(store) }
            }
        }
    }

    /// Refuses early what could not be signed, so that nothing is reserved for it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Locked`] or [`Refusal::KeyUnavailable`] while there is no key.
    pub(crate) fn ready(&self) -> Result<(), Refusal> {
        match self.status() {
            KeyStatus::Present { .. } => Ok(()),
            KeyStatus::Absent { problem } => {
                Err(Refusal::KeyUnavailable { problem: problem.to_string() })
            }
            KeyStatus::Locked => Err(Refusal::Locked),
        }
    }

    /// Signs what the permit allows, unless a freeze or a lock came in between.
    pub(crate) fn sign<K: Kind>(&self, permit: Permit<K>) -> Redeemed<K, MintError> {
        permit.redeem(|draft, head| {
            // Held while it signs, and no copy made: a lock must know that nobody holds the key any more.
            match &*self.key.read().unwrap_or_else(PoisonError::into_inner) {
                Key::Present { signer, .. } => {
                    draft.issue(head, &**signer).map_err(MintError::Issue)
                }
                Key::Absent { problem } => Err(MintError::Absent { problem: Arc::clone(problem) }),
                Key::Locked => Err(MintError::Locked),
            }
        })
    }
}

/// Makes a token's hash again; the token itself goes nowhere.
fn sign_again<K: Kind>(permit: Permit<K>, signer: &dyn Signer) -> Result<(), IssueError> {
    match permit.redeem(|draft, head| draft.issue(head, signer)) {
        Redeemed::Failed(error) => Err(error),
        Redeemed::Signed(_) | Redeemed::Withheld(_) => Ok(()),
    }
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mint").field("key", &self.status()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use mandate::key::SignError;
    use mandate::{PublicKey, Signature};
    use mandate_tests::parties::{Parties, WARES};
    use mandate_tests::tally::{Cap, PARIS};
    use mandate_tests::wallet::{MORNING, Wallet, reading};

    use super::*;

    /// The key of a wallet, which says when it begins to sign and waits until it may go on.
    struct Slow {
        parties: Arc<Parties>,
        begun: Sender<()>,
        go_on: std::sync::Mutex<Receiver<()>>,
    }

    impl Signer for Slow {
        fn public_key(&self) -> PublicKey {
            self.parties.public_key()
        }

        fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
            self.begun.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
            self.parties.key().sign(message)
        }
    }

    #[tokio::test]
    async fn a_lock_waits_for_the_signature_under_way_and_leaves_nobody_the_key() {
        let folder = tempfile::tempdir().unwrap();
        let parties = Arc::new(Parties::new([9; 32]));
        Wallet::create(folder.path(), &parties, MORNING);
        let caps = vec![Cap::spend("day", ("EUR", 1_000))];
        let wallet = Wallet::open(folder.path(), &parties, PARIS, 1, caps).unwrap();
        let mut permits = Vec::new();
        for _ in 0..2 {
            permits.push(wallet.intent_permit(reading(MORNING), "travel", WARES[0]).await.unwrap());
        }
        let (begun, begins) = channel();
        let (go_on, goes_on) = channel();
        let slow = Slow { parties: Arc::clone(&parties), begun, go_on: goes_on.into() };
        let slow: Arc<dyn Signer> = Arc::new(slow);
        let held: Weak<dyn Signer> = Arc::downgrade(&slow);
        let mint = Mint::default();
        mint.supply(slow, "store", Vec::new()).unwrap();
        let (one, other) = (permits.pop().unwrap(), permits.pop().unwrap());
        let (about, comes) = channel();
        std::thread::scope(|threads| {
            let signing = threads.spawn(|| mint.sign(one));
            begins.recv().unwrap();
            let locking = threads.spawn(|| {
                about.send(()).unwrap();
                mint.lock();
                held.upgrade().is_none()
            });
            comes.recv().unwrap();
            assert!(held.upgrade().is_some(), "the control: it signs");
            go_on.send(()).unwrap();
            assert!(locking.join().unwrap(), "after a lock nobody holds the key");
            assert!(matches!(signing.join().unwrap(), Redeemed::Signed(_)));
        });
        assert_eq!(mint.status(), KeyStatus::Locked);
        assert_eq!(mint.ready(), Err(Refusal::Locked));
        let Redeemed::Failed(error) = mint.sign(other) else { panic!("there is no key") };
        assert_eq!(Refusal::from(error), Refusal::Locked);
    }
}
