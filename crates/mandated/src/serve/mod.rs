//! Accepts on the two sockets and speaks HTTP/2 on what was accepted, within bounds.
//!
//! Who calls is read from the kernel at accept (`SO_PEERCRED`, and the process by a handle of its own) and from nowhere
//! else. Nothing here knows what the calls mean.

mod accept;
mod answer;
mod budget;
mod connection;
mod slots;
mod stranger;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;
use mandate_host::peer::{PeerError, PeerProcess};

pub(crate) use accept::{Door, accept};
pub(crate) use slots::Share;
use slots::Slots;

use budget::{Budget, ChargedExecutor};

/// Who is on the other end, as it was when it connected. In the extensions of every request.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its effective uid.
    pub(crate) uid: u32,
    /// Its process, where the door looks at it.
    pub(crate) process: Arc<Result<PeerProcess, PeerError>>,
}

/// The open connections of those who may call, on each socket.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) wallet: Slots,
    pub(crate) control: Slots,
}

impl Connections {
    /// How many there are on each socket.
    pub(crate) fn open(&self) -> [(&'static str, u64); 2] {
        [("wallet", self.wallet.open()), ("control", self.control.open())]
    }
}

/// Open connections of one uid on one socket.
pub(crate) const CONNECTIONS_PER_UID_MAX: usize = 128;
/// Processes of one uid that are looked at at a time; each may keep a thread waiting for its file system.
const LOOKS_PER_UID_MAX: usize = 4;
/// What all that may not call have on one socket, together.
const STRANGERS: Share = Share { connections: 16, streams: 1, calls: 16, cpu_ms_per_s: 50 };
/// How long a connection may be open before its first request, and a request's body may take.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may be open without a request under way.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How long a peer may leave an answer lying before its connection ends.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long calls under way may take once their connection is closing.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a closing connection without a call under way is left to its peer.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(100);
/// How often a peer has to show that it still reads.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long it may take to do so.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest HTTP/2 frame accepted; a request fits into a few.
const FRAME_BYTES_MAX: u32 = 16 * 1024;
/// Largest header list accepted.
const HEADER_LIST_BYTES_MAX: u32 = 8 * 1024;
/// What a peer may send on one stream before it is read: one message of the largest size.
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// What a peer may send on all streams of a connection before it is read.
const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// What is kept of an answer that the peer does not read.
const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Streams that a peer opened and reset before they were looked at.
const PENDING_RESETS_MAX: usize = 16;
/// Streams reset for the peer's errors before the connection ends.
const ERROR_RESETS_MAX: usize = 64;
/// No connection needs more streams than this at a time, whatever `in_flight` says.
const STREAMS_MAX: u32 = 1_024;

/// The settings of every connection.
fn http2(streams: u32, budget: &Arc<Budget>) -> Builder<ChargedExecutor> {
    let mut builder = Builder::new(ChargedExecutor(Arc::clone(budget)));
    builder
        .timer(TokioTimer::new())
        .auto_date_header(false)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(streams.clamp(1, STREAMS_MAX))
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_local_error_reset_streams(ERROR_RESETS_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES_MAX);
    builder
}
