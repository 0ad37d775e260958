//! The address of this machine alone that the figures may be read at: HTTP/1.1, one request a connection.
//!
//! A client that is slow, silent or one of many costs the others nothing: whoever holds a place for longest loses it to
//! who comes next. A page of the web that a browser on this machine was led to does not get to read the figures: it
//! names a host that is not this machine.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use http::{Request, StatusCode, header};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Observed;
use super::answer::{Answer, answer, refused};

/// Connections at a time; whoever comes then takes the place of the oldest.
const CONNECTIONS_MAX: usize = 8;
/// How long a client may take to send its headers.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take from its first byte to its last.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// What is kept of a request's headers, in bytes.
const BUFFER_BYTES_MAX: usize = 8 * 1024;
/// How long to wait when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long to wait before an address that was taken is tried again.
const BIND_PAUSE: Duration = Duration::from_secs(10);

/// Where the figures are read over TCP, as a configuration file has it: it may be turned on, off and moved while it runs.
#[derive(Debug)]
pub struct Listener {
    wanted: watch::Sender<Option<SocketAddr>>,
    state: watch::Sender<State>,
    /// One page at a time: many who ask at once do not crowd out those whom the daemon is for.
    turn: Arc<Mutex<()>>,
}

/// What came of an address that was wanted.
#[derive(Debug, Clone, Default)]
struct State {
    tried: Tried,
    /// Where it listens.
    address: Option<SocketAddr>,
    /// Why it does not.
    problem: Option<String>,
}

/// What was tried last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Tried {
    /// Nothing will be any more.
    Ended,
    /// Nothing yet.
    #[default]
    Nothing,
    /// What the file said.
    Wanted(Option<SocketAddr>),
}

impl Listener {
    /// What the file says at the start; nothing is listened on before [`Listener::serve`].
    #[must_use]
    pub fn new(wanted: Option<SocketAddr>) -> Self {
        Self {
            wanted: watch::Sender::new(wanted),
            state: watch::Sender::default(),
            turn: Arc::default(),
        }
    }

    /// What the file says now; returns once that was tried, or what it says since.
    pub async fn want(&self, address: Option<SocketAddr>) {
        self.wanted.send_if_modified(|wanted| std::mem::replace(wanted, address) != address);
        self.tried().await;
    }

    /// Waits until what is wanted by then was tried, or nothing will be.
    pub async fn tried(&self) {
        let done = |state: &State| match state.tried {
            Tried::Ended => true,
            Tried::Nothing => false,
            // What was wanted when this was called may never be tried any more.
            Tried::Wanted(address) => address == *self.wanted.borrow(),
        };
        // The sender is ours, so it is there.
        drop(self.state.subscribe().wait_for(done).await);
    }

    /// Where the figures can be read now; with port 0 in the file, the port that the system gave.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.state.borrow().address
    }

    /// Why they cannot be read where the file says.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        self.state.borrow().problem.clone()
    }

    /// Listens wherever the file says, until `stop`. What cannot be listened on is tried again.
    pub async fn serve(&self, observed: Arc<impl Observed>, stop: CancellationToken) {
        let mut wanted = self.wanted.subscribe();
        while !stop.is_cancelled() {
            let address = *wanted.borrow_and_update();
            let listener = match address {
                Some(address) => self.bind(address).await,
                None => Ok(None),
            };
            let problem = listener.as_ref().err().cloned();
            let bound = listener.as_ref().ok().and_then(Option::as_ref).map(|(_, bound)| *bound);
            let tried = Tried::Wanted(address);
            self.tell(State { tried, address: bound, problem });
            tokio::select! {
                () = stop.cancelled() => {}
                // The sender is ours, so it is there.
                _ = wanted.changed() => {}
                () = self.pass(listener, &observed) => {}
            }
        }
        self.tell(State { tried: Tried::Ended, ..State::default() });
    }

    fn tell(&self, state: State) {
        if let Some(address) = state.address {
            tracing::info!(%address, "metrics can be read");
        }
        let before = self.state.send_replace(state);
        let state = self.state.borrow();
        if let Some(problem) = state.problem.as_ref().filter(|_| before.problem != state.problem) {
            tracing::error!(%problem, "metrics cannot be read over TCP");
        }
    }

    async fn bind(&self, address: SocketAddr) -> Result<Option<(TcpListener, SocketAddr)>, String> {
        let bind = async || -> io::Result<_> {
            let listener = TcpListener::bind(address).await?;
            let bound = listener.local_addr()?;
            Ok(Some((listener, bound)))
        };
        bind().await.map_err(|error| {
            format!(
                "cannot listen on {address}: {error}; name another `listen` under [metrics], or leave it out"
            )
        })
    }

    /// What there is to do until something changes.
    async fn pass(
        &self,
        listener: Result<Option<(TcpListener, SocketAddr)>, String>,
        observed: &Arc<impl Observed>,
    ) {
        match listener {
            Ok(Some((listener, _))) => self.accept(&listener, observed).await,
            Ok(None) => std::future::pending().await,
            Err(_) => sleep(BIND_PAUSE).await,
        }
    }

    /// Accepts for ever; dropped, it cuts off who is still connected.
    async fn accept(&self, listener: &TcpListener, observed: &Arc<impl Observed>) {
        let mut places = Places::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    places.take(connection(stream, Arc::clone(observed), Arc::clone(&self.turn)));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept where metrics are read");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// The connections that are open, the oldest first.
#[derive(Debug, Default)]
struct Places {
    connections: JoinSet<()>,
    order: VecDeque<AbortHandle>,
}

impl Places {
    fn take(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        while self.connections.try_join_next().is_some() {}
        self.order.retain(|connection| !connection.is_finished());
        if self.order.len() >= CONNECTIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        self.order.push_back(self.connections.spawn(connection));
    }
}

/// One request and its answer.
async fn connection(stream: TcpStream, observed: Arc<impl Observed>, turn: Arc<Mutex<()>>) {
    let service = service_fn(|request: Request<Incoming>| {
        let (observed, turn) = (Arc::clone(&observed), Arc::clone(&turn));
        async move { Ok::<_, Infallible>(respond(&*observed, &turn, &request).await) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CONNECTION_TIMEOUT, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection for metrics ended"),
        Err(_elapsed) => tracing::debug!("a connection for metrics took too long"),
    }
}

async fn respond(
    observed: &impl Observed,
    turn: &Mutex<()>,
    request: &Request<Incoming>,
) -> Answer {
    if !names_this_machine(request) {
        return refused(StatusCode::MISDIRECTED_REQUEST);
    }
    let _turn = turn.lock().await;
    answer(observed, request.method(), request.uri().path()).await
}

/// Whether the request is meant for this machine: a name that leads here may be anybody's (DNS rebinding).
fn names_this_machine<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    let host = authority.as_ref().map(Authority::host);
    host.is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::metrics::{Condition, Health, Page};

    struct Still;

    impl Observed for Still {
        async fn page(&self) -> Page {
            let mut page = Page::new("test");
            page.flag("still", "Whether nothing moves", true);
            page
        }

        async fn health(&self) -> Health {
            Health { serving: false, conditions: vec![Condition { name: "key", well: false }] }
        }
    }

    fn anywhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    /// A listener that serves until the token is cancelled.
    async fn serving(wanted: Option<SocketAddr>) -> (Arc<Listener>, CancellationToken) {
        let (listener, stop) = (Arc::new(Listener::new(wanted)), CancellationToken::new());
        let (served, until) = (Arc::clone(&listener), stop.clone());
        tokio::spawn(async move { served.serve(Arc::new(Still), until).await });
        listener.tried().await;
        (listener, stop)
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn get(path: &str, host: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
    }

    #[tokio::test]
    async fn two_paths_are_answered_and_nothing_else() {
        let (listener, stop) = serving(Some(anywhere())).await;
        let address = listener.address().unwrap();
        let own = address.to_string();
        let metrics = ask(address, &get("/metrics", &own)).await;
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
        assert!(metrics.ends_with("test_still 1\n"), "{metrics}");
        let health = ask(address, &get("/healthz", "localhost")).await;
        assert!(health.starts_with("HTTP/1.1 503 "), "{health}");
        let body = r#"{"serving":false,"conditions":[{"name":"key","well":false}]}"#;
        assert!(health.ends_with(body), "{health}");
        for (request, status) in [
            (get("/", &own), "404"),
            (get("/metrics/", &own), "404"),
            (get("/metrics", "wallet.attacker.example:80"), "421"),
            (get("/metrics", "127.0.0.1.attacker.example"), "421"),
            ("GET /metrics HTTP/1.0\r\n\r\n".to_owned(), "421"),
            (format!("POST /metrics HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n"), "405"),
        ] {
            let answer = ask(address, &request).await;
            assert_eq!(answer.split(' ').nth(1), Some(status), "{request}{answer}");
        }
        stop.cancel();
    }

    #[tokio::test]
    async fn silent_clients_keep_nobody_out() {
        let (listener, stop) = serving(Some(anywhere())).await;
        let address = listener.address().unwrap();
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS_MAX * 3 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").await.unwrap();
            silent.push(stream);
        }
        let answer = ask(address, &get("/metrics", "[::1]:9464")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        // The oldest lost its place to who came after it, long before its time was over.
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(2), silent[0].read_to_end(&mut rest)).await;
        let ended = ended.expect("it still has its place");
        assert!(ended.is_err() || rest.is_empty(), "{rest:?}");
        stop.cancel();
    }

    #[tokio::test]
    async fn it_is_turned_on_moved_and_off_and_a_taken_port_is_told() {
        let (listener, stop) = serving(None).await;
        assert_eq!((listener.address(), listener.problem()), (None, None));
        listener.want(Some(anywhere())).await;
        let first = listener.address().unwrap();
        ask(first, &get("/metrics", "localhost")).await;

        let other = TcpListener::bind(anywhere()).await.unwrap();
        let taken = other.local_addr().unwrap();
        listener.want(Some(taken)).await;
        let problem = listener.problem().unwrap();
        assert!(problem.starts_with(&format!("cannot listen on {taken}: ")), "{problem}");
        assert_eq!(listener.address(), None);
        assert!(TcpStream::connect(first).await.is_err());

        listener.want(None).await;
        assert_eq!(listener.problem(), None);
        stop.cancel();
        // Nobody waits for a listener that has ended.
        listener.want(Some(anywhere())).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_an_address_that_is_moved_meanwhile_waits_for_the_new_one() {
        let (listener, stop) = (Listener::new(Some(anywhere())), CancellationToken::new());
        let (mut started, mut moved) = (pin!(listener.tried()), pin!(listener.want(None)));
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(started.as_mut().poll(&mut nobody).is_pending());
        assert!(moved.as_mut().poll(&mut nobody).is_pending());
        tokio::select! {
            () = listener.serve(Arc::new(Still), stop) => {}
            both = timeout(Duration::from_secs(1), async { tokio::join!(started, moved) }) => {
                both.expect("somebody waits for what nobody wants");
            }
        }
        assert_eq!(listener.address(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_port_that_comes_free_is_taken() {
        let other = TcpListener::bind(anywhere()).await.unwrap();
        let taken = other.local_addr().unwrap();
        let (listener, stop) = serving(Some(taken)).await;
        assert!(listener.problem().is_some());
        drop(other);
        let mut state = listener.state.subscribe();
        state.wait_for(|state| state.address == Some(taken)).await.unwrap();
        stop.cancel();
    }
}
