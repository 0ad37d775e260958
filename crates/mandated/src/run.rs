//! One life of the daemon: everything is checked, then opened, then served, then drained.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mandate::PrincipalId;
use mandate::clock::Clock;
use mandate_host::clock::{ClockError, SystemClock};
use mandate_host::head::{CONTRADICTED, HeadMemory, seal_now_and_then};
use mandate_host::key::Asking;
use mandate_host::log;
use mandate_host::metrics::{Commits, Listener};
use mandate_host::socket::SocketError;
use mandate_host::supervisor::{HandedIn, Supervisor, keep_alive};
use mandate_host::warnings::Warnings;
use mandate_host::watch::{Watched, on_change};
use mandate_ledger::{Died, Ledger, OpenError, Options, StoreError};
use mandate_proto::paths::Paths;
use thiserror::Error;
use tokio::net::UnixListener;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::approvals::Approvals;
use crate::daemon::{Daemon, Strangers};
use crate::doors::doors;
use crate::health::Health;
use crate::limits::AgentLimits;
use crate::metrics::{self, Figures};
use crate::mint::Mint;
use crate::policy::{self, ConfigError, Policy};
use crate::serve::{Connections, accept};
use crate::sockets::Sockets;
use crate::stops::Unverified;

/// How often calls over a limit are summed up into one entry.
const SUM_UP_INTERVAL: Duration = Duration::from_secs(60);
/// How long to wait before a check of the whole ledger that lacked what it needs is made again.
const CHECK_INTERVAL: Duration = Duration::from_secs(600);
/// How often health looks by itself.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// What a daemon is started with.
pub struct Config {
    /// Where its files and sockets are.
    pub paths: Paths,
    /// Where time comes from; the system's clock if `None`.
    pub clock: Option<Arc<dyn Clock>>,
    /// How the ledger is opened.
    pub ledger: Options,
    /// The agents' socket and the principal's, where they were opened before; it makes them itself if `None`.
    pub sockets: Option<[HandedIn; 2]>,
    /// What the system denied that would protect the key better, a sentence each.
    pub warnings: Vec<String>,
    /// Told once both sockets accept.
    pub ready: Option<oneshot::Sender<()>>,
}

impl Config {
    /// The configuration of production.
    #[must_use]
    pub fn new(paths: Paths) -> Self {
        Self {
            paths,
            clock: None,
            ledger: Options::default(),
            sockets: None,
            warnings: Vec::new(),
            ready: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Why the daemon did not start, or ended before it was told to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The system does not tell the time as it must.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// wallet.toml cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The disk failed a commit. What is on it is read back at the next start.
    #[error("the ledger could not be written; start again, and what is on disk is read back")]
    Died(#[source] StoreError),
    /// The ledger does not open.
    #[error("{}{}", log::chain(error), way_out(error))]
    Ledger {
        /// What is wrong with which file.
        error: OpenError,
    },
    /// The ledger is of another principal.
    #[error("{} is the ledger of {ledger}, and wallet.toml says `[principal] id = \"{config}\"`; name the ledger's own id, or another --state-dir", path.display())]
    Principal {
        /// The ledger.
        path: PathBuf,
        /// Whose ledger it is.
        ledger: PrincipalId,
        /// Whose wallet.toml it is.
        config: PrincipalId,
    },
    /// The reflection service cannot read its own descriptors.
    #[error("the API's descriptors are damaged")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// A socket cannot be opened.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// A thread of this process failed.
    #[error("a task of the daemon failed")]
    Task(#[from] tokio::task::JoinError),
}

impl RunError {
    /// Whether the principal's file is at fault.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Principal { .. })
    }
}

/// How to go on when a ledger does not open.
fn way_out(error: &OpenError) -> &'static str {
    match error {
        OpenError::Missing { .. } => {
            "; put the ledger back from a backup, or run `mandate init` for a new wallet (one is never made in its place)"
        }
        OpenError::InUse { .. } => "; a wallet is already running on it",
        error if error.is_full() => "; make room on its disk, and start again",
        OpenError::Damaged { .. } | OpenError::Foreign { .. } | OpenError::Store { .. } => {
            "; run `mandate audit verify`, and put a backup in its place"
        }
        _ => "",
    }
}

/// Runs the wallet until `shutdown` resolves, then lets what is under way finish.
///
/// # Errors
///
/// [`RunError`]: nothing was opened when wallet.toml is at fault, and no socket is left behind in any case.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let watched = Arc::new(Watched::new(config.paths.config()));
    let loaded = policy::load_watched(&watched).await?;
    let (dir, rules) = (config.paths.state_dir().to_owned(), Arc::clone(&loaded.rules));
    let commits = Arc::new(Commits::default());
    let options = Options { observer: metrics::observer(&commits), ..config.ledger.clone() };
    let opened = tokio::task::spawn_blocking(move || Ledger::open(&dir, rules, options)).await?;
    let (ledger, died) = opened.map_err(|error| RunError::Ledger { error })?;
    let served = over(&ledger, (watched, &loaded, commits), config, died, shutdown).await;
    // Whatever happened: who comes next finds the ledger closed and free.
    let closed = tokio::task::spawn_blocking(move || ledger.close()).await?;
    served.and(closed.map_err(RunError::Died))
}

/// Opens the sockets over an open ledger, and serves.
async fn over(
    ledger: &Ledger,
    (watched, loaded, commits): (Arc<Watched>, &policy::Loaded, Arc<Commits>),
    config: Config,
    died: Died,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let Config { paths, clock, ledger: _, sockets, warnings, ready } = config;
    if let Some(id) = loaded.rules.principal().id.as_ref().filter(|id| *id != ledger.principal()) {
        let (ledger, config) = (ledger.principal().clone(), id.clone());
        return Err(RunError::Principal { path: paths.ledger(), ledger, config });
    }
    let clock = match clock {
        Some(clock) => clock,
        None => Arc::new(SystemClock::new()?),
    };
    let (sockets, listeners) = Sockets::open(sockets, &paths, &loaded.rules)?;
    let stopping = CancellationToken::new();
    let daemon = Arc::new(Daemon {
        approvals: Approvals::new(stopping.clone()),
        asking: Asking::default(),
        limits: AgentLimits::new(&loaded.rules),
        memory: HeadMemory::default(),
        metrics: Listener::new(loaded.rules.metrics_listen()),
        connections: Connections::default(),
        figures: Figures::new(commits, clock.read().wall),
        health: Health::new().await,
        mint: Mint::default(),
        policy: Policy::new(watched, loaded, clock.read().wall),
        strangers: Strangers::new(),
        supervisor: Supervisor::default(),
        tasks: TaskTracker::new(),
        ledger: ledger.clone(),
        clock,
        paths,
        sockets,
        stopping,
        warnings: Warnings::new(warnings),
    });
    write_down_the_policy(&daemon).await;
    serve(&daemon, listeners, died, shutdown, ready).await
}

/// The file may have changed while no wallet ran; each mandate names its digest, this entry says from when it was.
async fn write_down_the_policy(daemon: &Daemon) {
    let rules = daemon.ledger.rules();
    if let Err(error) = daemon.ledger.reload(daemon.clock.read(), rules).await {
        // A full disk: nothing is minted while it lasts, and the principal can still freeze.
        tracing::error!(error = %log::chain(&error), "the start was not written");
    }
}

/// Serves both sockets until `shutdown`, or until the ledger died.
async fn serve(
    daemon: &Arc<Daemon>,
    listeners: [std::os::unix::net::UnixListener; 2],
    died: Died,
    shutdown: impl Future<Output = ()>,
    ready: Option<oneshot::Sender<()>>,
) -> Result<(), RunError> {
    let stop = daemon.stopping.clone();
    let background = TaskTracker::new();
    let connections = TaskTracker::new();
    daemon.ask_for_the_key().await;
    background.spawn(check_everything(Arc::clone(daemon), stop.clone()));
    let watched = Arc::clone(daemon.policy.watched());
    let reloaded = Arc::clone(daemon);
    let supervisor = daemon.supervisor.clone();
    background.spawn(on_change(watched, supervisor, stop.clone(), async move || {
        if let Err(error) = reloaded.reload().await {
            tracing::debug!(%error, "nothing was reloaded");
        }
    }));
    let alive = Arc::clone(daemon);
    background.spawn(keep_alive(stop.clone(), async move || alive.ledger.answers().await));
    background.spawn(sum_up_now_and_then(Arc::clone(daemon), stop.clone()));
    background.spawn(report_now_and_then(Arc::clone(daemon), stop.clone()));
    let (observed, stopped) = (Arc::clone(daemon), stop.clone());
    background.spawn(async move { observed.metrics.serve(Arc::clone(&observed), stopped).await });
    let sealed = Arc::clone(daemon);
    background.spawn(seal_now_and_then(stop.clone(), async move || sealed.seal().await));
    background.spawn(notice_another(Arc::clone(daemon), stop.clone()));
    let (memory, checkpoints) = (daemon.memory.clone(), daemon.ledger.checkpoints());
    background.spawn({
        let stop = stop.clone();
        async move { memory.keep_newest(checkpoints, stop).await }
    });
    for (door, listener) in doors(daemon)?.into_iter().zip(listeners) {
        let listener = UnixListener::from_std(listener).map_err(SocketError::listener)?;
        background.spawn(accept(Arc::new(door), listener, stop.clone(), connections.clone()));
    }
    // A client that waits for readiness wants to mint.
    daemon.wait_for_the_key().await;
    daemon.metrics.tried().await;
    daemon.report().await;
    daemon.supervisor.ready();
    tracing::info!(
        wallet = %daemon.paths.wallet_socket().display(),
        control = %daemon.paths.control_socket().display(),
        "ready"
    );
    if let Some(ready) = ready {
        // Whoever asked may be gone.
        ready.send(()).unwrap_or_default();
    }
    let ended = tokio::select! {
        () = shutdown => Ok(()),
        error = died => Err(RunError::Died(error)),
    };
    tracing::info!("stopping");
    daemon.supervisor.stopping();
    stop.cancel();
    for tracker in [&background, &connections, &daemon.tasks] {
        tracker.close();
        tracker.wait().await;
    }
    daemon.asking.close().await;
    daemon.sum_up().await;
    daemon.seal_for_good().await;
    ended
}

async fn sum_up_now_and_then(daemon: Arc<Daemon>, stop: CancellationToken) {
    let mut ticks = interval(SUM_UP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => daemon.sum_up().await,
        }
    }
}

/// Some of what health tells changes without anybody doing anything here: a clock that is set, a ledger that is full.
async fn report_now_and_then(daemon: Arc<Daemon>, stop: CancellationToken) {
    let mut ticks = interval(REPORT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => daemon.report().await,
        }
    }
}

/// Two wallets with one key would count each for itself: the one that finds the other's head stops minting.
async fn notice_another(daemon: Arc<Daemon>, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => return,
        () = daemon.memory.contradicted() => {}
    }
    tracing::error!(problem = CONTRADICTED, "nothing is minted");
    daemon.distrust_for_good(CONTRADICTED.to_owned()).await;
}

/// Checks the whole journal once, beside the service; what does not fit stops all minting.
async fn check_everything(daemon: Arc<Daemon>, stop: CancellationToken) {
    loop {
        match daemon.verify().await {
            Ok(verified) => {
                tracing::info!(entries = verified.head.size, "the ledger was checked");
                daemon.warnings.unchecked(None);
                return;
            }
            Err(Unverified::Distrusted(_) | Unverified::Stopped) => return,
            Err(Unverified::Unchecked(problem)) => daemon.warnings.unchecked(Some(&problem)),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(CHECK_INTERVAL) => {}
        }
    }
}
