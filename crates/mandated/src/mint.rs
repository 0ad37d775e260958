//! The one room where the key is used.
//!
//! It offers one thing: to sign what a permit allows. No permit, no signature.

use std::sync::Arc;

use mandate::token::{IssueError, Kind};
use mandate::{KeyId, Signer};
use mandate_host::key::{NoKey, Room};
use mandate_ledger::{Permit, Redeemed, Refusal, Unhashed};

/// The key, or why there is none.
#[derive(Debug, Default)]
pub(crate) struct Mint {
    room: Room<Origin>,
}

/// What the status says about a key that is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Its thumbprint.
    pub(crate) id: KeyId,
    /// Where it came from, in words.
    pub(crate) store: Arc<str>,
}

/// Why a permit was not signed.
#[derive(Debug)]
pub(crate) enum MintError {
    /// The key is at hand and did not sign.
    Issue(IssueError),
    /// The key went away after the request was let in.
    NoKey(NoKey),
}

impl From<MintError> for Refusal {
    fn from(error: MintError) -> Self {
        match error {
            MintError::Issue(error) => {
                Self::KeyUnavailable { problem: format!("the key did not sign: {error}") }
            }
            MintError::NoKey(no_key) => unavailable(no_key),
        }
    }
}

fn unavailable(no_key: NoKey) -> Refusal {
    match no_key {
        NoKey::Absent { problem } => Refusal::KeyUnavailable { problem: problem.to_string() },
        NoKey::Locked => Refusal::Locked,
    }
}

impl Mint {
    /// Where the key is: for whoever asks its store, and for its owner's lock.
    pub(crate) fn room(&self) -> &Room<Origin> {
        &self.room
    }

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
        let origin = Origin { id: signer.public_key().id(), store: store.into() };
        self.room.put(signer, origin, drop);
        Ok(())
    }

    /// Refuses early what could not be signed, so that nothing is reserved for it.
    ///
    /// # Errors
    ///
    /// [`Refusal::Locked`] or [`Refusal::KeyUnavailable`] while there is no key.
    pub(crate) fn ready(&self) -> Result<(), Refusal> {
        self.room.lend(|_| ()).map_err(unavailable)
    }

    /// Signs what the permit allows, unless a freeze or a lock came in between.
    pub(crate) fn sign<K: Kind>(&self, permit: Permit<K>) -> Redeemed<K, MintError> {
        permit.redeem(|draft, head| {
            let issued = self.room.lend(|signer| draft.issue(head, signer));
            issued.map_err(MintError::NoKey)?.map_err(MintError::Issue)
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

#[cfg(test)]
mod tests {
    use mandate_keys::{SEED_BYTES, Seed, SigningKey};
    use mandate_tests::parties::{Parties, WARES};
    use mandate_tests::tally::{Cap, PARIS};
    use mandate_tests::wallet::{MORNING, Wallet, reading};

    use super::*;

    #[tokio::test]
    async fn a_key_that_is_locked_away_or_another_one_signs_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let parties = Arc::new(Parties::new([9; SEED_BYTES]));
        Wallet::create(folder.path(), &parties, MORNING);
        let caps = vec![Cap::spend("day", ("EUR", 1_000))];
        let wallet = Wallet::open(folder.path(), &parties, PARIS, 1, caps).unwrap();
        let permit = || wallet.intent_permit(reading(MORNING), "travel", WARES[0]);
        let key = |byte| Arc::new(SigningKey::from_seed(Seed::copy_from(&[byte; SEED_BYTES])));
        let mint = Mint::default();
        assert!(matches!(mint.ready(), Err(Refusal::KeyUnavailable { .. })));
        mint.supply(key(9), "store", Vec::new()).unwrap();
        assert_eq!(mint.ready(), Ok(()));
        assert!(matches!(mint.sign(permit().await.unwrap()), Redeemed::Signed(_)));
        mint.supply(key(8), "store", Vec::new()).unwrap();
        let Redeemed::Failed(error) = mint.sign(permit().await.unwrap()) else { panic!("signed") };
        assert!(matches!(error, MintError::Issue(IssueError::KeyMismatch { .. })), "{error:?}");
        mint.room().lock();
        assert_eq!(mint.ready(), Err(Refusal::Locked));
        let Redeemed::Failed(error) = mint.sign(permit().await.unwrap()) else { panic!("signed") };
        assert_eq!(Refusal::from(error), Refusal::Locked);
    }
}
