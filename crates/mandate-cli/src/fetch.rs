//! Asking a merchant over HTTP: one request, one answer of a limited size, within a limited time.
//!
//! No redirect is followed, and no proxy of the environment is asked: what answers is at the address that was named.
//! Certificates are judged by what the system trusts.

use std::error::Error;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::{self, Request, Response, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use mandate_terminal::escape::shortened;

/// How long one request may take, from the look-up of the name to the last byte of the answer.
pub(crate) const FETCH_TIMEOUT: Duration = Duration::from_secs(15);
/// Connections to one merchant that are kept for its next question.
const IDLE_CONNECTIONS_MAX: usize = 1;
/// The most that is told of where a redirect leads, in characters.
const LOCATION_CHARS_MAX: usize = 200;
/// How we name ourselves to a merchant.
const USER_AGENT: &str = concat!("mandate/", env!("CARGO_PKG_VERSION"));

/// Why a merchant gave no answer that could be read.
#[derive(Debug, Error)]
pub(crate) enum FetchError {
    /// The answer broke off.
    #[error("broke its answer off")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// Nothing listens there.
    #[error(
        "cannot be reached: nothing answers there; check the host and the port, and whether its server runs"
    )]
    Closed,
    /// It points elsewhere.
    #[error(
        "answers {status}, a redirect to {to:?}; redirects are not followed, because keys and receipts are asked of the \
         address that you named and of no other: name that address itself if you trust it"
    )]
    Redirected {
        /// The status.
        status: u16,
        /// Where to, in its own words.
        to: String,
    },
    /// The address or a header makes no request.
    #[error("cannot be asked")]
    Request(#[source] http::Error),
    /// There is nothing to judge certificates by.
    #[error(
        "cannot be trusted: the system lists no certificate authority; install ca-certificates"
    )]
    Roots(#[source] io::Error),
    /// It took too long.
    #[error("did not answer within {} s", .limit.as_secs())]
    TimedOut {
        /// How long was waited.
        limit: Duration,
    },
    /// The answer is longer than any good one.
    #[error("answers with more than {limit} bytes")]
    TooLarge {
        /// The most, in bytes.
        limit: usize,
    },
    /// Nothing can be reached there.
    #[error("cannot be reached")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
}

impl FetchError {
    /// Whether the same may be true of the next question to this merchant: it is not to be asked again and again.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(self, Self::Closed | Self::Roots(_) | Self::TimedOut { .. } | Self::Unreachable(_))
    }
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status; no redirect.
    pub(crate) status: u16,
    /// The body, whole.
    pub(crate) body: Vec<u8>,
}

/// What is asked of a merchant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'q> {
    /// Where.
    pub(crate) url: &'q str,
    /// The header that makes it a POST; a GET without one.
    pub(crate) post: Option<(&'static str, &'q str)>,
    /// The longest answer, in bytes.
    pub(crate) bytes_max: usize,
}

type Body = Full<Bytes>;

/// Asks merchants, one question at a time.
#[derive(Debug)]
pub(crate) struct Fetcher {
    /// There until it is dropped.
    runtime: Option<Runtime>,
    plain: Client<HttpConnector, Body>,
    /// Made when it is first needed: the system's certificates are many.
    secure: Option<Client<HttpsConnector<HttpConnector>, Body>>,
    limit: Duration,
}

impl Fetcher {
    /// Asks nobody yet.
    pub(crate) fn new() -> io::Result<Self> {
        Self::with_timeout(FETCH_TIMEOUT)
    }

    fn with_timeout(limit: Duration) -> io::Result<Self> {
        let runtime = Some(Builder::new_current_thread().enable_all().build()?);
        let plain = client().build(HttpConnector::new());
        Ok(Self { runtime, plain, secure: None, limit })
    }

    /// Asks, and reads the whole answer.
    pub(crate) fn ask(&mut self, question: Question<'_>) -> Result<Answer, FetchError> {
        let Question { url, post, bytes_max } = question;
        let request = request(url, post).map_err(FetchError::Request)?;
        if self.secure.is_none() && url.starts_with("https:") {
            self.secure = Some(client().build(https().map_err(FetchError::Roots)?));
        }
        // Only one that is being dropped has none.
        let Some(runtime) = &self.runtime else {
            return Err(FetchError::TimedOut { limit: self.limit });
        };
        let answer = runtime.block_on(async {
            timeout(self.limit, async {
                match self.secure.as_ref().filter(|_| url.starts_with("https:")) {
                    Some(secure) => send(secure, request, bytes_max).await,
                    None => send(&self.plain, request, bytes_max).await,
                }
            })
            .await
        });
        answer.map_err(|_elapsed| FetchError::TimedOut { limit: self.limit })?
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        // The look-up of a name cannot be broken off, and nobody waits for it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn client() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    builder
}

fn https() -> io::Result<HttpsConnector<HttpConnector>> {
    let provider = rustls::crypto::ring::default_provider();
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider)?;
    Ok(builder.https_only().enable_http1().build())
}

fn request(url: &str, post: Option<(&'static str, &str)>) -> http::Result<Request<Body>> {
    let request = Request::builder()
        .uri(url)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, USER_AGENT);
    let request = match post {
        Some((name, value)) => request.method("POST").header(name, value),
        None => request,
    };
    request.body(Body::default())
}

async fn send<C: Connect + Clone + Send + Sync + 'static>(
    client: &Client<C, Body>,
    request: Request<Body>,
    bytes_max: usize,
) -> Result<Answer, FetchError> {
    let response = client.request(request).await.map_err(unreachable)?;
    let status = response.status().as_u16();
    if response.status().is_redirection() {
        let to = response.headers().get(header::LOCATION);
        let to = to.map(|to| String::from_utf8_lossy(to.as_bytes())).unwrap_or_default();
        let to = shortened(&to, LOCATION_CHARS_MAX).into_owned();
        return Err(FetchError::Redirected { status, to });
    }
    Ok(Answer { status, body: read(response, bytes_max).await? })
}

fn unreachable(error: hyper_util::client::legacy::Error) -> FetchError {
    let mut cause = error.source();
    while let Some(source) = cause {
        let kind = source.downcast_ref::<io::Error>().map(io::Error::kind);
        if kind == Some(io::ErrorKind::ConnectionRefused) {
            return FetchError::Closed;
        }
        cause = source.source();
    }
    FetchError::Unreachable(error)
}

async fn read(response: Response<Incoming>, bytes_max: usize) -> Result<Vec<u8>, FetchError> {
    match Limited::new(response.into_body(), bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes().into()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(FetchError::TooLarge { limit: bytes_max })
        }
        Err(error) => Err(FetchError::Broken(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::thread;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// Asks a server that says `answer` to whoever connects, whole or until it hangs up.
    fn asked(answer: &'static str, scheme: &str, bytes_max: usize) -> Result<Answer, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let url = format!("{scheme}://{at}/x");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // The first packet of a question is enough; none came from whoever only knocks.
            if stream.read(&mut [0; 4_096]).unwrap() > 0 {
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let mut fetcher = Fetcher::with_timeout(LIMIT).unwrap();
        let answer = fetcher.ask(Question { url: &url, post: None, bytes_max });
        drop(TcpStream::connect(at));
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_is_read_up_to_its_limit() {
        const ENDLESS: &str =
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nnone\r\n4\r\nnone\r\n";
        const ANSWER: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone";
        let whole = Answer { status: 404, body: b"none".to_vec() };
        assert_eq!(asked(ANSWER, "http", 4).unwrap(), whole);
        assert!(matches!(asked(ANSWER, "http", 3), Err(FetchError::TooLarge { limit: 3 })));
        assert!(matches!(asked(ENDLESS, "http", 7), Err(FetchError::TooLarge { limit: 7 })));
        assert!(matches!(asked(ENDLESS, "http", 64), Err(FetchError::Broken(_))));
    }

    #[test]
    fn a_redirect_is_told_and_not_followed() {
        const ANSWER: &str =
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let error = asked(ANSWER, "http", 64).unwrap_err();
        assert!(error.to_string().contains("http://127.0.0.1:1/"), "{error}");
        assert!(error.to_string().contains("not followed"), "{error}");
    }

    #[test]
    fn what_speaks_no_tls_is_not_asked_in_the_clear() {
        let error = asked("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "https", 64).unwrap_err();
        // Where the system lists no authority, it is not even tried.
        assert!(matches!(error, FetchError::Unreachable(_) | FetchError::Roots(_)), "{error}");
    }

    #[test]
    fn silence_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let limit = Duration::from_millis(50);
        let mut fetcher = Fetcher::with_timeout(limit).unwrap();
        let error = fetcher.ask(Question { url: &url, post: None, bytes_max: 1 }).unwrap_err();
        assert!(matches!(error, FetchError::TimedOut { .. }) && error.is_lasting(), "{error}");
        drop(listener);
        let error = fetcher.ask(Question { url: &url, post: None, bytes_max: 1 }).unwrap_err();
        assert!(matches!(error, FetchError::Closed) && error.is_lasting(), "{error}");
        assert!(error.to_string().contains("nothing answers there; check the host"), "{error}");
    }
}
