//! What bad clients do, as data: how they begin, what they send again and again, and whether they read.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Caller;
use crate::h2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RESET, SETTINGS, block,
    data, frame, frame_head, headers, hello, hello_with_an_endless_window, hello_without_a_window,
};

/// How often an attacker acts.
const TICK: Duration = Duration::from_millis(10);
/// How many ticks a second has.
const TICKS_PER_S: u32 = 100;

/// How much an attacker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As much as this process finds time for.
    Free,
    /// So many operations a second: pieces sent or connections made.
    PerSecond(u32),
}

/// What an attacker sends on a connection that it made, by the number of the operation.
#[derive(Clone, Copy)]
enum Sends {
    /// Nothing: each operation is one more connection, which is held open.
    NothingMore,
    /// Nothing: each operation is a connection that is closed at once.
    AndLeaves,
    /// A piece on one of so many connections.
    Pieces(usize, fn(u32) -> Vec<u8>),
}

/// One way to be a bad client.
#[derive(Clone, Copy)]
pub struct Attack {
    /// Its name.
    pub name: &'static str,
    hello: fn() -> Vec<u8>,
    sends: Sends,
    /// Whether it reads what comes back, so that the daemon never waits for it.
    reads: bool,
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Attack").field(&self.name).finish()
    }
}

/// The fields of a call.
fn call(path: &str) -> [(&str, &str); 6] {
    [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "wallet"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
}

const MINT: &str = "/mandate.v1.Wallet/MintIntent";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// An empty message of gRPC.
const EMPTY: [u8; 5] = [0; 5];
/// Asks reflection for the file that has the wallet's service: the longest answer there is.
const WHOLE_FILE: &[u8] = b"\0\0\0\0\x13\x22\x11mandate.v1.Wallet";

/// The stream of the client's n-th call.
fn stream(n: u32) -> u32 {
    (n % (1 << 29)) * 2 + 1
}

fn whole_call(n: u32, path: &str, message: &[u8]) -> Vec<u8> {
    let stream = stream(n);
    [headers(stream, END_HEADERS, &call(path)), data(stream, END_STREAM, message)].concat()
}

fn many(frame: &[u8]) -> Vec<u8> {
    frame.repeat(64)
}

fn hello_and_half_a_call() -> Vec<u8> {
    [hello(), headers(1, END_HEADERS, &call(MINT))].concat()
}

fn hello_and_half_a_head() -> Vec<u8> {
    [hello(), frame(HEADERS, 0, 1, &block(&call(MINT)))].concat()
}

fn hello_and_a_huge_frame() -> Vec<u8> {
    [hello(), frame_head(0x00ff_ffff, DATA, 0, 1)].concat()
}

impl Attack {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::of("silent", Vec::new, Sends::NothingMore, false),
        Self::of("half a preface", || PREFACE[..10].to_vec(), Sends::NothingMore, false),
        Self::of("connect and leave", hello, Sends::AndLeaves, false),
        Self::of(
            "slow head",
            hello_and_half_a_head,
            Sends::Pieces(8, |_| frame(CONTINUATION, 0, 1, b"\0")),
            false,
        ),
        Self::of("slow body", hello_and_half_a_call, Sends::Pieces(8, |_| data(1, 0, &[0])), false),
        Self::of(
            "endless head",
            hello_and_half_a_head,
            Sends::Pieces(8, |_| frame(CONTINUATION, 0, 1, &block(&[("x", &"x".repeat(8_000))]))),
            true,
        ),
        Self::of(
            "huge frame",
            hello_and_a_huge_frame,
            Sends::Pieces(8, |_| vec![0; 64 * 1024]),
            true,
        ),
        Self::of(
            "resets",
            hello_with_an_endless_window,
            Sends::Pieces(8, |n| {
                let reset = frame(RESET, 0, stream(n), &8_u32.to_be_bytes());
                [headers(stream(n), END_HEADERS, &call(MINT)), reset].concat()
            }),
            true,
        ),
        Self::of("pings", hello, Sends::Pieces(8, |_| many(&frame(PING, 0, 0, &[7; 8]))), true),
        Self::of(
            "pings unread",
            hello,
            Sends::Pieces(8, |_| many(&frame(PING, 0, 0, &[7; 8]))),
            false,
        ),
        Self::of("settings", hello, Sends::Pieces(8, |_| many(&frame(SETTINGS, 0, 0, &[]))), true),
        Self::of(
            "no window",
            hello_without_a_window,
            Sends::Pieces(8, |n| whole_call(n, REFLECTION, WHOLE_FILE)),
            true,
        ),
        Self::of(
            "never reads",
            hello_with_an_endless_window,
            Sends::Pieces(8, |n| whole_call(n, REFLECTION, WHOLE_FILE)),
            false,
        ),
        Self::of(
            "calls on all places",
            hello_with_an_endless_window,
            Sends::Pieces(200, |n| whole_call(n, HEALTH, &EMPTY)),
            true,
        ),
        Self::of(
            "mints over the limit",
            hello_with_an_endless_window,
            Sends::Pieces(8, |n| whole_call(n, MINT, &EMPTY)),
            true,
        ),
    ];

    const fn of(name: &'static str, hello: fn() -> Vec<u8>, sends: Sends, reads: bool) -> Self {
        Self { name, hello, sends, reads }
    }

    /// Whether each operation is a connection that is held open.
    #[must_use]
    pub fn holds_connections(&self) -> bool {
        matches!(self.sends, Sends::NothingMore)
    }

    /// Goes on until `stop`, and counts its operations.
    pub async fn run(
        self,
        caller: Caller,
        socket: PathBuf,
        pace: Pace,
        done: Arc<AtomicU64>,
        stop: CancellationToken,
    ) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut clients = Clients { attack: self, caller, socket, held: VecDeque::new() };
        let mut owed = 0;
        loop {
            // A free attacker leaves the good client a turn in this process, and no more.
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick(), if pace != Pace::Free => {}
                () = tokio::task::yield_now(), if pace == Pace::Free => {}
            }
            owed += match pace {
                Pace::Free => TICKS_PER_S,
                Pace::PerSecond(operations) => operations,
            };
            while owed >= TICKS_PER_S {
                owed -= TICKS_PER_S;
                // An error is that the daemon cut it off, which it may.
                clients.act(done.fetch_add(1, Ordering::Relaxed)).await.unwrap_or_default();
            }
        }
    }
}

/// A bad client.
struct Client {
    stream: UnixStream,
    /// How many pieces it sent.
    sent: u32,
    /// What did not go out of the last one.
    rest: Vec<u8>,
}

/// The connections of one attacker; the one that was used last is last.
struct Clients {
    attack: Attack,
    caller: Caller,
    socket: PathBuf,
    held: VecDeque<Client>,
}

impl Clients {
    async fn act(&mut self, n: u64) -> io::Result<()> {
        let Sends::Pieces(connections, piece) = self.attack.sends else {
            let client = self.connect().await?;
            if self.attack.holds_connections() {
                self.held.push_back(client);
                self.forget_the_cut_off();
            }
            return Ok(());
        };
        if self.held.is_empty() || (self.held.len() < connections && n.is_multiple_of(4)) {
            let client = self.connect().await?;
            self.held.push_back(client);
        }
        let Some(mut client) = self.held.pop_front() else { return Ok(()) };
        // One that is cut off is not held any longer; another takes its place.
        if self.attack.reads {
            drain(&client.stream)?;
        }
        if client.rest.is_empty() {
            client.rest = piece(client.sent);
            client.sent += 1;
        }
        client.send()?;
        self.held.push_back(client);
        Ok(())
    }

    /// Looks at two connections for each that is made: what the daemon closed is no longer held.
    fn forget_the_cut_off(&mut self) {
        for _ in 0..2 {
            let Some(client) = self.held.pop_front() else { return };
            if drain(&client.stream).is_ok() {
                self.held.push_back(client);
            }
        }
    }

    async fn connect(&self) -> io::Result<Client> {
        let stream = self.caller.connect(self.socket.clone()).await?;
        let mut client = Client { stream, sent: 0, rest: (self.attack.hello)() };
        if !client.rest.is_empty() {
            client.stream.writable().await?;
            client.send()?;
        }
        Ok(client)
    }
}

impl Client {
    /// Sends as much as the pipe takes now.
    fn send(&mut self) -> io::Result<()> {
        match self.stream.try_write(&self.rest) {
            Ok(sent) => self.rest.drain(..sent).for_each(drop),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Reads what is there.
fn drain(client: &UnixStream) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        match client.try_read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
