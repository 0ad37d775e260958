//! The running gateway, over its operator's door.
//!
//! Each question waits for its answer, but not for ever. What the gateway refuses is a [`Failure::Denied`]; a gateway
//! that is not there is a [`Failure::Unreachable`], with the way to start it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mandate_terminal::failure::{Denial, Failure, chain};
use rustix::process::geteuid;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::GATEWAY;
use super::places::Places;
use crate::door::Problem;
use crate::settings::TIMEOUT_S_MAX;

/// How long the gateway may take to answer. A write waits for the disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take where calls that are at the API come first.
const TURN_TIMEOUT: Duration = ANSWER_TIMEOUT.saturating_add(Duration::from_secs(TIMEOUT_S_MAX));
/// Largest answer, in bytes: a page of entries, and one more of the largest size.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Refusals that say that two programs do not understand each other.
const MISUNDERSTANDINGS: [&str; 2] = ["malformed", "not_found"];

/// The gateway that serves a state folder.
#[derive(Debug)]
pub(crate) struct Running {
    runtime: Runtime,
    socket: PathBuf,
}

impl Running {
    /// Finds the gateway that serves a state folder; `None` if there is none.
    pub(crate) fn find(places: &Places) -> Result<Option<Self>, Failure> {
        let running = Self::at(places)?;
        match running.runtime.block_on(UnixStream::connect(&running.socket)) {
            Ok(_) => Ok(Some(running)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(error) => Err(running.unreached(&error)),
        }
    }

    /// The gateway that has to be there.
    pub(crate) fn expect(places: &Places) -> Result<Self, Failure> {
        let running = Self::at(places)?;
        match running.runtime.block_on(UnixStream::connect(&running.socket)) {
            Ok(_) => Ok(running),
            Err(error) => Err(running.unreached(&error)),
        }
    }

    fn at(places: &Places) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::Check(format!("cannot ask anybody: {error}")))?;
        Ok(Self { runtime, socket: places.socket() })
    }

    /// Asks, and reads the answer.
    pub(crate) fn get<R: DeserializeOwned>(&self, target: &str) -> Result<R, Failure> {
        self.ask(Method::GET, target, Bytes::new(), Some(ANSWER_TIMEOUT))
    }

    /// Asks for something to be done.
    pub(crate) fn post<R: DeserializeOwned>(
        &self,
        target: &str,
        body: &impl Serialize,
    ) -> Result<R, Failure> {
        self.post_within(ANSWER_TIMEOUT, target, body)
    }

    /// Asks for something to be done in turn with calls that are at the API.
    pub(crate) fn post_in_turn<R: DeserializeOwned>(
        &self,
        target: &str,
        body: &impl Serialize,
    ) -> Result<R, Failure> {
        self.post_within(TURN_TIMEOUT, target, body)
    }

    fn post_within<R: DeserializeOwned>(
        &self,
        patience: Duration,
        target: &str,
        body: &impl Serialize,
    ) -> Result<R, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| remote(&error.to_string()))?;
        self.ask(Method::POST, target, body.into(), Some(patience))
    }

    /// Asks for something that may take minutes.
    pub(crate) fn post_patiently<R: DeserializeOwned>(&self, target: &str) -> Result<R, Failure> {
        self.ask(Method::POST, target, Bytes::new(), None)
    }

    fn ask<R: DeserializeOwned>(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
        patience: Option<Duration>,
    ) -> Result<R, Failure> {
        let asked = async {
            let exchange = self.exchange(method, target, body);
            match patience {
                Some(patience) => timeout(patience, exchange).await.unwrap_or_else(|_elapsed| {
                    let waited = patience.as_secs();
                    let problem = format!("it did not answer within {waited} s");
                    Err(self.unreachable(format!("{problem}; its log says more")))
                }),
                None => exchange.await,
            }
        };
        let (status, bytes) = self.runtime.block_on(asked)?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&bytes).map_err(|error| unreadable(&error));
        }
        let Problem { reason, message } =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(&error))?;
        if MISUNDERSTANDINGS.contains(&reason.as_str()) {
            return Err(remote(&message));
        }
        let metadata = BTreeMap::new();
        Err(Failure::Denied(Denial { reason, message, metadata, retry_after_ms: None }))
    }

    async fn exchange(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let stream = UnixStream::connect(&self.socket).await;
        let stream = stream.map_err(|error| self.unreached(&error))?;
        let hung_up = |error: hyper::Error| {
            self.unreachable(format!("it hung up ({}); its log says more", chain(&error)))
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(hung_up)?;
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, GATEWAY)
            .body(Full::new(body))
            .map_err(|error| remote(&error.to_string()))?;
        let answered = async {
            let answer = sender.send_request(request).await.map_err(hung_up)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| remote(&format!("its answer broke off: {error}")))?;
            Ok((status, body.to_bytes()))
        };
        // The connection moves the bytes; its own end is told by what is read.
        let (answered, _) = tokio::join!(answered, connection);
        answered
    }

    /// Nothing answers.
    fn unreachable(&self, problem: String) -> Failure {
        Failure::Unreachable { peer: GATEWAY, socket: self.socket.clone(), problem }
    }

    /// Why nobody lets us in, and the way out.
    fn unreached(&self, error: &io::Error) -> Failure {
        self.unreachable(match error.kind() {
            io::ErrorKind::NotFound => {
                "no gateway is running there; start it with `mandate-gateway`, or name its folder with --state-dir"
                    .to_owned()
            }
            io::ErrorKind::ConnectionRefused => {
                "the gateway that made this socket has ended; start it with `mandate-gateway`"
                    .to_owned()
            }
            io::ErrorKind::PermissionDenied => format!(
                "this socket is for the gateway's own user and root; this is uid {}",
                geteuid().as_raw()
            ),
            _ => chain(error),
        })
    }
}

/// Whether nobody is there, as opposed to somebody who does not let us in.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn remote(problem: &str) -> Failure {
    Failure::Remote { peer: GATEWAY, problem: problem.to_owned() }
}

fn unreadable(error: &serde_json::Error) -> Failure {
    remote(&format!("its answer cannot be read ({error})"))
}
