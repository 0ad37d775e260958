//! The public keys an auditor was given: nothing else is believed.

use std::str::FromStr;

use mandate::PublicKey;
use mandate::key::Jwk;
use mandate_journal::Origin;
use mandate_journal::note::NoteKey;
use thiserror::Error;

use crate::log::{Log, Side};

/// Why a text gives no public key.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyTextError {
    /// It is none of the forms in which a public key is written.
    #[error(
        "is no public key: a JWK `{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"…\"}}`, a `did:key:z…`, or a verifier key \
         `<origin>+<8 hex digits>+<base64>`"
    )]
    Form,
    /// It is the verifier key of another log than the one it was given for.
    #[error("is the key of {found}, and was given as that of {given}")]
    OtherLog {
        /// The log in the verifier key.
        found: Origin,
        /// The log it was given for.
        given: Origin,
    },
}

/// One public key that an auditor believes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// The one log whose key it is, where that was said; otherwise it may be any party's.
    pub origin: Option<Origin>,
}

impl TrustedKey {
    /// Takes a text apart that gives a key by the name of its log: `mandate/<wallet|gateway>/<id>=<key>`.
    ///
    /// `None` if no log is named. A verifier key names its log itself.
    #[must_use]
    pub fn split_name(text: &str) -> Option<(Origin, &str)> {
        let (name, key) = text.trim_start().split_once('=')?;
        let origin = name.parse().ok()?;
        Log::of(&origin).map(|_| (origin, key))
    }

    /// The same key as that of one log alone.
    ///
    /// # Errors
    ///
    /// [`KeyTextError::OtherLog`] if it already is that of another.
    pub fn of_log(self, given: Origin) -> Result<Self, KeyTextError> {
        match self.origin {
            Some(found) if found != given => Err(KeyTextError::OtherLog { found, given }),
            _ => Ok(Self { key: self.key, origin: Some(given) }),
        }
    }

    /// Reads a key that is written without `<origin>=` before it.
    fn read(text: &str) -> Result<Self, KeyTextError> {
        let text = text.trim();
        if text.starts_with('{') {
            let jwk: Jwk = serde_json::from_str(text).or(Err(KeyTextError::Form))?;
            return Ok(Self { key: jwk.try_into().or(Err(KeyTextError::Form))?, origin: None });
        }
        if let Some(key) = PublicKey::from_did_key(text) {
            return Ok(Self { key, origin: None });
        }
        let named: NoteKey = text.parse().or(Err(KeyTextError::Form))?;
        let origin = named.name().as_str().parse().or(Err(KeyTextError::Form))?;
        Ok(Self { key: *named.key(), origin: Some(origin) })
    }
}

impl FromStr for TrustedKey {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        match Self::split_name(text) {
            Some((origin, key)) => Self::read(key)?.of_log(origin),
            None => Self::read(text),
        }
    }
}

/// The keys an auditor was given.
///
/// A key that was given by the name of a log is that log's, and nobody else's. One without a name may be that of any log
/// for which none was named; of a wallet whose id is a `did:key`, that one key alone.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<TrustedKey>);

impl Keys {
    /// Takes keys, all believed alike.
    pub fn new(keys: impl IntoIterator<Item = TrustedKey>) -> Self {
        let mut given: Vec<TrustedKey> = Vec::new();
        for key in keys {
            if !given.contains(&key) {
                given.push(key);
            }
        }
        let named: Vec<PublicKey> =
            given.iter().filter(|key| key.origin.is_some()).map(|key| key.key).collect();
        given.retain(|key| key.origin.is_some() || !named.contains(&key.key));
        Self(given)
    }

    /// The keys that may be those of this log.
    #[must_use]
    pub fn of(&self, origin: &Origin) -> Vec<PublicKey> {
        let named = self.named(origin);
        match id_key(origin) {
            Some(id) => {
                let id = self.unnamed().into_iter().filter(|key| *key == id);
                named.iter().copied().chain(id).collect()
            }
            None if named.is_empty() => self.unnamed(),
            None => named,
        }
    }

    /// The keys that were given as those of this log, by its name.
    #[must_use]
    pub fn named(&self, origin: &Origin) -> Vec<PublicKey> {
        let is_named = |key: &&TrustedKey| key.origin.as_ref() == Some(origin);
        self.0.iter().filter(is_named).map(|key| key.key).collect()
    }

    /// The keys that were given without a name, each once.
    fn unnamed(&self) -> Vec<PublicKey> {
        self.0.iter().filter(|key| key.origin.is_none()).map(|key| key.key).collect()
    }

    /// The keys that could be this log's as well as `key`: none where a name or the log's id says whose it is.
    ///
    /// Whoever has one of them could have signed in the log's name, so something else has to tell them apart.
    #[must_use]
    pub fn rivals(&self, origin: &Origin, key: &PublicKey) -> Vec<PublicKey> {
        if id_key(origin).is_some() || !self.named(origin).is_empty() {
            return Vec::new();
        }
        self.unnamed().into_iter().filter(|other| other != key).collect()
    }

    /// The keys that may be those of this log, when `others` are known to be another party's.
    ///
    /// A party that could sign what only its peer can sign would prove whatever it likes.
    #[must_use]
    pub fn of_peer(&self, origin: &Origin, others: &[PublicKey]) -> Vec<PublicKey> {
        self.of(origin).into_iter().filter(|key| !others.contains(key)).collect()
    }
}

/// The key that the id of a wallet is.
fn id_key(origin: &Origin) -> Option<PublicKey> {
    let log = Log::of(origin).filter(|log| log.side == Side::Wallet)?;
    PublicKey::from_did_key(&log.id)
}

#[cfg(test)]
mod tests {
    use mandate::Signer as _;

    use super::*;
    use crate::testing::TestKey;

    #[test]
    fn a_key_is_read_in_each_form() {
        let key = TestKey::new(1).public_key();
        let origin: Origin = "mandate/wallet/ada".parse().unwrap();
        let jwk = serde_json::to_string(&Jwk::from(&key)).unwrap();
        for text in [jwk, key.did_key(), format!("{}\n", key.did_key())] {
            assert_eq!(text.parse(), Ok(TrustedKey { key, origin: None }), "{text}");
        }
        let named = origin.key(key).to_string();
        let jwk = serde_json::to_string(&Jwk::from(&key)).unwrap();
        let by_name = [jwk, key.did_key(), named.clone()].map(|key| format!("{origin}={key}"));
        for text in by_name.iter().chain([&named]) {
            assert_eq!(
                text.parse(),
                Ok(TrustedKey { key, origin: Some(origin.clone()) }),
                "{text}"
            );
        }
        let given: Origin = "mandate/gateway/lux".parse().unwrap();
        let other = format!("{given}={named}").parse::<TrustedKey>();
        assert_eq!(other, Err(KeyTextError::OtherLog { found: origin, given }));
        for text in [
            "",
            "{}",
            "did:key:z6Mk",
            "a+b+c",
            "mandate/wallet/ada=",
            "ada={}",
            r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#,
        ] {
            assert_eq!(text.parse::<TrustedKey>(), Err(KeyTextError::Form), "{text}");
        }
    }

    #[test]
    fn a_named_key_counts_for_its_log_alone() {
        let (wallet, gateway) = ("mandate/wallet/ada", "mandate/gateway/lux");
        let (wallet, gateway): (Origin, Origin) =
            (wallet.parse().unwrap(), gateway.parse().unwrap());
        let (ada, lux) = (TestKey::new(1).public_key(), TestKey::new(2).public_key());
        let named = TrustedKey { key: lux, origin: Some(gateway.clone()) };
        let keys = Keys::new([TrustedKey { key: ada, origin: None }, named]);
        assert_eq!(keys.of(&wallet), [ada]);
        assert_eq!(keys.of(&gateway), [lux], "where one is named, no other counts");
        assert_eq!(keys.of_peer(&gateway, &[lux]), []);
        assert_eq!((keys.named(&wallet), keys.named(&gateway)), (vec![], vec![lux]));
    }

    #[test]
    fn what_could_be_another_s_as_well_is_told() {
        let (ada, lux) = (TestKey::new(1).public_key(), TestKey::new(2).public_key());
        let origin = |text: &str| text.parse::<Origin>().unwrap();
        let (wallet, gateway) = (origin("mandate/wallet/ada"), origin("mandate/gateway/lux"));
        let by_id = origin(&format!("mandate/wallet/{}", ada.did_key()));
        let any = |key| TrustedKey { key, origin: None };
        let keys = Keys::new([any(ada), any(lux), any(lux)]);
        assert_eq!(keys.rivals(&wallet, &ada), [lux]);
        assert_eq!(keys.rivals(&gateway, &lux), [ada]);
        assert_eq!((keys.of(&by_id), keys.rivals(&by_id, &ada)), (vec![ada], vec![]));
        let merchant = origin(&format!("mandate/gateway/{}", ada.did_key()));
        assert_eq!(keys.of(&merchant), [ada, lux], "a merchant's id is never its key");
        let named = any(ada).of_log(wallet.clone()).unwrap();
        let keys = Keys::new([any(ada), named, any(lux)]);
        assert_eq!((keys.of(&wallet), keys.rivals(&wallet, &ada)), (vec![ada], vec![]));
        assert_eq!(keys.of(&gateway), [lux], "what was given by name is nobody else's");
        assert_eq!(keys.of(&by_id), [], "an id proves nothing of a key that was not given");
    }
}
