//! HTTP/2 frames, right and wrong, as bytes (RFC 9113), with heads that are never compressed (RFC 7541).

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::wire::read_some;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend_from_slice(&[kind, flags, 0, 0, 0, stream]);
    frame.extend_from_slice(payload);
    frame
}

/// The client's first bytes: the preface and settings that change nothing.
pub fn hello() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// As [`hello`], by a client that takes no byte of any answer (RFC 9113, section 6.5.2).
pub fn hello_without_a_window() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat()
}

pub fn headers(stream: u8, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, &block(fields))
}

pub fn data(stream: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    frame(DATA, flags, stream, body)
}

/// Each field as a literal that is never indexed (RFC 7541, section 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            length(text.len(), &mut block);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// An integer in seven bits and as many more bytes as it takes (RFC 7541, section 5.1).
fn length(length: usize, to: &mut Vec<u8>) {
    let Some(mut rest) = length.checked_sub(127) else {
        return to.push(u8::try_from(length).unwrap());
    };
    to.push(127);
    while rest >= 128 {
        to.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    to.push(u8::try_from(rest).unwrap());
}

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

#[test]
fn a_length_is_as_the_specification_shows_it() {
    let mut bytes = Vec::new();
    for value in [10, 126, 127, 128, 1337] {
        length(value, &mut bytes);
    }
    // 1337 is 127 + 1210, and 1210 is 58 + 9 * 128.
    assert_eq!(bytes, [10, 126, 127, 0, 127, 1, 127, 186, 9]);
}
