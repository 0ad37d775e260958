//! What all calls share: the book, the key, the settings in force, the clock.

mod records;

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use mandate::clock::{Clock, ClockReading};
use mandate::id::JTI_BYTES;
use mandate::token::{IssueError, Kind, Mandate};
use mandate::{Jti, KeyId, PolicyDigest, Signer};
use mandate_host::config::InForce;
use mandate_host::head::HeadMemory;
use mandate_host::key::{Asking, NoKey, Room};
use mandate_host::metrics::Listener;
use mandate_host::warnings::Warnings;
use mandate_journal::WriteError;
use rustix::process::geteuid;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::attempt::READY_WAIT;
use super::flow::TURN_WAIT;
use super::limits::PrincipalLimits;
use super::turns::{Turn, Turns};
use crate::book::{Book, Decider, Outcome, Recorded, UseKey};
use crate::metrics::Figures;
use crate::refusal::Refusal;
use crate::settings::Settings;

/// What the commits of a call may take beside the API.
const DISK_WAIT: Duration = Duration::from_secs(5);
/// Receipts that are looked up at a time.
const LOOK_UPS_MAX: usize = 8;

/// A merchant's gateway. Cheap to clone; all clones are one gateway.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

struct Shared {
    book: Book,
    clock: Arc<dyn Clock>,
    settings: RwLock<Arc<Settings>>,
    limits: RwLock<Arc<PrincipalLimits>>,
    key: Room<()>,
    asking: Asking,
    /// Where the journal's head is remembered.
    memory: HeadMemory,
    warnings: OnceLock<Warnings>,
    /// Which gateway.toml is in force, and why the newest is not.
    in_force: InForce<PolicyDigest>,
    figures: Figures,
    /// Where the figures may be read over TCP.
    metrics: Listener,
    turns: Arc<Turns>,
    /// Settings come in force one after the other.
    reloading: Mutex<()>,
    /// Places for questions of anyone, who need no mandate: payments must not wait behind them.
    look_ups: Semaphore,
    /// Work that goes on when its client hangs up, and that shutdown waits for.
    tasks: TaskTracker,
}

/// A key that is not the one the book was made with.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("this is the key {found}, and the journal was made with {expected}")]
pub struct WrongKey {
    /// The key's id.
    pub found: KeyId,
    /// The id of the key that must sign.
    pub expected: KeyId,
}

/// Why a use could not be settled by hand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The key did not sign.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A call for it is under way.
    #[error("a call for it is under way; its answer decides")]
    UnderWay,
    /// There is no such use.
    #[error("there is no such use; `mandate-gateway resolve` without a hash lists those that wait")]
    Unknown,
    /// The journal was not written.
    #[error("the journal could not be written")]
    Write(#[from] WriteError),
}

impl Gateway {
    /// A gateway over an open book, without a key and with settings that no entry names: it answers `unavailable` until
    /// [`Gateway::supply`] and [`Gateway::write_settings`].
    #[must_use]
    pub fn new(book: Book, settings: Settings, clock: Arc<dyn Clock>) -> Self {
        let settings = Arc::new(settings);
        book.await_settings(Arc::clone(&settings));
        let limits = Arc::new(PrincipalLimits::new(&settings.limits));
        let key = Room::default();
        if book.is_locked() {
            key.lock();
        }
        let now = clock.read().wall;
        let shared = Shared {
            in_force: InForce::new(settings.digest, geteuid().as_raw(), now),
            figures: Figures::new(&settings.actions, now),
            metrics: Listener::new(settings.metrics_listen),
            book,
            clock,
            limits: RwLock::new(limits),
            settings: RwLock::new(settings),
            key,
            asking: Asking::default(),
            memory: HeadMemory::default(),
            warnings: OnceLock::new(),
            turns: Arc::default(),
            reloading: Mutex::default(),
            look_ups: Semaphore::new(LOOK_UPS_MAX),
            tasks: TaskTracker::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The same gateway, which tells its operator of what the system denied that would protect the key better.
    #[must_use]
    pub fn warned(self, warnings: Vec<String>) -> Self {
        self.shared.warnings.get_or_init(|| Warnings::new(warnings));
        self
    }

    /// What the system denied that would protect the key better.
    pub(crate) fn warnings(&self) -> &Warnings {
        self.shared.warnings.get_or_init(Warnings::default)
    }

    /// Puts the key in; from now on it also signs the journal's checkpoints, unless the journal is not believed.
    ///
    /// A gateway that is locked lets the key go.
    ///
    /// Whoever remembers the journal's head elsewhere holds the book against it first ([`Book::recall`],
    /// [`Book::distrust`]).
    ///
    /// # Errors
    ///
    /// [`WrongKey`] if the book was made with another one.
    pub fn supply(&self, signer: Arc<dyn Signer>) -> Result<(), WrongKey> {
        let (found, expected) = (signer.public_key().id(), self.book().key().id());
        if found != expected {
            return Err(WrongKey { found, expected });
        }
        self.shared.key.put(signer, (), |signer| {
            if self.book().distrusted().is_none() {
                // An older copy would sign what contradicts the newer one.
                self.book().sign_with(signer);
            }
        });
        Ok(())
    }

    /// Says why there is no key yet; a key that is at hand stays.
    pub fn lack(&self, problem: &str) {
        self.shared.key.lack(problem);
    }

    /// Lets the key go, and in no more: returns once no signature with it is under way and nothing here holds it.
    pub(crate) fn let_go(&self) {
        self.shared.key.lock();
        self.book().forget_key();
    }

    /// Where the key is: for whoever asks its store.
    pub(crate) fn room(&self) -> &Room<()> {
        &self.shared.key
    }

    /// The asking for the key.
    pub(crate) fn asking(&self) -> &Asking {
        &self.shared.asking
    }

    /// Where the journal's head is remembered beside the key, and how that goes.
    #[must_use]
    pub fn memory(&self) -> &HeadMemory {
        &self.shared.memory
    }

    /// The merchant's book.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.shared.book
    }

    /// The settings in force.
    #[must_use]
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&read(&self.shared.settings))
    }

    /// Which gateway.toml is in force. Until somebody says whose it is, it is this process's own user's.
    #[must_use]
    pub fn in_force(&self) -> &InForce<PolicyDigest> {
        &self.shared.in_force
    }

    /// Why the newest gateway.toml is not in force.
    #[must_use]
    pub fn settings_problem(&self) -> Option<Arc<str>> {
        self.shared.in_force.problem()
    }

    /// Why the key is not at hand.
    #[must_use]
    pub fn key_problem(&self) -> Option<String> {
        match self.shared.key.note() {
            Ok(()) => None,
            Err(NoKey::Absent { problem }) => Some(problem.to_string()),
            Err(NoKey::Locked) => {
                Some(self.book().lock_problem().unwrap_or_else(|| Refusal::Locked.to_string()))
            }
        }
    }

    /// Both clocks, now.
    #[must_use]
    pub fn now(&self) -> ClockReading {
        self.shared.clock.read()
    }

    /// Ends the asking for the key, and waits for what is under way: to be called once nobody is served any more.
    pub async fn drain(&self) {
        self.shared.tasks.close();
        self.asking().close().await;
        self.shared.tasks.wait().await;
        self.sum_up().await;
    }

    /// Settles a use by the operator's word, and gives its receipt. What was settled before stays as it was.
    ///
    /// Comes in turn with the calls that present it: who sends it again and again does not keep the operator out.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]; the use then stays as it was, unless a lock came right after it was settled: its receipt is then
    /// signed after the unlock.
    pub async fn resolve(
        &self,
        key: UseKey,
        outcome: Outcome,
    ) -> Result<Mandate<mandate::Receipt>, ResolveError> {
        let turn = self.turn_to_resolve(&key).await?;
        self.resolve_in_turn(turn, key, outcome).await
    }

    /// Waits for the turn to settle a use by the operator's word, for as long as a call that came before may take: calls
    /// give up sooner, so that none of them is left before the operator then.
    pub(crate) async fn turn_to_resolve(&self, key: &UseKey) -> Result<Turn, ResolveError> {
        self.ready()?;
        // The call before may have come in turn only at the end of its own wait.
        let before = [TURN_WAIT, READY_WAIT, DISK_WAIT];
        let wait = self.settings().limits.upstream_timeout.saturating_add(before.iter().sum());
        let turn = timeout(wait, self.shared.turns.take(*key.as_bytes())).await;
        turn.or(Err(ResolveError::UnderWay))
    }

    /// Settles a use by the operator's word, as [`Gateway::resolve`].
    pub(crate) async fn resolve_in_turn(
        &self,
        _turn: Turn,
        key: UseKey,
        outcome: Outcome,
    ) -> Result<Mandate<mandate::Receipt>, ResolveError> {
        // It may have been locked meanwhile.
        self.ready()?;
        let jti = jti()?;
        let settled = self.book().settle(self.now(), key, outcome, Decider::Operator, jti).await?;
        let receipt = settled.ok_or(ResolveError::Unknown)?;
        Ok(self.sign(&receipt)?)
    }

    /// Where its figures may be read over TCP; somebody has to serve it.
    #[must_use]
    pub fn metrics(&self) -> &Listener {
        &self.shared.metrics
    }

    pub(crate) fn figures(&self) -> &Figures {
        &self.shared.figures
    }

    /// A place for one question that needs no mandate.
    pub(super) async fn look_up(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.shared.look_ups.acquire().await.ok()
    }

    pub(super) fn turns(&self) -> &Arc<Turns> {
        &self.shared.turns
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.shared.tasks
    }

    pub(super) fn limits(&self) -> Arc<PrincipalLimits> {
        Arc::clone(&read(&self.shared.limits))
    }

    /// Whether anything may be used and the key is at hand, or the refusal of whatever would need that.
    pub(super) fn ready(&self) -> Result<(), Refusal> {
        self.book().usable()?;
        self.lend(|_| ())
    }

    /// Lends the key, if it is at hand. It is lent and not handed out, and a lock waits for it.
    pub(super) fn lend<R>(&self, sign: impl FnOnce(&dyn Signer) -> R) -> Result<R, Refusal> {
        self.shared.key.lend(sign).map_err(|no_key| match no_key {
            NoKey::Absent { problem } => {
                tracing::debug!(%problem, "a call needs the key");
                Refusal::KeyUnavailable
            }
            NoKey::Locked => Refusal::Locked,
        })
    }

    /// Signs what is written down.
    ///
    /// Nothing of a journal that is known to be wrong: what it says now may not be what was written down.
    pub(super) fn sign<K: Kind>(&self, recorded: &Recorded<K>) -> Result<Mandate<K>, Refusal> {
        self.book().usable()?;
        self.lend(|signer| recorded.sign(signer))?.map_err(|error: IssueError| {
            tracing::error!(%error, "the key did not sign");
            Refusal::KeyUnavailable
        })
    }
}

/// 128 random bits for a token's id.
pub(super) fn jti() -> Result<Jti, Refusal> {
    let mut bits = [0; JTI_BYTES];
    match getrandom::fill(&mut bits) {
        Ok(()) => Ok(Jti::from_random(bits)),
        Err(error) => {
            tracing::error!(%error, "the system gives no random bytes");
            Err(Refusal::KeyUnavailable)
        }
    }
}

// A panic elsewhere cannot leave any of these values half changed, so a poisoned lock is still good.
fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("book", self.book()).finish_non_exhaustive()
    }
}
