//! Accepts at the operator's door, and lets nobody else in.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::answer;
use crate::service::Gateway;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 16;
/// How long a client may take to send its headers.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to read an answer once the door closes.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);
/// What is kept of a request's headers, in bytes.
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// How long to wait when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The superuser.
const ROOT: u32 = 0;

/// Answers at the operator's door until `stop`, then lets what is under way finish.
pub async fn serve(listener: UnixListener, gateway: Gateway, stop: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let admitted = tokio::select! {
            () = stop.cancelled() => break,
            admitted = admit(&listener, &places) => admitted,
        };
        if let Some((stream, place)) = admitted {
            connections.spawn(connection(stream, place, gateway.clone(), stop.clone()));
        }
    }
    connections.close();
    connections.wait().await;
}

/// Who may ask: root, and the user that the gateway runs under.
fn is_operator(peer: u32, own: u32) -> bool {
    peer == ROOT || peer == own
}

/// Waits for a place and for whoever takes it; `None` for one that is turned away.
async fn admit(
    listener: &UnixListener,
    places: &Arc<Semaphore>,
) -> Option<(UnixStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let stream = match listener.accept().await {
        Ok((stream, _)) => stream,
        Err(error) => {
            tracing::warn!(%error, "cannot accept at the operator's door");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            return None;
        }
    };
    match stream.peer_cred() {
        Ok(peer) if is_operator(peer.uid(), geteuid().as_raw()) => Some((stream, place)),
        Ok(peer) => {
            tracing::warn!(uid = peer.uid(), "turned away at the operator's door");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "the kernel does not say who came to the operator's door");
            None
        }
    }
}

/// One request and its answer.
async fn connection(
    stream: UnixStream,
    _place: OwnedSemaphorePermit,
    gateway: Gateway,
    stop: CancellationToken,
) {
    let service = service_fn(|request: http::Request<Incoming>| {
        let (gateway, stop) = (gateway.clone(), stop.clone());
        async move { Ok::<_, Infallible>(answer(&gateway, &stop, request).await) }
    });
    let mut connection = pin!(
        Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            .header_read_timeout(HEADERS_TIMEOUT)
            .max_buf_size(BUFFER_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match timeout(GOODBYE_TIMEOUT, connection).await {
                Ok(ended) => ended,
                Err(_elapsed) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection at the operator's door ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_gateways_own_user_are_let_in_and_nobody_else() {
        for (peer, own, expected) in
            [(0, 0, true), (0, 977, true), (977, 977, true), (1_000, 977, false), (1, 0, false)]
        {
            assert_eq!(is_operator(peer, own), expected, "uid {peer} at the door of {own}");
        }
    }
}
