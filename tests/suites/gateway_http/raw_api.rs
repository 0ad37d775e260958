//! An API that keeps every byte it is sent, and answers with any bytes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::wire::split;

/// What it answers if nothing else is scripted; the gateway then closes, so that everything it sent is known.
const EXECUTED: &[u8] =
    b"HTTP/1.1 200 OK\r\nx-api: 1\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";

/// The API. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct RawApi {
    pub address: SocketAddr,
    record: Arc<Mutex<Record>>,
    open: watch::Sender<usize>,
}

#[derive(Default)]
struct Record {
    /// What came over each connection.
    streams: Vec<Vec<u8>>,
    answers: VecDeque<Vec<u8>>,
    parts: Option<(Vec<Vec<u8>>, mpsc::UnboundedReceiver<()>)>,
}

impl RawApi {
    pub async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let api = Self { address, record: Arc::default(), open: watch::Sender::new(0) };
        let own = api.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                own.open.send_modify(|open| *open += 1);
                let api = own.clone();
                tokio::spawn(async move {
                    api.serve(stream).await;
                    api.open.send_modify(|open| *open -= 1);
                });
            }
        });
        api
    }

    /// Answers the next requests with these bytes, and closes after each.
    pub fn script(&self, answers: impl IntoIterator<Item = Vec<u8>>) {
        self.record().answers = answers.into_iter().collect();
    }

    /// Answers the next request with these bytes, a part for each word that is sent.
    pub fn script_parts(&self, parts: Vec<Vec<u8>>) -> mpsc::UnboundedSender<()> {
        let (go_on, gate) = mpsc::unbounded_channel();
        self.record().parts = Some((parts, gate));
        go_on
    }

    /// What came over the connections that ended since the last time, once there is none. The gateway must be at rest.
    pub async fn take(&self) -> Vec<Vec<u8>> {
        self.open.subscribe().wait_for(|open| *open == 0).await.unwrap();
        std::mem::take(&mut self.record().streams)
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap()
    }

    async fn serve(&self, mut stream: TcpStream) {
        let mut read = Vec::new();
        while !holds_request(&read) {
            match stream.read_buf(&mut read).await {
                Ok(bytes) if bytes > 0 => {}
                _ => return self.record().streams.push(read),
            }
        }
        let parts = self.record().parts.take();
        if let Some((parts, mut gate)) = parts {
            for part in parts {
                gate.recv().await.unwrap();
                stream.write_all(&part).await.unwrap();
            }
            return self.record().streams.push(read);
        }
        let answer = self.record().answers.pop_front();
        let answer = answer.as_deref().unwrap_or(EXECUTED);
        // The gateway may have given up.
        stream.write_all(answer).await.ok();
        stream.shutdown().await.ok();
        while matches!(stream.read_buf(&mut read).await, Ok(bytes) if bytes > 0) {}
        self.record().streams.push(read);
    }
}

/// Whether a head is there, and as much body as it says.
fn holds_request(read: &[u8]) -> bool {
    let Some((head, body)) = split(read, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}
