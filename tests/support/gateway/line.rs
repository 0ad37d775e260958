//! A client's connection to a gateway on a socket.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request};
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::answered::Answered;

/// An HTTP/1.1 connection that is made when it is needed and again when it broke.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    connected: Option<Connected>,
}

/// A connection; it dies with this value, whatever is under way on it.
#[derive(Debug)]
struct Connected {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Line {
    /// A line to this address.
    #[must_use]
    pub fn to(address: SocketAddr) -> Self {
        Self { address, connected: None }
    }

    /// Where it goes.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends one request and reads what comes back; `None` if the connection died before an answer began.
    ///
    /// Dropped before its end, it hangs up.
    ///
    /// # Panics
    ///
    /// Never: an address is a host.
    pub async fn send(&mut self, mut request: Request<Full<Bytes>>) -> Option<Answered> {
        let host = HeaderValue::from_str(&self.address.to_string()).expect("ASCII");
        request.headers_mut().insert(HOST, host);
        let mut connected = match self.connected.take() {
            Some(connected) => connected,
            None => self.connect().await?,
        };
        connected.sender.ready().await.ok()?;
        let answer = connected.sender.send_request(request).await.ok()?;
        let answered = Answered::read(answer).await;
        if answered.whole {
            self.connected = Some(connected);
        }
        Some(answered)
    }

    async fn connect(&self) -> Option<Connected> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        // To a port of this machine that nobody listens on, a socket may connect to itself.
        if stream.local_addr().ok()? == self.address {
            return None;
        }
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        // How it ended is seen by whoever waits for an answer.
        let driver = tokio::spawn(async move { connection.await.unwrap_or_default() });
        Some(Connected { sender, driver })
    }
}
