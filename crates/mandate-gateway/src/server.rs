//! HTTP/1.1 and HTTP/2 on a TCP listener, with limits that a slow or greedy client runs into.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use mandate_host::program;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::files::Share;
use crate::metrics::Connections;
use crate::service::BoxError;
use crate::settings::Limits;
use crate::shares::Shares;

/// Largest head of a request, in bytes: a token, and room for whatever an API uses beside it.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header fields of a request.
const HEADERS_MAX: usize = 100;
/// Most calls at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 64;
/// How often an idle HTTP/2 connection is asked whether anyone is there.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long calls under way may take to end when the gateway stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a line tells of connections that were more than an address may have.
const FULL_LINE_INTERVAL: Duration = Duration::from_secs(1);
/// How many times as long as for its next request a client may take for one part of an answer.
const PATIENCE: u32 = 4;
/// How long to wait when the system gives no connection: it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `service` until `stop`, then lets calls under way end.
///
/// Of the connections that `limits` allow there are as many as the process may have open files for, half of which are for
/// the other side.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    limits: &Limits,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    serve_counted(listener, service, limits, Connections::default(), stop).await;
}

/// As [`serve`], and counts the connections that are open.
pub(crate) async fn serve_counted<S, B>(
    listener: TcpListener,
    service: S,
    limits: &Limits,
    open: Connections,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let places = Share::of(limits.connections, program::open_files_max()).callers;
    if u64::try_from(places).is_ok_and(|places| places < limits.connections.into()) {
        tracing::warn!(
            places,
            wanted = limits.connections,
            "open files allow fewer connections than are wanted: raise their number (ulimit -n, or LimitNOFILE= in the unit), or lower `connections` under [limits]"
        );
    }
    let places = Arc::new(Semaphore::new(places));
    let connections = GracefulShutdown::new();
    let (shares, mut full) = (Shares::default(), Full::default());
    let builder = builder(limits.client_timeout);
    while let Some((stream, peer, place)) = accept(&listener, &places, &stop).await {
        // This one has its place already.
        let free = places.available_permits().saturating_add(1);
        let Some(share) = shares.take(peer.ip(), free) else {
            full.say(peer.ip());
            continue;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "a connection ended at once");
            continue;
        }
        let waits = watch::Sender::new(Waits::default());
        let waited_for = waits.subscribe();
        let service = TowerToHyperService::new(Counted { inner: service.clone(), waits });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        let timeout = limits.client_timeout;
        let place = (place, open.open());
        tokio::spawn(async move {
            // Which HTTP it speaks is told by its first bytes, and for those there is no other time-out; nor is there one
            // for an HTTP/2 connection on which nothing is asked any more.
            let ended = tokio::select! {
                ended = connection => Some(ended),
                () = kept_waiting(waited_for, timeout) => None,
            };
            match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%error, %peer, "a connection broke"),
                None => tracing::debug!(%peer, "a connection asked for nothing in time"),
            }
            drop((share, place));
        });
    }
    // Nobody new is let in while the others end.
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!(timeout_s = DRAIN_TIMEOUT.as_secs(), "connections did not end in time");
    }
}

/// Lines about addresses that have their share: one a second, or a client could fill the log.
#[derive(Debug, Default)]
struct Full {
    last: Option<Instant>,
    left_out: u64,
}

impl Full {
    fn say(&mut self, address: IpAddr) {
        if self.last.is_some_and(|last| last.elapsed() < FULL_LINE_INTERVAL) {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let left_out = std::mem::take(&mut self.left_out);
        self.last = Some(Instant::now());
        tracing::warn!(%address, left_out, "one address has its share of all connections");
    }
}

/// What a connection is waited on for, and by whom.
#[derive(Default)]
struct Waits {
    /// Calls that the gateway or the API is busy with: the client waits.
    calls: usize,
    /// Parts of answers that are at hand: the client has to take them.
    untaken: BTreeMap<u64, Lying>,
    /// Parts of answers so far.
    parts: u64,
}

/// A part of an answer that is at hand.
struct Lying {
    since: Instant,
    answer: Arc<dyn LetGo>,
}

/// What can be given up before its end.
trait LetGo: Send + Sync {
    fn let_go(&self);
}

/// Returns once nothing was under way for this long, and the client asked for nothing and took nothing. An answer of which
/// a part is left lying for [`PATIENCE`] times as long is given up, whatever else is asked or taken.
async fn kept_waiting(mut waits: watch::Receiver<Waits>, timeout: Duration) {
    let patience = timeout.saturating_mul(PATIENCE);
    loop {
        let (left, overdue) = {
            let waits = waits.borrow_and_update();
            let left = |lying: &Lying| patience.saturating_sub(lying.since.elapsed());
            let overdue = waits.untaken.values().filter(|lying| left(lying).is_zero());
            let overdue: Vec<_> = overdue.map(|lying| Arc::clone(&lying.answer)).collect();
            let quiet = (waits.calls == 0).then_some(timeout);
            (waits.untaken.values().map(left).chain(quiet).min(), overdue)
        };
        if !overdue.is_empty() {
            // Its part is no more among those that lie once this has let it go.
            for answer in overdue {
                answer.let_go();
            }
            continue;
        }
        let changed = match left {
            Some(left) => match tokio::time::timeout(left, waits.changed()).await {
                Ok(changed) => changed,
                Err(_elapsed) if waits.borrow().calls == 0 && left == timeout => return,
                Err(_elapsed) => continue,
            },
            None => waits.changed().await,
        };
        if changed.is_err() {
            // The connection is gone, which is noticed there.
            pending::<()>().await;
        }
    }
}

/// Counts what is waited for on one connection.
#[derive(Clone)]
struct Counted<S> {
    inner: S,
    waits: watch::Sender<Waits>,
}

/// Something that the gateway waits for, and not for the client.
struct UnderWay(watch::Sender<Waits>);

impl UnderWay {
    fn new(waits: &watch::Sender<Waits>) -> Self {
        waits.send_modify(|waits| waits.calls = waits.calls.saturating_add(1));
        Self(waits.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|waits| waits.calls = waits.calls.saturating_sub(1));
    }
}

/// A part of an answer that is at hand, until the client takes it.
struct Untaken {
    waits: watch::Sender<Waits>,
    part: u64,
}

impl Untaken {
    fn new(waits: &watch::Sender<Waits>, answer: Arc<dyn LetGo>) -> Self {
        let mut part = 0;
        waits.send_modify(|waits| {
            waits.parts = waits.parts.saturating_add(1);
            part = waits.parts;
            waits.untaken.insert(part, Lying { since: Instant::now(), answer });
        });
        Self { waits: waits.clone(), part }
    }
}

impl Drop for Untaken {
    fn drop(&mut self) {
        self.waits.send_modify(|waits| {
            waits.untaken.remove(&self.part);
        });
    }
}

/// What a body is waited on for.
enum Wait {
    /// The next part of it is awaited from the API.
    Api(UnderWay),
    /// The client has to take what is at hand.
    Client {
        /// Told by its end.
        _part: Untaken,
    },
}

/// An answer's body until it is let go, and what it is waited on for.
struct Held<B> {
    body: Option<Pin<Box<B>>>,
    wait: Option<Wait>,
}

/// An answer, for whoever sends it on and for whoever gives it up.
struct Answer<B> {
    held: Mutex<Held<B>>,
}

impl<B> Answer<B> {
    // A panic elsewhere cannot leave it half changed, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, Held<B>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the body, and the wait for it: outside of the lock, as both tell their connection.
    fn end(&self) {
        let nothing = Held { body: None, wait: None };
        let held = std::mem::replace(&mut *self.lock(), nothing);
        drop(held);
    }
}

impl<B: Send> LetGo for Answer<B> {
    fn let_go(&self) {
        self.end();
    }
}

/// An answer was left lying for too long.
#[derive(Debug, thiserror::Error)]
#[error("the answer was not taken in time")]
struct LeftLying;

/// The body of an answer; none where a call was refused here.
struct Kept<B> {
    answer: Option<Arc<Answer<B>>>,
    waits: watch::Sender<Waits>,
}

impl<B: Send + 'static> Kept<B> {
    /// An answer that is at hand.
    fn new(body: Option<B>, waits: watch::Sender<Waits>) -> Self {
        let answer = body.map(|body| {
            let held = Held { body: Some(Box::pin(body)), wait: None };
            let answer = Arc::new(Answer { held: Mutex::new(held) });
            let lying: Arc<dyn LetGo> = Arc::<Answer<B>>::clone(&answer);
            answer.lock().wait = Some(Wait::Client { _part: Untaken::new(&waits, lying) });
            answer
        });
        Self { answer, waits }
    }
}

impl<B> Drop for Kept<B> {
    fn drop(&mut self) {
        // What lies is known to its connection by this very answer, which would keep it for ever.
        if let Some(answer) = &self.answer {
            answer.end();
        }
    }
}

impl<B> Body for Kept<B>
where
    B: Body<Error: Into<BoxError>> + Send + 'static,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let Some(answer) = &self.answer else { return Poll::Ready(None) };
        let mut held = answer.lock();
        let Some(body) = &mut held.body else { return Poll::Ready(Some(Err(LeftLying.into()))) };
        let frame = body.as_mut().poll_frame(context);
        let before = held.wait.take();
        held.wait = match (&frame, before) {
            (Poll::Pending, Some(Wait::Api(under_way))) => Some(Wait::Api(under_way)),
            (Poll::Pending, _) => Some(Wait::Api(UnderWay::new(&self.waits))),
            (Poll::Ready(Some(Ok(_))), _) => {
                let lying: Arc<dyn LetGo> = Arc::<Answer<B>>::clone(answer);
                Some(Wait::Client { _part: Untaken::new(&self.waits, lying) })
            }
            (Poll::Ready(_), _) => None,
        };
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        let Some(answer) = &self.answer else { return true };
        answer.lock().body.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(answer) = &self.answer else { return SizeHint::with_exact(0) };
        answer.lock().body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl<S, R, B> Service<Request<R>> for Counted<S>
where
    S: Service<Request<R>, Response = Response<B>, Future: Send + 'static>,
    B: Body<Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<Kept<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let waits = self.waits.clone();
        // Over HTTP/1 it was refused before, in the same words; over HTTP/2 only the size of a head has a limit.
        if request.headers().len() > HEADERS_MAX {
            let mut answer = Response::new(Kept::new(None, waits));
            *answer.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return Box::pin(async { Ok(answer) });
        }
        let call = UnderWay::new(&waits);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            drop(call);
            Ok(answer.map(|body| Kept::new(Some(body), waits)))
        })
    }
}

fn builder(client_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(client_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(client_timeout);
    builder
}

/// The next connection, once there is a place for it; `None` after `stop`.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        // The semaphore is never closed.
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, place)),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => None,
        accepted = accepted => accepted,
    }
}
