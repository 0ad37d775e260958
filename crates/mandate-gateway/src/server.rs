//! HTTP/1.1 and HTTP/2 on a TCP listener, with limits that a slow or greedy client runs into.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::service::BoxError;
use crate::settings::Limits;

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
/// How long to wait when the system gives no connection: it is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `service` until `stop`, then lets calls under way end.
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
    let places = usize::try_from(limits.connections).unwrap_or(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
    let connections = GracefulShutdown::new();
    let builder = builder(limits.client_timeout);
    while let Some((stream, peer, place)) = accept(&listener, &places, &stop).await {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "a connection ended at once");
            continue;
        }
        let asked = Arc::new(Notify::new());
        let service = Noted { inner: service.clone(), asked: Arc::clone(&asked) };
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        let timeout = limits.client_timeout;
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            // Which HTTP it speaks is told by its first bytes, and for those there is no other time-out.
            let first = tokio::time::timeout(timeout, asked.notified());
            let ended = tokio::select! {
                ended = &mut connection => Some(ended),
                first = first => match first {
                    Ok(()) => Some(connection.await),
                    Err(_elapsed) => None,
                },
            };
            match ended {
                Some(Ok(())) => {}
                Some(Err(error)) => tracing::debug!(%error, %peer, "a connection broke"),
                None => tracing::debug!(%peer, "a connection asked for nothing in time"),
            }
            drop(place);
        });
    }
    // Nobody new is let in while the others end.
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!(timeout_s = DRAIN_TIMEOUT.as_secs(), "connections did not end in time");
    }
}

/// Tells when a connection's first request is there.
#[derive(Clone)]
struct Noted<S> {
    inner: S,
    asked: Arc<Notify>,
}

impl<S, R> Service<R> for Noted<S>
where
    S: Service<R>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.asked.notify_one();
        self.inner.call(request)
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
