//! A third person, who was not there and has public keys alone.
//!
//! What is handed in is written out as folders of files and believed only after it was read back from them.

use std::path::PathBuf;

use mandate::PublicKey;
use mandate_audit::{Checked, Export, Keys, Reconciliation, TrustedKey, check, reconcile};
use tempfile::TempDir;

use crate::error::DemoError;
use crate::handed::Handed;

/// The third person.
#[derive(Debug, Clone)]
pub(crate) struct Auditor {
    keys: Keys,
    /// Where what is handed in is put, for as long as it is looked at.
    desk: PathBuf,
}

impl Auditor {
    /// Somebody who believes in these keys, each for the log of that name alone.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when a name is that of no log.
    pub(crate) fn new(
        keys: impl IntoIterator<Item = (String, PublicKey)>,
        desk: PathBuf,
    ) -> Result<Self, DemoError> {
        let named = |(name, key): (String, PublicKey)| {
            Ok::<_, DemoError>(TrustedKey { key, origin: Some(name.parse()?) })
        };
        let keys: Vec<TrustedKey> = keys.into_iter().map(named).collect::<Result<_, _>>()?;
        Ok(Self { keys: Keys::new(keys), desk })
    }

    /// Holds a wallet's log and gateways' logs against each other: what `mandate audit reconcile` does.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when what is handed in is no log that its key signed.
    pub(crate) async fn reconcile(
        &self,
        wallet: &Handed,
        gateways: &[&Handed],
    ) -> Result<Reconciliation, DemoError> {
        let (auditor, wallet) = (self.clone(), wallet.clone());
        let gateways: Vec<Handed> = gateways.iter().copied().cloned().collect();
        let judge = move || {
            let desk = TempDir::new_in(&auditor.desk)
                .map_err(DemoError::io("make a folder in", &auditor.desk))?;
            let open = |name: &str, log: &Handed| {
                let dir = desk.path().join(name);
                log.export(&dir)?;
                Ok::<_, DemoError>(Export::open(&dir, &auditor.keys)?)
            };
            let wallet = open("wallet", &wallet)?;
            let gateways = gateways.iter().zip(0..);
            let gateways: Vec<Export> = gateways
                .map(|(log, number)| open(&format!("gateway-{number}"), log))
                .collect::<Result<_, _>>()?;
            Ok(reconcile(&wallet, &gateways)?)
        };
        tokio::task::spawn_blocking(judge).await?
    }

    /// Checks a proof: what `mandate audit check` does.
    ///
    /// # Errors
    ///
    /// [`DemoError::Proof`] if its entry is not in the log, [`DemoError::Differs`] if anything beside it is not proven.
    pub(crate) fn check(&self, proof: &str) -> Result<Checked, DemoError> {
        let checked = check(proof.as_bytes(), &self.keys)?;
        match checked.facts.iter().find(|fact| !fact.proven) {
            None => Ok(checked),
            Some(fact) => {
                let says = format!("{} {}", fact.about, fact.says);
                Err(DemoError::differs(&says, &fact.reason.as_deref().unwrap_or_default()))
            }
        }
    }
}
