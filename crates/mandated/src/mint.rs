//! The one room where the key is used.
//!
//! It offers one thing: to sign what a permit allows. No permit, no signature.

use std::sync::{Arc, PoisonError, RwLock};

use mandate::token::{IssueError, Kind};
use mandate::{KeyId, Signer};
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

    fn replace(&self, key: Key) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = key;
        self.told.send_replace(true);
    }

    /// Waits until the store has given the key, or said why not.
    pub(crate) async fn first_word(&self) {
        // The sender is ours, so it is there.
        drop(self.told.subscribe().wait_for(|told| *told).await);
    }

    /// What is known of the key.
    pub(crate) fn status(&self) -> KeyStatus {
        match &*self.key.read().unwrap_or_else(PoisonError::into_inner) {
            Key::Absent { problem } => KeyStatus::Absent { problem: Arc::clone(problem) },
            Key::Present { id, store, .. } => {
                KeyStatus::Present { id: *id, store: Arc::clone(store) }
            }
        }
    }

    /// Refuses early what could not be signed, so that nothing is reserved for it.
    ///
    /// # Errors
    ///
    /// [`Refusal::KeyUnavailable`] while there is no key.
    pub(crate) fn ready(&self) -> Result<(), Refusal> {
        match self.status() {
            KeyStatus::Present { .. } => Ok(()),
            KeyStatus::Absent { problem } => {
                Err(Refusal::KeyUnavailable { problem: problem.to_string() })
            }
        }
    }

    /// Signs what the permit allows, unless a freeze came in between.
    pub(crate) fn sign<K: Kind>(&self, permit: Permit<K>) -> Redeemed<K, MintError> {
        let signer = match &*self.key.read().unwrap_or_else(PoisonError::into_inner) {
            Key::Present { signer, .. } => Ok(Arc::clone(signer)),
            Key::Absent { problem } => Err(MintError::Absent { problem: Arc::clone(problem) }),
        };
        permit.redeem(|draft, head| draft.issue(head, &*signer?).map_err(MintError::Issue))
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
