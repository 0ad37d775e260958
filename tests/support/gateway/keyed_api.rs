//! The merchant's own API on a socket, which decides for each key and attempt what it does.
//!
//! Like [`super::Api`] it executes once for each `Idempotency-Key` and answers that again; it is for suites with many
//! calls at once, where no script could say which of them comes next.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::api::{ApiError, Deed, Heard, QUOTE_PATH, Reaction, Wire};

/// What a call is known by when the API decides about it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The `Idempotency-Key`.
    pub key: &'a str,
    /// How many calls with this key came before.
    pub before: usize,
}

/// Points in the life of a call that a test can act at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It was read, and nothing is executed yet.
    Arrived,
    /// What it asks for was done or refused, and no answer is on its way.
    Executed,
    /// The last of its answer was given to the connection.
    Answered,
}

/// How much the API keeps of what it hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Every call, whole.
    Calls,
    /// How often each key came.
    Keys,
}

/// What a room costs.
const USUAL_QUOTE: &str =
    r#"{"currency":"EUR","line_items":[{"title":"as asked","quantity":1,"amount":900}]}"#;

type Decide = dyn Fn(Asked<'_>) -> Reaction + Send + Sync;
type Pass = dyn Fn(Moment) + Send + Sync;

#[derive(Debug, Default)]
struct Record {
    heard: Vec<Heard>,
    attempts: BTreeMap<String, usize>,
    /// Status and order of each call that was executed, by its key.
    executed: BTreeMap<String, (u16, Option<String>)>,
    executions: Vec<String>,
    /// The answer to each question for a price, if it is not the usual one.
    quote: Option<String>,
}

/// The API. Cheap to clone; all clones are one API.
#[derive(Clone)]
pub struct KeyedApi {
    record: Arc<Mutex<Record>>,
    kept: Kept,
    decide: Arc<Decide>,
    pass: Arc<Pass>,
}

impl fmt::Debug for KeyedApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedApi").field("record", &self.record).finish_non_exhaustive()
    }
}

impl KeyedApi {
    /// An API that decides like this, and calls `pass` at each [`Moment`].
    #[must_use]
    pub fn new(
        kept: Kept,
        decide: impl Fn(Asked<'_>) -> Reaction + Send + Sync + 'static,
        pass: impl Fn(Moment) + Send + Sync + 'static,
    ) -> Self {
        let (decide, pass) = (Arc::new(decide), Arc::new(pass));
        Self { record: Arc::default(), kept, decide, pass }
    }

    /// Listens on a free port of this machine until the runtime ends.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let api = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let api = api.clone();
                let service = service_fn(move |request| api.clone().answer(request));
                stream.set_nodelay(true).expect("a socket");
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                // A gateway that is killed breaks it, and so does a reaction that loses the answer.
                tokio::spawn(async move { connection.await.unwrap_or_default() });
            }
        });
        address
    }

    /// Answers every question for a price with this from now on.
    pub fn quote(&self, quote: &str) {
        self.record().quote = Some(quote.to_owned());
    }

    /// The calls that reached it, questions for prices left out.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.record().heard.clone()
    }

    /// The key of each execution, in order.
    #[must_use]
    pub fn executions(&self) -> Vec<String> {
        self.record().executions.clone()
    }

    /// How many calls reached it.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.record().attempts.values().sum()
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("no panic while held")
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Answer>, ApiError> {
        let (parts, body) = request.into_parts();
        // A gateway that was killed while it sent the call did not send it.
        let body = body.collect().await.or(Err(ApiError))?.to_bytes();
        let target = parts.uri.path_and_query().expect("a path").as_str().to_owned();
        if target == QUOTE_PATH {
            let quote = self.record().quote.clone().unwrap_or_else(|| USUAL_QUOTE.to_owned());
            return Ok(Response::new(Answer { left: Some(quote.into()), at_end: None }));
        }
        let heard = Heard { method: parts.method, target, headers: parts.headers, body };
        let key = heard.header("idempotency-key").expect("every use has a key").to_owned();
        let before = self.note(heard, &key);
        let reaction = (self.decide)(Asked { key: &key, before });
        (self.pass)(Moment::Arrived);
        let (status, order) = self.act(key, reaction.deed);
        (self.pass)(Moment::Executed);
        match reaction.wire {
            Wire::Whole => {}
            Wire::Silent => return pending().await,
            Wire::Cut | Wire::Lost | Wire::Unreached => return Err(ApiError),
        }
        let mut answer = Response::builder().status(status).header("x-api", "1");
        if let Some(order) = order {
            answer = answer.header("mandate-order", order);
        }
        let left = Some(Bytes::from_static(br#"{"from":"the API"}"#));
        Ok(answer.body(Answer { left, at_end: Some(self.pass) }).expect("an answer"))
    }

    fn note(&self, heard: Heard, key: &str) -> usize {
        let mut record = self.record();
        if self.kept == Kept::Calls {
            record.heard.push(heard);
        }
        let attempts = record.attempts.entry(key.to_owned()).or_default();
        *attempts += 1;
        *attempts - 1
    }

    fn act(&self, key: String, deed: Deed) -> (u16, Option<String>) {
        match deed {
            Deed::Refuse { status } => (status, None),
            Deed::Execute { status, order } => {
                let mut record = self.record();
                if let Some(answered) = record.executed.get(&key) {
                    return answered.clone();
                }
                record.executions.push(key.clone());
                record.executed.insert(key, (status, order.clone()));
                (status, order)
            }
        }
    }
}

/// The body of an answer, which tells when the connection took the last of it.
struct Answer {
    left: Option<Bytes>,
    at_end: Option<Arc<Pass>>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = ApiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ApiError>>> {
        let left = self.left.take();
        if left.is_none()
            && let Some(pass) = self.at_end.take()
        {
            pass(Moment::Answered);
        }
        Poll::Ready(left.map(|data| Ok(Frame::data(data))))
    }
}
