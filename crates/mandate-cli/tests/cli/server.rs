//! A merchant's HTTP server, small enough to see through: one answer a connection, by a function of the question.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// Longest head of a question, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `GET` or `POST`.
    pub(crate) method: String,
    /// The path.
    pub(crate) path: String,
    /// The value of `Mandate-Payment`.
    pub(crate) payment: Option<String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// `Location`.
    pub(crate) location: Option<String>,
    /// The body.
    pub(crate) body: String,
}

impl Answer {
    /// A body under a status.
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, location: None, body: body.into() }
    }
}

/// A server on this machine, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts it.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("a port");
        let (asked, ends) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (log, end) = (Arc::clone(&asked), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream.expect("a connection"), &log, &answer);
            }
        });
        Self { at, asked, ends, thread: Some(thread) }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Everything that it was asked since the last time.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.at));
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().expect("no panic");
        }
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Asked>>, answer: impl Fn(&Asked) -> Answer) {
    let mut head = Vec::new();
    let mut bytes = [0; 4_096];
    while !head.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut bytes).expect("a question");
        assert!(read > 0 && head.len() < HEAD_BYTES_MAX, "a question ends with an empty line");
        head.extend_from_slice(bytes.get(..read).expect("no more than fits"));
    }
    let head = String::from_utf8(head).expect("UTF-8");
    let mut first = head.lines().next().expect("a line").split(' ').map(str::to_owned);
    let payment = head.lines().filter_map(|line| line.split_once(": "));
    let asked = Asked {
        method: first.next().expect("a method"),
        path: first.next().expect("a path"),
        payment: payment
            .filter(|(name, _)| name.eq_ignore_ascii_case("mandate-payment"))
            .map(|(_, value)| value.to_owned())
            .next(),
    };
    log.lock().expect("no panic").push(asked.clone());
    let Answer { status, location, body } = answer(&asked);
    let mut text = format!("HTTP/1.1 {status} As\r\nconnection: close\r\n");
    if let Some(location) = location {
        write!(text, "location: {location}\r\n").expect("text");
    }
    write!(text, "content-length: {}\r\n\r\n{body}", body.len()).expect("text");
    // Whoever asks may hang up on an answer that is too long.
    stream.write_all(text.as_bytes()).unwrap_or_default();
}
