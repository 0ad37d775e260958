//! The API behind the gateway, over HTTP: the service that the reverse proxy puts its layer around.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri, Version};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use mandate_host::program;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;
use tower::Service;

use crate::connector::Connector;
use crate::files::Share;
use crate::held::Held;
use crate::service::{Gateway, VerifiedBody};
use crate::settings::UpstreamAddress;

/// How long it may take to connect to the API.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection to the API is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the API cannot be asked over TLS.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The system has no certificates to trust.
    #[error(
        "no certificate authority of this system can be read; install ca-certificates, or name an http:// upstream"
    )]
    NoRoots,
    /// The cryptography that is built in does not do what TLS needs.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Sends calls to the upstream of the settings in force.
///
/// It is ready for as many calls at once as the process has open files for beside its callers; each is under way until
/// its answer has ended.
#[derive(Debug)]
pub struct Proxy {
    gateway: Gateway,
    client: Client<HttpsConnector<Connector>, VerifiedBody>,
    places: PollSemaphore,
    /// For the next call, once it is ready for one.
    place: Option<OwnedSemaphorePermit>,
}

impl Clone for Proxy {
    fn clone(&self) -> Self {
        let Self { gateway, client, places, place: _ } = self;
        let (gateway, client, places) = (gateway.clone(), client.clone(), places.clone());
        Self { gateway, client, places, place: None }
    }
}

impl Proxy {
    /// A proxy to the upstream that `gateway` names, also after a reload.
    ///
    /// # Errors
    ///
    /// [`ProxyError`] when the upstream is an `https` one and the system trusts nobody.
    pub fn new(gateway: Gateway) -> Result<Self, ProxyError> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        // One address after the other: a connection is one open file, also while it is made.
        http.set_happy_eyeballs_timeout(None);
        let roots = system_roots();
        if roots.is_empty() && gateway.settings().upstream.scheme == Scheme::HTTPS {
            return Err(ProxyError::NoRoots);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ProxyError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let callers = gateway.settings().limits.connections;
        let places = Share::of(callers, program::open_files_max()).api;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Connector::new(http, places));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .build(connector);
        let places = PollSemaphore::new(Arc::new(Semaphore::new(places)));
        Ok(Self { gateway, client, places, place: None })
    }
}

/// The certificates that this system trusts, as far as they can be read.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "a certificate of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(added, ignored, "certificates of the system");
    roots
}

/// Says of a method that expects a body that there is none (RFC 9110, section 8.6); some servers refuse a call that is
/// silent about it.
fn name_the_length(request: &mut Request<VerifiedBody>) {
    let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    if expects_body && request.body().is_end_stream() {
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
}

/// A call's own path and query, below the upstream's address.
fn below(address: &UpstreamAddress, call: &Uri) -> Result<Uri, http::Error> {
    let own = call.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = format!("{}{own}", address.base_path);
    let uri = Uri::builder()
        .scheme(address.scheme.clone())
        .authority(address.authority.clone())
        .path_and_query(path);
    uri.build()
}

/// Why a call did not reach the API, or its answer did not come back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The address makes no request.
    #[error("the call cannot be addressed to the upstream")]
    Address(#[source] http::Error),
    /// The connection failed.
    #[error("the connection to the upstream failed")]
    Connection(#[from] hyper_util::client::legacy::Error),
    /// The executor is gone.
    #[error("the call was lost")]
    Io(#[from] io::Error),
}

impl Service<Request<VerifiedBody>> for Proxy {
    type Response = Response<Held<Incoming>>;
    type Error = UpstreamError;
    type Future = Sent;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        if self.place.is_none() {
            // The semaphore is never closed.
            self.place = ready!(self.places.poll_acquire(context));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<VerifiedBody>) -> Sent {
        let uri = below(&self.gateway.settings().upstream, request.uri());
        match uri {
            Ok(uri) => {
                *request.uri_mut() = uri;
                name_the_length(&mut request);
                // What came over HTTP/2 may go on over HTTP/1; the connection decides.
                *request.version_mut() = Version::HTTP_11;
                Sent::On { answer: self.client.request(request), place: self.place.take() }
            }
            Err(error) => Sent::Refused(Some(error)),
        }
    }
}

/// The answer to a call, once it comes.
#[derive(Debug)]
pub enum Sent {
    /// It is on its way.
    On {
        /// The answer to come.
        answer: ResponseFuture,
        /// The call's place, which its answer keeps.
        place: Option<OwnedSemaphorePermit>,
    },
    /// It could not be addressed.
    Refused(Option<http::Error>),
}

impl Future for Sent {
    type Output = Result<Response<Held<Incoming>>, UpstreamError>;

    fn poll(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::On { answer, place } => {
                let answer = ready!(std::pin::Pin::new(answer).poll(context))?;
                let place = place.take();
                Poll::Ready(Ok(answer.map(|body| Held::new(body, place))))
            }
            Self::Refused(error) => {
                let error = error.take().map(UpstreamError::Address);
                let lost = || UpstreamError::Io(io::Error::other("polled after its end"));
                Poll::Ready(Err(error.unwrap_or_else(lost)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_goes_below_the_upstreams_address_as_it_is() {
        let address = |base_path: &str| UpstreamAddress {
            scheme: Scheme::HTTPS,
            authority: "api.lux.example:8443".parse().unwrap(),
            base_path: base_path.to_owned(),
        };
        let call: Uri = "/rooms/12?from=2026-12-01&x=a%2Fb".parse().unwrap();
        let uri = below(&address("/v1"), &call).unwrap();
        assert_eq!(
            uri.to_string(),
            "https://api.lux.example:8443/v1/rooms/12?from=2026-12-01&x=a%2Fb"
        );
        assert_eq!(below(&address(""), &call).unwrap().path(), "/rooms/12");
    }
}
