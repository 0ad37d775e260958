//! HTTP as the agent speaks it to a gateway: a call with a mandate, and what the answer holds.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use mandate::token::UnverifiedMandate;
use mandate::{Cart, Intent, Mandate, Payment, Receipt};
use mandate_gateway::Reason;
use serde::Deserialize;

use crate::claims::token;
use crate::error::DemoError;
use crate::screen::unbroken;
use crate::sellers::Door;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// The mandate that goes with a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum With<'m> {
    /// An intent: for a free action, or to be told the price.
    Intent(&'m Mandate<Intent>),
    /// None, as if there were no gateway.
    Nothing,
    /// A payment.
    Payment(&'m Mandate<Payment>),
}

/// A call to a merchant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'c> {
    /// `GET` or `POST`.
    pub(crate) method: &'static str,
    /// The path.
    pub(crate) path: &'c str,
    /// The body, JSON; none if empty.
    pub(crate) body: &'c str,
    /// The mandate.
    pub(crate) with: With<'c>,
}

impl<'c> Call<'c> {
    /// A question.
    pub(crate) fn get(path: &'c str, with: With<'c>) -> Self {
        Self { method: "GET", path, body: "", with }
    }

    /// A call with an effect, or the question for its price.
    pub(crate) fn post(path: &'c str, body: &'c str, with: With<'c>) -> Self {
        Self { method: "POST", path, body, with }
    }

    /// Method, path, body and mandate, in a line.
    pub(crate) fn shown(&self) -> String {
        let mut line = format!("{} {}", self.method, self.path);
        if !self.body.is_empty() {
            line = format!("{line} {}", unbroken(self.body));
        }
        match self.with {
            With::Intent(intent) => format!("{line}, {}", token("Mandate-Intent", intent.hash())),
            With::Nothing => line,
            With::Payment(payment) => {
                format!("{line}, {}", token("Mandate-Payment", payment.hash()))
            }
        }
    }

    fn request(&self, door: &Door) -> Result<Request<Full<Bytes>>, http::Error> {
        let uri = Uri::builder()
            .scheme("http")
            .authority(door.address.to_string())
            .path_and_query(self.path)
            .build()?;
        let body = Full::new(Bytes::copy_from_slice(self.body.as_bytes()));
        let mut request = Request::builder().method(Method::try_from(self.method)?).uri(uri);
        if !self.body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request = match self.with {
            With::Intent(intent) => request.header("Mandate-Intent", intent.as_str()),
            With::Nothing => request,
            With::Payment(payment) => request.header("Mandate-Payment", payment.as_str()),
        };
        request.body(body)
    }
}

/// What a gateway answered. Its tokens verified under the merchant's key.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: StatusCode,
    /// Why it is refused, if it is.
    pub(crate) problem: Option<Problem>,
    /// The promised price, if it has to be paid.
    pub(crate) cart: Option<Mandate<Cart>>,
    /// What became of the call.
    pub(crate) receipt: Option<Mandate<Receipt>>,
    /// The body.
    pub(crate) body: String,
}

/// A refusal of the gateway (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Problem {
    /// The stable reason.
    pub(crate) reason: String,
    /// The sentence.
    pub(crate) detail: String,
    #[serde(default)]
    cart: Option<String>,
}

impl Reply {
    /// What came of it, in a few words.
    pub(crate) fn lead(&self) -> String {
        match &self.problem {
            Some(problem) => format!("{} {}", self.status.as_u16(), problem.reason),
            None => self.status.to_string(),
        }
    }

    /// The refusal that was promised.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if it is none, or one for another reason.
    pub(crate) fn refused(&self, expected: Reason) -> Result<(), DemoError> {
        let met = self.problem.as_ref().map(|problem| problem.reason.as_str());
        if met == Some(expected.as_str()) && self.status.as_u16() == expected.status() {
            return Ok(());
        }
        let expected = format!("{} {expected}", expected.status());
        Err(DemoError::differs(&expected, &self.lead()))
    }

    /// The answer that was promised: this status, and a receipt.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if it is another, or has none.
    pub(crate) fn receipt(self, expected: StatusCode) -> Result<Mandate<Receipt>, DemoError> {
        let lead = self.lead();
        match self.receipt {
            Some(receipt) if self.status == expected => Ok(receipt),
            _ => Err(DemoError::differs(&format_args!("{expected} with a receipt"), &lead)),
        }
    }

    /// The promised price.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if there is none.
    pub(crate) fn cart(self) -> Result<Mandate<Cart>, DemoError> {
        let lead = self.lead();
        self.cart.ok_or_else(|| DemoError::differs(&"402 with a cart", &lead))
    }
}

/// The agent's HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Http(Pool<HttpConnector, Full<Bytes>>);

impl Http {
    /// A client without any connection yet.
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Pool::builder(TokioExecutor::new()).build(connector))
    }

    /// Makes a call and reads its answer whole.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when there is no answer, or a token in it is not the merchant's.
    pub(crate) async fn call(&self, door: &Door, call: Call<'_>) -> Result<Reply, DemoError> {
        let (parts, body) = self.0.request(call.request(door)?).await?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(DemoError::Body)?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        let is_problem = parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes() == b"application/problem+json");
        let problem: Option<Problem> =
            if is_problem { Some(serde_json::from_str(&body)?) } else { None };
        let cart = match problem.as_ref().and_then(|problem| problem.cart.as_deref()) {
            Some(cart) => Some(UnverifiedMandate::<Cart>::parse(cart)?.verify(&door.keys)?),
            None => None,
        };
        let receipt = match parts.headers.get("mandate-receipt").map(HeaderValue::to_str) {
            Some(Ok(receipt)) => Some(UnverifiedMandate::parse(receipt)?.verify(&door.keys)?),
            _ => None,
        };
        Ok(Reply { status: parts.status, problem, cart, receipt, body })
    }
}
