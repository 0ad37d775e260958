//! Which key is the ledger's, what follows when its store has it, and when the principal locks it away.

use std::sync::Arc;

use mandate::Signer;
use mandate_host::key::NoKey;
use mandate_host::{head, key, log};
use mandate_keys::{KeyLocation, Loaded, Remembered, Service, StoreKind};
use mandate_ledger::RecallError;
use tonic::Status;

use crate::daemon::Daemon;
use crate::status;
use crate::stops::is_durable;

impl Daemon {
    /// Begins to ask for the key, unless the wallet is locked.
    pub(crate) async fn ask_for_the_key(self: &Arc<Self>) {
        if self.ledger.is_locked() {
            tracing::warn!(
                "locked by the principal: the key is not asked for, and nothing is minted"
            );
            return self.mint.room().lock();
        }
        self.asking.turn().await.begin(fetch(Arc::clone(self)));
    }

    /// Wipes the key from memory after its last checkpoint, and lets it in no more; whether that outlives the process.
    ///
    /// After the answer nothing of this process holds the key. A store that was asked and answers later is not heard.
    pub(crate) async fn lock(&self, uid: u32) -> Result<bool, Status> {
        let mut turn = self.asking.turn().await;
        let entry = self.ledger.lock(self.clock.read(), uid);
        let (is_durable, ()) = tokio::join!(is_durable(entry), turn.end());
        // Whatever became of the entry, and before a store that may be slow is asked to remember anything.
        self.ledger.forget_key();
        self.mint.room().lock();
        tracing::warn!(uid, "locked: the key is wiped from memory");
        if let Some(checkpoint) = self.ledger.checkpoint() {
            self.memory.keep(checkpoint.to_string()).await;
        }
        self.report().await;
        is_durable
    }

    /// Ends a lock and asks for the key; why it is not at hand yet, if it is not.
    pub(crate) async fn unlock(self: &Arc<Self>, uid: u32) -> Result<Option<String>, Status> {
        let mut turn = self.asking.turn().await;
        let unlocked = self.ledger.unlock(self.clock.read(), uid).await;
        unlocked.map_err(|error| status::failed(&error))?;
        tracing::warn!(uid, "unlocked");
        if self.mint.room().unlock() {
            turn.begin(fetch(Arc::clone(self)));
        }
        drop(turn);
        self.wait_for_the_key().await;
        self.report().await;
        Ok(match self.mint.room().note() {
            Err(NoKey::Absent { problem }) => Some(problem.to_string()),
            Err(NoKey::Locked) | Ok(_) => None,
        })
    }

    /// Waits for the first word of the key store, but not for ever.
    pub(crate) async fn wait_for_the_key(&self) {
        tokio::select! {
            () = self.mint.room().first_word() => {}
            () = tokio::time::sleep(key::WORD_WAIT) => {}
        }
    }
}

/// Asks the store until it has the ledger's key, then lets the wallet mint.
async fn fetch(daemon: Arc<Daemon>) {
    let location = match key::location(daemon.ledger.rules().key(), Service::Wallet) {
        Ok(location) => location,
        Err(error) => return daemon.mint.room().lack(&format!("[key] account {error}")),
    };
    let (taker, place) = (Arc::clone(&daemon), location.clone());
    let take = async move |loaded| supply(&taker, loaded, &place).await;
    let lack = async move |problem: &str| {
        tracing::warn!(%problem, "no key yet; nothing is minted");
        daemon.mint.room().lack(problem);
        daemon.report().await;
    };
    key::fetch(location, take, lack).await;
}

/// Puts the key in, if it is the one the ledger was made with; signs again what a crash left without its hash.
async fn supply(daemon: &Daemon, loaded: Loaded, place: &KeyLocation) -> Result<(), String> {
    let Loaded { key, store, remembered } = loaded;
    let expected = daemon.ledger.key();
    if key.public_key() != *expected {
        return Err(format!(
            "the {store} holds the key {}, and the ledger was made with {}; name the right account in wallet.toml",
            key.public_key().id(),
            expected.id()
        ));
    }
    daemon.warnings.look_at(&key);
    let unhashed = daemon.ledger.unhashed(daemon.clock.read()).await;
    let unhashed = unhashed.map_err(|error| log::chain(&error))?;
    let key: Arc<dyn Signer> = Arc::new(key);
    if is_the_newest(daemon, &remembered, (place, store)).await? {
        // An older copy would sign what contradicts the newer one, and have it remembered in its place.
        daemon.memory.place(place.clone(), store, remembered);
        daemon.ledger.sign_with(Arc::clone(&key));
    }
    daemon.mint.supply(key, &store.to_string(), unhashed)?;
    tracing::info!(%store, "the key is at hand");
    daemon.report().await;
    Ok(())
}

/// Whether the ledger has everything that is remembered of it beside its key; one that lacks something mints nothing.
async fn is_the_newest(
    daemon: &Daemon,
    remembered: &Remembered,
    found: (&KeyLocation, StoreKind),
) -> Result<bool, String> {
    let Remembered::Text(note) = remembered else { return Ok(true) };
    let (ledger, note) = (daemon.ledger.clone(), note.clone());
    let recalled = tokio::task::spawn_blocking(move || ledger.recall(&note)).await;
    match recalled.map_err(|error| log::chain(&error))? {
        Ok(()) => Ok(true),
        Err(RecallError::Fault(fault)) => {
            let problem = if fault.is_unsigned() {
                head::unreadable(&log::chain(&fault), "wallet", found)
            } else {
                format!(
                    "{}; stop the wallet, put the newest copy of {} back and start it again (if that is lost, nobody knows \
                 what was spent since: begin a new wallet with another --account and --state-dir)",
                    log::chain(&fault),
                    daemon.ledger.path().display()
                )
            };
            tracing::error!(%problem, "the ledger is not the newest; nothing is minted");
            daemon.ledger.distrust(problem);
            Ok(false)
        }
        Err(error) => Err(log::chain(&error)),
    }
}
