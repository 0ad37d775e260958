//! A client that sends any bytes, and reads what comes back.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use mandate_tests::gateway::Answered;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Sends bytes and reads to the end of the connection. The client lets go once it has one whole answer, so that the
/// server answers whatever else it takes for a request, and closes.
pub async fn exchange(address: SocketAddr, sent: &[u8]) -> Vec<Answered> {
    let (mut from, to) = TcpStream::connect(address).await.unwrap().into_split();
    let writer = tokio::spawn(write_all(to, sent.to_vec()));
    let mut read = Vec::new();
    let mut open = true;
    while open && !is_whole(&read) {
        open = read_some(&mut from, &mut read).await;
    }
    // Who answered before it had read all may have closed.
    if let Ok(mut to) = writer.await.unwrap() {
        to.shutdown().await.ok();
    }
    while open {
        open = read_some(&mut from, &mut read).await;
    }
    answers(&read)
}

/// Sends bytes and reads until the server closes.
pub async fn listen(address: SocketAddr, sent: &[u8]) -> Vec<Answered> {
    let (mut from, to) = TcpStream::connect(address).await.unwrap().into_split();
    let writer = tokio::spawn(write_all(to, sent.to_vec()));
    let mut read = Vec::new();
    while read_some(&mut from, &mut read).await {}
    // Until here nobody else let go of the connection.
    drop(writer.await.unwrap());
    answers(&read)
}

async fn write_all(mut to: OwnedWriteHalf, bytes: Vec<u8>) -> io::Result<OwnedWriteHalf> {
    to.write_all(&bytes).await?;
    Ok(to)
}

/// Whether there may be more to come.
pub async fn read_some(from: &mut OwnedReadHalf, read: &mut Vec<u8>) -> bool {
    matches!(from.read_buf(read).await, Ok(bytes) if bytes > 0)
}

/// Whether there is an answer that is not an interim one, to its end.
pub fn is_whole(read: &[u8]) -> bool {
    answers(read).first().is_some_and(|answer| answer.whole)
}

/// All answers in what was read, less the interim ones.
pub fn answers(mut read: &[u8]) -> Vec<Answered> {
    let mut all = Vec::new();
    while let Some((answered, rest)) = answer(read) {
        read = rest;
        if answered.status >= 200 {
            all.push(answered);
        }
    }
    all
}

/// The first answer, and what comes after it.
fn answer(read: &[u8]) -> Option<(Answered, &[u8])> {
    let (head, rest) = split(read, b"\r\n\r\n")?;
    let head = std::str::from_utf8(head).expect("the gateway's heads are text");
    let (status_line, lines) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{status_line:?} is no status line"));
    let mut headers = HeaderMap::new();
    for line in lines.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a header");
        headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let (body, whole, rest) = if (100..200).contains(&status) {
        (Bytes::new(), true, rest)
    } else if headers.contains_key("transfer-encoding") {
        dechunked(rest)
    } else {
        let length = headers.get("content-length").map(|value| value.to_str().unwrap());
        let length: usize = length.map_or(rest.len(), |length| length.parse().unwrap());
        let (body, after) = rest.split_at(length.min(rest.len()));
        (Bytes::copy_from_slice(body), body.len() == length, after)
    };
    Some((Answered { status, headers, body, whole }, rest))
}

fn dechunked(mut read: &[u8]) -> (Bytes, bool, &[u8]) {
    let mut body = Vec::new();
    loop {
        let Some((size, rest)) = split(read, b"\r\n") else { return (body.into(), false, &[]) };
        let size = usize::from_str_radix(std::str::from_utf8(size).unwrap(), 16).unwrap();
        let Some((chunk, rest)) = rest.split_at_checked(size + 2) else {
            return (body.into(), false, &[]);
        };
        if size == 0 {
            return (body.into(), true, rest);
        }
        body.extend_from_slice(&chunk[..size]);
        read = rest;
    }
}

/// What is before and after the first `mark`.
pub fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(mark.len()).position(|window| window == mark)?;
    Some((&bytes[..at], &bytes[at + mark.len()..]))
}
