//! One life of the gateway: everything is checked, then opened, then served, then drained.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mandate::clock::Clock;
use mandate_host::clock::{ClockError, SystemClock};
use mandate_host::head::{CONTRADICTED, seal_now_and_then};
use mandate_host::log;
use mandate_host::socket::SocketError;
use mandate_host::supervisor::Supervisor;
use mandate_host::watch::{Watched, on_change};
use mandate_journal::{Died, OpenError, Options, StoreError, WriteError};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer as _;

use crate::book::Book;
use crate::check::check_everything;
use crate::door::{self, Door};
use crate::proxy::{Proxy, ProxyError};
use crate::server::serve_counted;
use crate::service::{Gateway, GatewayLayer};
use crate::settings::{ConfigError, Loaded, check_reload, load};
use crate::supervised::{prove_alive, report};

/// How often calls over a limit are summed up into one entry.
const SUM_UP_INTERVAL: Duration = Duration::from_secs(60);

/// What a gateway is started with.
pub struct RunConfig {
    /// `gateway.toml`.
    pub config: PathBuf,
    /// The folder of the book.
    pub state_dir: PathBuf,
    /// Where time comes from; the system's clock if `None`.
    pub clock: Option<Arc<dyn Clock>>,
    /// How the book is opened.
    pub book: Options,
    /// What the system denied that would protect the key better, a sentence each.
    pub warnings: Vec<String>,
    /// Told once the gateway accepts calls: where.
    pub ready: Option<oneshot::Sender<SocketAddr>>,
}

impl RunConfig {
    /// The configuration of production.
    #[must_use]
    pub fn new(config: PathBuf, state_dir: PathBuf) -> Self {
        Self {
            config,
            state_dir,
            clock: None,
            book: Options::default(),
            warnings: Vec::new(),
            ready: None,
        }
    }
}

impl fmt::Debug for RunConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunConfig").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Why the gateway did not start, or ended before it was told to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The book does not open.
    #[error("{}{}", log::chain(error), way_out(error))]
    Book {
        /// What is wrong with which file.
        error: OpenError,
    },
    /// The system does not tell the time as it must.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The operator's door cannot be opened.
    #[error(transparent)]
    Door(#[from] SocketError),
    /// gateway.toml cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The disk failed a commit. What is on it is read back at the next start.
    #[error("the journal could not be written; start again, and what is on disk is read back")]
    Died(#[source] StoreError),
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}; another program may, or name another `listen` in gateway.toml"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// The upstream cannot be asked.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// A thread of this process failed.
    #[error("a task of the gateway failed")]
    Task(#[from] tokio::task::JoinError),
}

impl RunError {
    /// Whether the operator's file is at fault.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self, Self::Config(_))
    }
}

/// How to go on when a book does not open.
fn way_out(error: &OpenError) -> &'static str {
    match error {
        OpenError::Missing { .. } => {
            "; put the journal back from a backup, or run `mandate-gateway init` for a new merchant (one is never made in its place)"
        }
        OpenError::InUse { .. } => "; a gateway is already running on it",
        error if error.is_full() => "; make room on its disk, and start again",
        OpenError::Damaged { .. } | OpenError::Foreign { .. } | OpenError::Store { .. } => {
            "; run `mandate-gateway audit verify`, and put a backup in its place"
        }
        _ => "",
    }
}

/// Runs the gateway until `shutdown` resolves, then lets what is under way finish.
///
/// # Errors
///
/// [`RunError`]: nothing was opened when gateway.toml is at fault.
pub async fn run(config: RunConfig, shutdown: impl Future<Output = ()>) -> Result<(), RunError> {
    let watched = Arc::new(Watched::new(&config.config));
    let read = Arc::clone(&watched);
    let loaded = tokio::task::spawn_blocking(move || read.read(load)).await??;
    let (dir, options) = (config.state_dir.clone(), config.book.clone());
    let opened = tokio::task::spawn_blocking(move || Book::open(&dir, options)).await?;
    let (book, died) = opened.map_err(|error| RunError::Book { error })?;
    let served = over(book.clone(), (watched, loaded), config, died, shutdown).await;
    // Whatever happened: who comes next finds the book closed and free.
    let closed = tokio::task::spawn_blocking(move || book.close()).await?;
    served.and(closed.map_err(RunError::Died))
}

/// Listens over an open book, and serves.
async fn over(
    book: Book,
    (watched, loaded): (Arc<Watched>, Loaded),
    config: RunConfig,
    died: Died,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let Loaded { settings, owner } = loaded;
    let RunConfig { config: path, state_dir, clock, book: _, warnings, ready } = config;
    if settings.merchant.id != *book.merchant() {
        let (config, journal) = (settings.merchant.id, book.merchant().clone());
        return Err(ConfigError::Merchant { path, config, journal }.into());
    }
    let clock = match clock {
        Some(clock) => clock,
        None => Arc::new(SystemClock::new()?),
    };
    let (address, limits) = (settings.listen, settings.limits.clone());
    let gateway = Gateway::new(book, settings, clock).warned(warnings);
    gateway.in_force().settled(owner, gateway.now().wall);
    let service = GatewayLayer::new(gateway.clone()).layer(Proxy::new(gateway.clone())?);
    let listen = |source| RunError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (_door, operators) = Door::open(&state_dir)?;
    write_down_the_settings(&gateway, owner).await;

    let stop = CancellationToken::new();
    let supervisor = Supervisor::default();
    let background = TaskTracker::new();
    gateway.ask_for_the_key().await;
    background.spawn(keep_sealed(gateway.clone(), stop.clone()));
    background.spawn(keep_remembered(gateway.clone(), stop.clone()));
    background.spawn(notice_another(gateway.clone(), stop.clone()));
    background.spawn(door::serve(operators, gateway.clone(), stop.clone()));
    background.spawn(check_everything(gateway.clone(), stop.clone()));
    background.spawn(sum_up_now_and_then(gateway.clone(), stop.clone()));
    background.spawn(obey(gateway.clone(), supervisor.clone(), watched, stop.clone()));
    background.spawn(prove_alive(gateway.clone(), supervisor.clone(), stop.clone()));
    background.spawn({
        let (stop, open) = (stop.clone(), gateway.figures().connections().clone());
        async move { serve_counted(listener, service, &limits, open, stop).await }
    });
    let (observed, stopped) = (gateway.clone(), stop.clone());
    background.spawn(async move {
        observed.metrics().serve(Arc::new(observed.clone()), stopped).await;
    });
    // Who waits for readiness wants to be served.
    gateway.wait_for_the_key().await;
    gateway.metrics().tried().await;
    report(&gateway, &supervisor).await;
    supervisor.ready();
    tracing::info!(%address, merchant = %gateway.book().merchant(), "ready");
    if let Some(ready) = ready {
        // Whoever asked may be gone.
        ready.send(address).unwrap_or_default();
    }
    let ended = tokio::select! {
        () = shutdown => Ok(()),
        error = died => Err(RunError::Died(error)),
    };
    tracing::info!("stopping");
    supervisor.stopping();
    stop.cancel();
    background.close();
    background.wait().await;
    gateway.drain().await;
    seal(&gateway).await;
    if let Some(checkpoint) = gateway.book().checkpoint() {
        gateway.memory().keep(checkpoint.to_string()).await;
    }
    ended
}

/// Signs a checkpoint of what is new.
async fn seal(gateway: &Gateway) {
    if let Err(error) = gateway.book().seal().await {
        tracing::error!(error = %log::chain(&error), "a checkpoint was not written");
    }
}

async fn keep_sealed(gateway: Gateway, stop: CancellationToken) {
    seal_now_and_then(stop, async move || seal(&gateway).await).await;
}

/// Two gateways with one key would each take a mandate once: the one that finds the other's head goes on with no call.
async fn notice_another(gateway: Gateway, stop: CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => return,
        () = gateway.memory().contradicted() => {}
    }
    tracing::error!(problem = CONTRADICTED, "no call goes on");
    gateway.distrust_for_good(CONTRADICTED.to_owned()).await;
}

async fn keep_remembered(gateway: Gateway, stop: CancellationToken) {
    gateway.memory().keep_newest(gateway.book().checkpoints(), stop).await;
}

/// The file may have changed while no gateway ran; this entry says from when on it is in force.
async fn write_down_the_settings(gateway: &Gateway, owner: u32) {
    match gateway.write_settings().await {
        Ok(()) => gateway.in_force().settled(owner, gateway.now().wall),
        Err(error) => not_written(gateway, &error),
    }
}

async fn sum_up_now_and_then(gateway: Gateway, stop: CancellationToken) {
    let mut ticks = interval(SUM_UP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => gateway.sum_up().await,
        }
    }
}

/// Reloads whenever gateway.toml may have changed, until `stop`.
async fn obey(
    gateway: Gateway,
    supervisor: Supervisor,
    watched: Arc<Watched>,
    stop: CancellationToken,
) {
    let (read, informed) = (Arc::clone(&watched), supervisor.clone());
    let reload = async move || {
        reload(&gateway, &read).await;
        report(&gateway, &informed).await;
    };
    on_change(watched, supervisor, stop, reload).await;
}

/// Reads the file again and puts it in force if it is good and new; else the last good one stays.
async fn reload(gateway: &Gateway, watched: &Arc<Watched>) {
    let standing = gateway.in_force().standing();
    let (file, now) = (Arc::clone(watched), gateway.settings());
    let read = tokio::task::spawn_blocking(move || {
        let loaded = file.read(load)?;
        check_reload(file.file(), &now, standing.owner, &loaded).map(|()| loaded)
    });
    let Loaded { settings, owner } = match read.await {
        Ok(Ok(loaded)) => loaded,
        Ok(Err(error)) => return keep_the_last(gateway, &error).await,
        Err(error) => return tracing::error!(%error, "gateway.toml was not read"),
    };
    if settings.digest == standing.digest {
        return write_down_the_settings(gateway, owner).await;
    }
    match gateway.reload(settings, owner).await {
        Ok(digest) => {
            gateway.metrics().want(gateway.settings().metrics_listen).await;
            tracing::info!(%digest, "gateway.toml is in force");
        }
        Err(error) => not_written(gateway, &error),
    }
}

/// Says once, everywhere, that the newest file has no entry, and so decides nothing: on a full disk, until a later
/// reading finds room.
fn not_written(gateway: &Gateway, error: &WriteError) {
    let why = log::chain(error);
    let mut problem = format!("the newest file is good and could not be written down: {why}");
    if gateway.book().awaits_settings() {
        problem.push_str("; no call goes on until it is");
    }
    if gateway.in_force().refused(&problem, gateway.now().wall) {
        tracing::error!(%problem, "gateway.toml is not in force");
    }
}

/// Says once, everywhere, that the newest file was refused.
async fn keep_the_last(gateway: &Gateway, error: &ConfigError) {
    let problem = log::chain(error);
    if !gateway.in_force().refused(&problem, gateway.now().wall) {
        return;
    }
    tracing::error!(%problem, "gateway.toml was refused; the last good one stays in force");
    if let Some((digest, faults)) = error.refused()
        && let Err(error) = gateway.book().policy_refused(gateway.now(), digest, faults).await
    {
        tracing::error!(error = %log::chain(&error), "a refused reload was not written");
    }
}
