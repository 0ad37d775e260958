//! The merchant's own API behind the gateway, as a test scripts it.
//!
//! It honours `Idempotency-Key`: it executes once for each key, and what it answered then it answers again. It is a
//! tower service over any body, so it stands behind the layer in this process, or behind a server on a socket.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use mandate::{RequestDigest, request_digest};
use serde_json::json;
use tokio::sync::watch;
use tower::Service;

/// Where it is asked for prices.
pub const QUOTE_PATH: &str = "/quotes";

/// What the API does about a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// It executes the call and answers with this status and order; known keys get the answer they got.
    Execute {
        /// The status of the answer.
        status: u16,
        /// The `Mandate-Order`, if any.
        order: Option<String>,
    },
    /// It answers with this status and executes nothing.
    Refuse {
        /// The status of the answer.
        status: u16,
    },
}

/// What becomes of the API's answer on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// It arrives.
    Whole,
    /// Its head arrives, and the connection dies within the body.
    Cut,
    /// The connection dies before the answer.
    Lost,
    /// No answer ever comes.
    Silent,
    /// The call never reached the API.
    Unreached,
}

/// How one call goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// What the API does.
    pub deed: Deed,
    /// What becomes of its answer.
    pub wire: Wire,
}

impl Reaction {
    /// Executed, with an order.
    #[must_use]
    pub fn executed(order: &str) -> Self {
        let deed = Deed::Execute { status: 201, order: Some(order.to_owned()) };
        Self { deed, wire: Wire::Whole }
    }

    /// Answered with this status; nothing is executed.
    #[must_use]
    pub fn refused(status: u16) -> Self {
        Self { deed: Deed::Refuse { status }, wire: Wire::Whole }
    }

    /// Executed, and this becomes of the answer.
    #[must_use]
    pub fn executed_but(wire: Wire) -> Self {
        Self { wire, ..Self::default() }
    }

    /// Not executed, and this in place of an answer.
    #[must_use]
    pub fn nothing_but(wire: Wire) -> Self {
        Self { wire, ..Self::refused(500) }
    }
}

impl Default for Reaction {
    /// Executed and answered with 200.
    fn default() -> Self {
        Self { deed: Deed::Execute { status: 200, order: None }, wire: Wire::Whole }
    }
}

/// How the question for a price is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuoteReaction {
    /// With this status and body.
    Body {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// Not: the connection dies.
    Lost,
    /// With lines of these amounts, in minor units.
    Price {
        /// The currency's code.
        currency: &'static str,
        /// The amount of each line.
        amounts: Vec<u64>,
    },
    /// Never.
    Silent,
}

impl QuoteReaction {
    /// One line.
    #[must_use]
    pub fn price(currency: &'static str, amount_minor: u64) -> Self {
        Self::Price { currency, amounts: vec![amount_minor] }
    }
}

/// One call that reached the API.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Heard {
    /// The value of a header.
    ///
    /// # Panics
    ///
    /// If it is no text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    /// The digest of the call as the API sees it.
    #[must_use]
    pub fn digest(&self) -> RequestDigest {
        let content_type = self.header("content-type").unwrap_or("");
        request_digest(self.method.as_str(), &self.target, content_type, &self.body)
    }
}

/// A connection to the API that died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiError;

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection died")
    }
}

impl std::error::Error for ApiError {}

/// The body of an answer, which may break off.
#[derive(Debug)]
pub struct ApiBody {
    left: Option<Bytes>,
    breaks_off: bool,
}

impl Body for ApiBody {
    type Data = Bytes;
    type Error = ApiError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ApiError>>> {
        let this = &mut *self;
        Poll::Ready(match this.left.take() {
            Some(data) => Some(Ok(Frame::data(data))),
            None if std::mem::take(&mut this.breaks_off) => Some(Err(ApiError)),
            None => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[derive(Debug, Default)]
struct Record {
    reactions: VecDeque<Reaction>,
    quotes: VecDeque<QuoteReaction>,
    heard: Vec<Heard>,
    quoted: Vec<Heard>,
    /// Status and order of each call that was executed, by its key.
    executed: BTreeMap<String, (u16, Option<String>)>,
    /// The key of each execution, in order.
    executions: Vec<String>,
}

/// The API. Cheap to clone; all clones are one API.
#[derive(Debug, Clone)]
pub struct Api {
    record: Arc<Mutex<Record>>,
    /// How many calls were heard, questions for prices not counted.
    arrivals: watch::Sender<usize>,
    /// How many questions for prices were heard.
    questions: watch::Sender<usize>,
    held: watch::Sender<bool>,
}

impl Default for Api {
    fn default() -> Self {
        let (arrivals, questions) = (watch::Sender::new(0), watch::Sender::new(0));
        Self { record: Arc::default(), arrivals, questions, held: watch::Sender::new(false) }
    }
}

/// Calls and questions for prices wait in the API, heard and not answered, until this is dropped.
#[derive(Debug)]
#[must_use = "calls wait only as long as this lives"]
pub struct Held(watch::Sender<bool>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

impl Api {
    /// Answers the next calls like this, in order; after them, and at first, it executes and answers 200.
    pub fn script(&self, reactions: impl IntoIterator<Item = Reaction>) {
        self.record().reactions = reactions.into_iter().collect();
    }

    /// Answers the next questions for a price like this, in order; after them, and at first, 180.00 EUR.
    pub fn script_quotes(&self, quotes: impl IntoIterator<Item = QuoteReaction>) {
        self.record().quotes = quotes.into_iter().collect();
    }

    /// Holds every call and every question for a price that arrives from now on.
    pub fn hold(&self) -> Held {
        self.held.send_replace(true);
        Held(self.held.clone())
    }

    /// Waits until so many calls were heard in all.
    ///
    /// # Panics
    ///
    /// Never: this value keeps the channel open.
    pub async fn arrived(&self, calls: usize) {
        let mut arrivals = self.arrivals.subscribe();
        arrivals.wait_for(|heard| *heard >= calls).await.expect("a sender");
    }

    /// Waits until so many questions for prices were heard in all.
    ///
    /// # Panics
    ///
    /// Never: this value keeps the channel open.
    pub async fn asked(&self, questions: usize) {
        let mut heard = self.questions.subscribe();
        heard.wait_for(|heard| *heard >= questions).await.expect("a sender");
    }

    /// The calls that reached it, questions for prices left out.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        self.record().heard.clone()
    }

    /// The questions for prices that reached it.
    #[must_use]
    pub fn quoted(&self) -> Vec<Heard> {
        self.record().quoted.clone()
    }

    /// The key of each execution, in order.
    #[must_use]
    pub fn executions(&self) -> Vec<String> {
        self.record().executions.clone()
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().expect("no panic while held")
    }

    async fn answer(self, heard: Heard) -> Result<Response<ApiBody>, ApiError> {
        if heard.target == QUOTE_PATH {
            return self.quote(heard).await;
        }
        let reaction = {
            let mut record = self.record();
            let reaction = record.reactions.pop_front().unwrap_or_default();
            if reaction.wire == Wire::Unreached {
                return Err(ApiError);
            }
            record.heard.push(heard.clone());
            reaction
        };
        self.wait_while_held(&self.arrivals).await;
        let (status, order) = self.act(&heard, reaction.deed);
        match reaction.wire {
            Wire::Whole | Wire::Cut => {
                let mut answer = Response::builder().status(status).header("x-api", "1");
                if let Some(order) = order {
                    answer = answer.header("mandate-order", order);
                }
                let left = Some(Bytes::from_static(br#"{"from":"the API"}"#));
                let breaks_off = reaction.wire == Wire::Cut;
                Ok(answer.body(ApiBody { left, breaks_off }).expect("an answer"))
            }
            Wire::Lost | Wire::Unreached => Err(ApiError),
            Wire::Silent => pending().await,
        }
    }

    fn act(&self, heard: &Heard, deed: Deed) -> (u16, Option<String>) {
        match deed {
            Deed::Refuse { status } => (status, None),
            Deed::Execute { status, order } => {
                let key = heard.header("idempotency-key").expect("every use has a key").to_owned();
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

    /// Says that one more was heard, and waits for as long as the API is held.
    async fn wait_while_held(&self, heard: &watch::Sender<usize>) {
        let mut held = self.held.subscribe();
        heard.send_modify(|heard| *heard += 1);
        held.wait_for(|held| !held).await.expect("a sender");
    }

    async fn quote(self, heard: Heard) -> Result<Response<ApiBody>, ApiError> {
        let reaction = {
            let mut record = self.record();
            record.quoted.push(heard);
            record.quotes.pop_front().unwrap_or_else(|| QuoteReaction::price("EUR", 18_000))
        };
        self.wait_while_held(&self.questions).await;
        let (status, body) = match reaction {
            QuoteReaction::Body { status, body } => (status, body),
            QuoteReaction::Lost => return Err(ApiError),
            QuoteReaction::Price { currency, amounts } => {
                let line = |amount| json!({ "title": "as asked", "quantity": 1, "amount": amount });
                let lines: Vec<_> = amounts.into_iter().map(line).collect();
                (200, json!({ "currency": currency, "line_items": lines }).to_string())
            }
            QuoteReaction::Silent => return pending().await,
        };
        let body = ApiBody { left: Some(body.into()), breaks_off: false };
        Ok(Response::builder().status(status).body(body).expect("an answer"))
    }
}

impl<B> Service<Request<B>> for Api
where
    B: Body<Data: Send, Error: Debug> + Send + 'static,
{
    type Response = Response<ApiBody>;
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ApiBody>, ApiError>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ApiError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let api = self.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.expect("a whole body").to_bytes();
            let target = parts.uri.path_and_query().expect("a path").as_str().to_owned();
            api.answer(Heard { method: parts.method, target, headers: parts.headers, body }).await
        })
    }
}
