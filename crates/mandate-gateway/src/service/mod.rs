//! The gateway as a tower layer: what stands between a request and the API that would execute it.
//!
//! Put [`GatewayLayer`] around any service that takes a `Request<Full<Bytes>>`: an axum router, a hyper service, or the
//! reverse proxy of this crate. The service sees only calls whose mandate verified and is used on disk.

mod admit;
mod answer;
mod attempt;
mod flow;
mod gateway;
pub(crate) mod headers;
mod limits;
mod quote;
mod receipts;
mod request;
mod turns;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Full};
use tower::{Layer, Service};

use crate::held::Held;

pub use gateway::{Gateway, ResolveError, WrongKey};
pub use request::BoxError;

/// The body of a call that may go on: whole, because its digest was checked.
pub type VerifiedBody = Full<Bytes>;

/// The body of an answer: the API's own as it streams, or the gateway's. Its call is under way until it has ended.
pub type AnswerBody<B> = Held<Either<B, Full<Bytes>>>;

/// Puts a [`Gateway`] around a service.
///
/// In a service of one's own there is no proxy and no second process. The layer goes around the whole router, so that
/// no route is without it:
///
/// ```
/// use axum::Router;
/// use axum::routing::post;
/// use mandate_gateway::{Gateway, GatewayLayer, Limits, serve};
/// use mandate_journal::WriteError;
/// use tokio::net::TcpListener;
/// use tokio_util::sync::CancellationToken;
/// use tower::Layer as _;
///
/// async fn run(
///     gateway: Gateway,
///     listener: TcpListener,
///     stop: CancellationToken,
/// ) -> Result<(), WriteError> {
///     const ROOM: &str = r#"{"title": "One night", "quantity": 1, "amount": 9000}"#;
///     let quote = || async { format!(r#"{{"currency": "EUR", "line_items": [{ROOM}]}}"#) };
///     let api = Router::new()
///         .route("/quotes", post(quote))
///         .route("/bookings", post(|| async { "booked" }));
///     let api = GatewayLayer::new(gateway.clone()).layer(api);
///     // What decides is written down first.
///     gateway.write_settings().await?;
///     serve(listener, api, &Limits::default(), stop).await;
///     // What is under way is settled before the book is closed.
///     gateway.drain().await;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct GatewayLayer {
    gateway: Gateway,
}

impl GatewayLayer {
    /// A layer that lets through what the gateway lets through.
    #[must_use]
    pub fn new(gateway: Gateway) -> Self {
        Self { gateway }
    }
}

impl<S> Layer<S> for GatewayLayer {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { gateway: self.gateway.clone(), inner }
    }
}

/// A service behind a [`Gateway`].
#[derive(Clone)]
pub struct Gated<S> {
    gateway: Gateway,
    inner: S,
}

impl<S> fmt::Debug for Gated<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gated").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}

/// What the API behind a gateway has to be: any service that takes whole requests and streams its answers.
pub trait Upstream:
    Service<
        Request<VerifiedBody>,
        Response = Response<Self::Body>,
        Error: Into<BoxError>,
        Future: Send,
    > + Clone
    + Send
    + 'static
{
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> Upstream for S
where
    S: Service<Request<VerifiedBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

impl<S, B> Service<Request<B>> for Gated<S>
where
    S: Upstream,
    B: Body<Error: Into<BoxError>> + Send + 'static,
    B::Data: Send,
{
    type Response = Response<AnswerBody<S::Body>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    /// Always: whether the API can take a call is seen when there is one for it.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (gateway, inner) = (self.gateway.clone(), self.inner.clone());
        Box::pin(async move { Ok(flow::handle(gateway, inner, request).await) })
    }
}
