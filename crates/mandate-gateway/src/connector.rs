//! Connections to the API, of which there are never more than there are places: each keeps its own until it is closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tower::Service;

use crate::service::BoxError;

/// How long a connection waits for its place: there is one for each call, unless others keep theirs idle.
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// Connects once there is a place.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    places: Arc<Semaphore>,
}

impl Connector {
    /// Connects with `http`, so many times at once.
    pub(crate) fn new(http: HttpConnector, places: usize) -> Self {
        Self { http, places: Arc::new(Semaphore::new(places)) }
    }
}

impl Service<Uri> for Connector {
    type Response = Placed;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Placed, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        ready!(self.http.poll_ready(context))?;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (places, connecting) = (Arc::clone(&self.places), self.http.call(uri));
        Box::pin(async move {
            // Looked up and connected only then: that takes open files, too.
            let place = timeout(PLACE_WAIT, places.acquire_owned()).await??;
            Ok(Placed { stream: connecting.await?, _place: place })
        })
    }
}

/// A connection that has a place.
#[derive(Debug)]
pub(crate) struct Placed {
    stream: TokioIo<TcpStream>,
    _place: OwnedSemaphorePermit,
}

impl Placed {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut TokioIo<TcpStream>> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Connection for Placed {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Placed {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl Write for Placed {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, bytes)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_waits_for_a_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let uri: Uri = format!("http://{address}/").parse().unwrap();
        let mut connector = Connector::new(HttpConnector::new(), 1);
        let first = connector.call(uri.clone()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let second = tokio::spawn(connector.call(uri));
        tokio::task::yield_now().await;
        // Whoever connects now would come after it.
        let other = TcpStream::connect(address).await.unwrap();
        let (_, came) = listener.accept().await.unwrap();
        assert_eq!(came, other.local_addr().unwrap());
        drop((first, accepted));
        let second = second.await.unwrap().unwrap();
        let (_, came) = listener.accept().await.unwrap();
        assert_eq!(came, second.stream.inner().local_addr().unwrap());
    }
}
