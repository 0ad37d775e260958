//! One connection of a uid that may not call: one answer, and the end.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use super::accept::Door;
use super::budget::Budget;
use super::turn::Turns;
use super::{FIRST_REQUEST_TIMEOUT, Peer, STRANGERS, http2};
use crate::status;

/// Answers the first call with `AGENT_UNKNOWN` and closes; no route is reached and no body is read.
pub(super) async fn turn_away(
    stream: UnixStream,
    door: Arc<Door>,
    peer: Peer,
    budget: &Arc<Budget>,
    stop: CancellationToken,
) {
    let answered = Arc::new(Notify::new());
    let service = {
        let answered = Arc::clone(&answered);
        hyper::service::service_fn(move |request: Request<Incoming>| {
            (door.turned_away)(&peer, request.uri().path());
            answered.notify_one();
            let response: Response<Body> = status::agent_unknown().into_http();
            async move { Ok::<_, Infallible>(response) }
        })
    };
    let mut connection = pin!(
        http2(STRANGERS.streams, budget)
            .serve_connection(TokioIo::new(Turns::new(stream)), service)
    );
    let Some(deadline) = Instant::now().checked_add(FIRST_REQUEST_TIMEOUT) else { return };
    let mut closing = false;
    loop {
        tokio::select! {
            // However it ends: there is nobody to tell.
            _ = connection.as_mut() => return,
            () = stop.cancelled() => return,
            () = sleep_until(deadline) => return,
            () = answered.notified(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
