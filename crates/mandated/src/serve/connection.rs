//! One connection of a uid that may call.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Service as _;

use super::{DRAIN_TIMEOUT, FIRST_REQUEST_TIMEOUT, GOODBYE_TIMEOUT, IDLE_TIMEOUT, Peer, http2};

/// A request's body did not arrive.
#[derive(Debug, Error)]
enum BodyError {
    /// Not in time.
    #[error("the request did not arrive in time")]
    Late,
    /// The connection failed.
    #[error(transparent)]
    Peer(#[from] hyper::Error),
}

/// When something was last under way on a connection.
#[derive(Debug, Clone)]
struct Activity {
    last: Arc<Mutex<Last>>,
}

#[derive(Debug)]
struct Last {
    at: Instant,
    called: bool,
    under_way: usize,
}

/// A moment later by `wait`; no clock reaches so far that it would not fit.
fn after(moment: Instant, wait: Duration) -> Instant {
    moment.checked_add(wait).unwrap_or(moment)
}

/// One call under way, until its answer is sent or given up.
#[derive(Debug)]
struct Call {
    activity: Activity,
}

impl Activity {
    fn new() -> Self {
        let last = Last { at: Instant::now(), called: false, under_way: 0 };
        Self { last: Arc::new(Mutex::new(last)) }
    }

    fn begin(&self) -> Call {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.called = true;
        last.under_way = last.under_way.saturating_add(1);
        Call { activity: self.clone() }
    }

    fn is_quiet(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).under_way == 0
    }

    /// When the connection has been quiet for too long, if nothing more happens.
    fn deadline(&self) -> Instant {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if last.under_way > 0 { Instant::now() } else { last.at };
        after(since, if last.called { IDLE_TIMEOUT } else { FIRST_REQUEST_TIMEOUT })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut last = self.activity.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.at = Instant::now();
        last.under_way = last.under_way.saturating_sub(1);
    }
}

/// Serves calls until the peer leaves, is silent for too long, or `stop`; then lets open calls finish.
pub(super) async fn serve(
    stream: UnixStream,
    routes: Routes,
    peer: Peer,
    streams: u32,
    stop: CancellationToken,
) {
    let (activity, uid) = (Activity::new(), peer.uid);
    let service = {
        let activity = activity.clone();
        hyper::service::service_fn(move |request: Request<Incoming>| {
            let call = activity.begin();
            let mut routes = routes.clone();
            let mut request = request.map(|body| InTime::new(body, FIRST_REQUEST_TIMEOUT));
            request.extensions_mut().insert(peer.clone());
            async move { routes.call(request).await.map(|response| finish(response, call)) }
        })
    };
    let mut connection = pin!(http2(streams).serve_connection(TokioIo::new(stream), service));
    let mut closing_since = None;
    let mut deadline = activity.deadline();
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(uid, %error, "a connection ended");
                }
                return;
            }
            () = stop.cancelled(), if closing_since.is_none() => {}
            () = sleep_until(deadline) => {
                deadline = activity.deadline();
                if closing_since.is_none() && deadline > Instant::now() {
                    continue;
                }
            }
        }
        let since = *closing_since.get_or_insert_with(|| {
            connection.as_mut().graceful_shutdown();
            Instant::now()
        });
        let now = Instant::now();
        let grace = if activity.is_quiet() { GOODBYE_TIMEOUT } else { DRAIN_TIMEOUT };
        if now >= after(since, grace) {
            return;
        }
        // Looked at again and again: the last call may end long before the time for it is over.
        deadline = after(now, GOODBYE_TIMEOUT);
    }
}

/// Keeps the call under way until its answer was sent or given up.
fn finish(
    response: Response<tonic::body::Body>,
    call: Call,
) -> Response<Answer<tonic::body::Body>> {
    response.map(|body| Answer { body, _call: call })
}

/// An answer's body, which holds its call.
struct Answer<B> {
    body: B,
    _call: Call,
}

impl<B: HttpBody + Unpin> HttpBody for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body, which fails when it does not arrive in time.
struct InTime {
    body: Incoming,
    timeout: Duration,
    /// Made only when the body did not arrive at once.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl InTime {
    fn new(body: Incoming, timeout: Duration) -> Self {
        Self { body, timeout, sleep: None }
    }
}

impl HttpBody for InTime {
    type Data = <Incoming as HttpBody>::Data;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, BodyError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Peer)));
        }
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep(this.timeout)));
        match sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::Late))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
