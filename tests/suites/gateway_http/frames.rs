//! What a gateway tells a client that sends HTTP/2 frames of its own making.

use std::net::SocketAddr;

use mandate_tests::h2::{DATA, END_STREAM, GO_AWAY, HEADERS, RESET};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::wire::read_some;

/// What became of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was answered to the end with this body.
    Body(Vec<u8>),
    /// It was reset.
    Reset,
    /// The connection ended.
    Gone,
}

impl Told {
    /// The reason, if the gateway refused.
    pub fn reason(&self) -> Option<String> {
        let Self::Body(body) = self else { return None };
        let problem: Value = serde_json::from_slice(body).ok()?;
        Some(problem.get("reason")?.as_str()?.to_owned())
    }
}

/// Sends bytes and reads what is told of the stream 1, then lets go.
pub async fn exchange(address: SocketAddr, sent: &[u8]) -> Told {
    let (mut from, mut to) = TcpStream::connect(address).await.unwrap().into_split();
    // It may end before it has read all.
    to.write_all(sent).await.ok();
    let mut read = Vec::new();
    loop {
        if let Some(told) = told(&read) {
            return told;
        }
        if !read_some(&mut from, &mut read).await {
            return Told::Gone;
        }
    }
}

/// Whether the head of an answer on the stream 1 is among the frames that came.
pub fn has_a_head(mut read: &[u8]) -> bool {
    while let Some((head, rest)) = read.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let Some((_, after)) = rest.split_at_checked(length) else { return false };
        if (head[3], head[8]) == (HEADERS, 1) {
            return true;
        }
        read = after;
    }
    false
}

fn told(mut read: &[u8]) -> Option<Told> {
    let mut body = Vec::new();
    while let Some((head, rest)) = read.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (payload, after) = rest.split_at_checked(length)?;
        let (kind, flags, stream) = (head[3], head[4], head[8]);
        read = after;
        match (kind, stream) {
            (DATA, 1) => body.extend_from_slice(payload),
            (RESET, 1) => return Some(Told::Reset),
            (GO_AWAY, 0) => return Some(Told::Gone),
            _ => {}
        }
        if stream == 1 && flags & END_STREAM != 0 && matches!(kind, DATA | HEADERS) {
            return Some(Told::Body(body));
        }
    }
    None
}
