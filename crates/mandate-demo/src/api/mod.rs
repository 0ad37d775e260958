//! The hotels' booking system: a small HTTP API that knows nothing of mandates but what the gateway tells it.

mod hotel;

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use hotel::{Fault, Hotel, ROOM_CELLAR, Seen};

use crate::error::DemoError;

/// Longest body that is read, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The running API; it ends with this value.
#[derive(Debug)]
pub(crate) struct Api {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    hotel: Arc<Mutex<Hotel>>,
    server: JoinHandle<Infallible>,
}

/// The API ended a call without an answer.
#[derive(Debug)]
struct HungUp;

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the booking system hung up")
    }
}

impl std::error::Error for HungUp {}

impl Api {
    /// Opens it on a free port.
    ///
    /// # Errors
    ///
    /// [`DemoError::System`] when none can be listened on.
    pub(crate) async fn open() -> Result<Self, DemoError> {
        let listening = DemoError::system("listen on a port of this machine");
        let bound = TcpListener::bind("127.0.0.1:0").await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(listening)?;
        let hotel = Arc::new(Mutex::new(Hotel::default()));
        let server = tokio::spawn(serve(listener, Arc::clone(&hotel)));
        Ok(Self { address, hotel, server })
    }

    /// The hotel behind it.
    pub(crate) fn hotel(&self) -> MutexGuard<'_, Hotel> {
        lock(&self.hotel)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, hotel: Arc<Mutex<Hotel>>) -> Infallible {
    loop {
        // A client that is gone before it is let in is no concern of the others.
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Where this fails, answers are late and no worse.
        stream.set_nodelay(true).unwrap_or_default();
        let hotel = Arc::clone(&hotel);
        let service = service_fn(move |request| answer(Arc::clone(&hotel), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // It ends in an error whenever the hotel hangs up.
        tokio::spawn(async move { connection.await.unwrap_or_default() });
    }
}

async fn answer(
    hotel: Arc<Mutex<Hotel>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, HungUp> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.or(Err(HungUp))?.to_bytes();
    lock(&hotel).answer(&parts, &body).ok_or(HungUp)
}

// A panic elsewhere cannot leave it half changed.
fn lock(hotel: &Mutex<Hotel>) -> MutexGuard<'_, Hotel> {
    hotel.lock().unwrap_or_else(PoisonError::into_inner)
}
