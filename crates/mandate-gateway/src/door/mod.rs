//! The operator's door of a running gateway: plain HTTP/1.1 with JSON bodies on a Unix socket.
//!
//! The socket is `gateway.sock` in the state folder. The folder is this user's alone (0700), the socket too (0600), and
//! whoever connects is asked for by `SO_PEERCRED`: only root and the gateway's own uid are answered. One request a
//! connection.
//!
//! | request | answer |
//! |---|---|
//! | `GET /status` | [`Status`] |
//! | `GET /metrics` | the figures, as Prometheus reads them |
//! | `GET /healthz` | 200 while calls are served and 503 while they are not, with what stands against it |
//! | `GET /entries?from=N&limit=M` | [`Stored`]: entries from `N` on as they are stored, at least one if there is one |
//! | `GET /reserved?after=N` | [`Reserved`]: uses that wait, after entry `N`, oldest first |
//! | `POST /resolve` with a [`Resolve`] | [`Resolved`]: the receipt, also of what was settled before |
//! | `POST /checkpoint` | [`Signed`]: the newest checkpoint, after one was signed of what is new |
//! | `GET /path?seq=N&size=M` | [`InclusionPath`]: the way from entry `N` to the root of the first `M` entries |
//! | `POST /verify` | [`Checked`]: whether the whole journal fits; takes as long as it takes |
//! | `POST /lock` | [`Locked`]: the key is wiped from memory, and no call goes on until an unlock |
//! | `POST /unlock` | [`Unlocked`]: the key is asked of its store again |
//! | `POST /clock/confirm` | [`Confirmed`]: this machine's clock is the measure from now on |
//!
//! What is not answered so is a [`Problem`] with an HTTP status that fits it: 400 `malformed`, 404 `use_unknown` or
//! `not_found`, 409 `in_progress`, 503 `unavailable`. Nothing is decided here: the book settles, the key signs.

mod answer;
mod serve;
mod wire;

use std::path::{Path, PathBuf};

use mandate_host::socket::{Access, SocketError, SocketFile, SocketFolder};
use tokio::net::UnixListener;

pub use serve::serve;
pub use wire::{
    Checked, Confirmed, Contradicted, InclusionPath, Locked, Problem, Reserved, Resolve,
    ResolveFault, ResolveOutcome, Resolved, Service, Signed, Status, Stored, Unlocked, Waiting,
};

/// The socket's name in the state folder.
const SOCKET_NAME: &str = "gateway.sock";

/// Where the door of the gateway over this state folder is.
#[must_use]
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join(SOCKET_NAME)
}

/// The open socket: its file is removed when this is dropped.
#[derive(Debug)]
pub struct Door {
    _file: SocketFile,
}

impl Door {
    /// Opens the door in a state folder that is this user's alone, for [`serve`].
    ///
    /// # Errors
    ///
    /// [`SocketError`] when the folder is another user's or open to others, or when something stands in the way: a
    /// symlink, a file, another user's socket, a gateway that still answers.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn open(state_dir: &Path) -> Result<(Self, UnixListener), SocketError> {
        SocketFolder::open(state_dir, Access::OneUser)?;
        let (file, listener) = SocketFile::bind(&socket_path(state_dir), Access::OneUser)?;
        let listener = UnixListener::from_std(listener).map_err(SocketError::listener)?;
        Ok((Self { _file: file }, listener))
    }
}
