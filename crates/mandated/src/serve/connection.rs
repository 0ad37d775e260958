//! One connection of a uid that may call.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::UnixStream;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tower::Service as _;

use super::answer::Answer;
use super::slots::Shared;
use super::turn::Turns;
use super::{
    ANSWER_TIMEOUT, DRAIN_TIMEOUT, FIRST_REQUEST_TIMEOUT, GOODBYE_TIMEOUT, IDLE_TIMEOUT, Peer,
    http2,
};

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
    /// Since when each answer waits for the peer to take it.
    waiting: BTreeMap<u64, Instant>,
    /// The number of the next call.
    next: u64,
}

/// A moment later by `wait`; no clock reaches so far that it would not fit.
fn after(moment: Instant, wait: Duration) -> Instant {
    moment.checked_add(wait).unwrap_or(moment)
}

/// One call under way, until its answer is sent or given up.
#[derive(Debug)]
pub(super) struct Call {
    activity: Activity,
    number: u64,
}

impl Activity {
    fn new() -> Self {
        let last = Last {
            at: Instant::now(),
            called: false,
            under_way: 0,
            waiting: BTreeMap::new(),
            next: 0,
        };
        Self { last: Arc::new(Mutex::new(last)) }
    }

    fn begin(&self) -> Call {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.called = true;
        last.under_way = last.under_way.saturating_add(1);
        let number = last.next;
        last.next = number.saturating_add(1);
        Call { activity: self.clone(), number }
    }

    fn is_quiet(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).under_way == 0
    }

    /// When the connection has been quiet for too long, if nothing more happens.
    fn deadline(&self) -> Instant {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let since = if last.under_way > 0 { Instant::now() } else { last.at };
        let quiet = after(since, if last.called { IDLE_TIMEOUT } else { FIRST_REQUEST_TIMEOUT });
        // An answer that is left lying gives no sign of it, so somebody has to look.
        let oldest = last.waiting.values().min().copied().unwrap_or_else(Instant::now);
        quiet.min(after(oldest, ANSWER_TIMEOUT))
    }

    /// Whether the peer left an answer lying for too long.
    fn is_stalled(&self) -> bool {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        last.waiting.values().any(|since| after(*since, ANSWER_TIMEOUT) <= now)
    }
}

impl Call {
    /// The peer has to take something of the answer before there is more to do.
    pub(super) fn waits_for_the_peer(&self) {
        let mut last = self.activity.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.waiting.insert(self.number, Instant::now());
    }

    /// The answer goes on when there is more of it.
    pub(super) fn waits_for_us(&self) {
        let mut last = self.activity.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.waiting.remove(&self.number);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut last = self.activity.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.at = Instant::now();
        last.under_way = last.under_way.saturating_sub(1);
        last.waiting.remove(&self.number);
    }
}

/// Serves calls until the peer leaves, is silent for too long, or `stop`; then lets open calls finish.
pub(super) async fn serve(
    stream: UnixStream,
    routes: Routes,
    peer: Peer,
    streams: u32,
    shared: &Shared,
    stop: CancellationToken,
) {
    let (activity, uid) = (Activity::new(), peer.uid);
    let service = {
        let (activity, calls) = (activity.clone(), Arc::clone(&shared.calls));
        hyper::service::service_fn(move |request: Request<Incoming>| {
            let call = activity.begin();
            let (mut routes, calls) = (routes.clone(), Arc::clone(&calls));
            let mut request = request.map(|body| InTime::new(body, FIRST_REQUEST_TIMEOUT));
            request.extensions_mut().insert(peer.clone());
            async move {
                // Who leaves its answers lying has no room for more; the semaphore is never closed.
                let room = calls.acquire_owned().await.ok();
                let response = routes.call(request).await?;
                Ok::<_, Infallible>(response.map(|body| Answer::new(body, call, room)))
            }
        })
    };
    let mut connection = pin!(
        http2(streams, &shared.budget).serve_connection(TokioIo::new(Turns::new(stream)), service)
    );
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
                if activity.is_stalled() {
                    tracing::debug!(uid, "a peer left its answers lying");
                    return;
                }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;
    use mandate_host::peer::PeerError;
    use mandate_tests::h2::{
        END_HEADERS, END_STREAM, PING, data, frame, headers, hello_without_a_window,
    };
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::PING_INTERVAL;
    use super::super::slots::{Share, Slots};
    use super::*;

    /// The flag of a ping that answers one.
    const ACK: u8 = 1;

    /// Turns of the runtime in which whatever was sent arrives and is answered.
    const TURNS: usize = 2_000;

    /// Asks for an answer, gives no room for it, and shows for ever that it is alive.
    async fn lives_on(mut client: UnixStream) {
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "wallet"),
            (":path", "/grpc.health.v1.Health/Check"),
            ("content-type", "application/grpc"),
        ];
        let call = [headers(1, END_HEADERS, &fields), data(1, END_STREAM, &[0; 5])].concat();
        client.write_all(&[hello_without_a_window(), call].concat()).await.unwrap();
        let mut head = [0; 9];
        while client.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            client.read_exact(&mut payload).await.unwrap();
            // It may be cut off while it answers.
            if head[3] == PING {
                client.write_all(&frame(PING, ACK, 0, &payload)).await.unwrap_or_default();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_an_answer_lying_is_cut_off_however_alive_it_is() {
        let (client, ours) = UnixStream::pair().unwrap();
        let (_health, service) = tonic_health::server::health_reporter();
        let routes = Routes::new(service).prepare();
        let share = Share { connections: 1, streams: 8, calls: 8, cpu_ms_per_s: 1_000 };
        let slot = Slots::default().take(1, &share).unwrap();
        let peer = Peer { uid: 1, process: Arc::new(Err(PeerError::NotLookedAt)) };
        let client = tokio::spawn(lives_on(client));
        let (shared, stop) = (slot.shared.clone(), CancellationToken::new());
        let served = tokio::spawn(async move { serve(ours, routes, peer, 8, &shared, stop).await });
        // Time passes in steps between which everything is said that is to be said: pings are answered in time.
        let pause = Duration::from_secs(5);
        let mut lasted = Duration::ZERO;
        while !served.is_finished() {
            assert!(lasted < PING_INTERVAL * 10, "it is not cut off");
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            tokio::time::advance(pause).await;
            lasted += pause;
        }
        assert!(lasted >= ANSWER_TIMEOUT, "{lasted:?}");
        client.await.unwrap();
        served.await.unwrap();
        assert_eq!(slot.shared.calls.available_permits(), share.calls, "the room is given back");
    }

    #[tokio::test(start_paused = true)]
    async fn only_time_in_which_the_peer_has_to_act_counts() {
        let activity = Activity::new();
        let call = activity.begin();
        tokio::time::advance(ANSWER_TIMEOUT * 2).await;
        assert!(!activity.is_stalled(), "we are slow, not the peer");
        call.waits_for_the_peer();
        tokio::time::advance(ANSWER_TIMEOUT / 2).await;
        assert!(!activity.is_stalled());
        call.waits_for_us();
        tokio::time::advance(ANSWER_TIMEOUT * 2).await;
        assert!(!activity.is_stalled(), "a stream of answers that has no next one yet");
        call.waits_for_the_peer();
        tokio::time::advance(ANSWER_TIMEOUT).await;
        assert!(activity.is_stalled());
        drop(call);
        assert!(!activity.is_stalled() && activity.is_quiet());
    }

    #[tokio::test]
    async fn an_answer_is_handed_over_in_pieces() {
        let whole = tonic::body::Body::new(http_body_util::Full::new(vec![7; 10_000].into()));
        let mut answer = Answer::new(whole, Activity::new().begin(), None);
        let mut pieces = Vec::new();
        while let Some(frame) = answer.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap().len());
        }
        assert_eq!(pieces, [4_096, 4_096, 1_808]);
    }
}
