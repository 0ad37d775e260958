//! The accept loop of one socket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mandate_host::peer::{HeldPeer, PeerError, PeerProcess};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::slots::Slots;
use super::{CONNECTIONS_PER_UID_MAX, Peer, STRANGERS_MAX, connection, stranger};

/// How long to wait when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether a uid may call, by the rules in force.
type Admits = Box<dyn Fn(u32) -> bool + Send + Sync>;
/// Whether a process of such a uid may call, by the rules in force.
type Fits = Box<dyn Fn(&Peer) -> bool + Send + Sync>;
/// How many streams a connection may have at a time, by the rules in force.
type Streams = Box<dyn Fn() -> u32 + Send + Sync>;
/// Called when somebody who may not call did so: who, and the path of the call.
type Turned = Box<dyn Fn(&Peer, &str) + Send + Sync>;

/// One socket's side: what it serves, and to whom.
pub(crate) struct Door {
    name: &'static str,
    routes: Routes,
    admits: Admits,
    /// `None` where the uid says it all, and nobody looks at the process.
    fits: Option<Fits>,
    streams: Streams,
    pub(super) turned_away: Turned,
    known: Slots,
    strangers: Slots,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Door {
    /// Makes a door for whoever has one of these uids.
    pub(crate) fn new(
        name: &'static str,
        routes: Routes,
        admits: impl Fn(u32) -> bool + Send + Sync + 'static,
        streams: impl Fn() -> u32 + Send + Sync + 'static,
        turned_away: impl Fn(&Peer, &str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            routes: routes.prepare(),
            admits: Box::new(admits),
            fits: None,
            streams: Box::new(streams),
            turned_away: Box::new(turned_away),
            known: Slots::new(CONNECTIONS_PER_UID_MAX),
            strangers: Slots::new(STRANGERS_MAX),
        }
    }

    /// The same door, which also looks at each process.
    pub(crate) fn looking(self, fits: impl Fn(&Peer) -> bool + Send + Sync + 'static) -> Self {
        Self { fits: Some(Box::new(fits)), ..self }
    }

    fn open(self: &Arc<Self>, stream: UnixStream, stop: &CancellationToken, tasks: &TaskTracker) {
        let uid = match stream.peer_cred() {
            Ok(credentials) => credentials.uid(),
            Err(error) => {
                tracing::warn!(socket = self.name, %error, "a peer without credentials was cut off");
                return;
            }
        };
        let admitted = (self.admits)(uid);
        // All strangers share one count, so that many uids cannot add up.
        let slot = if admitted { self.known.take(uid) } else { self.strangers.take(u32::MAX) };
        let Some(slot) = slot else {
            if admitted {
                tracing::warn!(socket = self.name, uid, "too many open connections of one uid");
            }
            return;
        };
        // Held before anything else is done, so that no other process gets its id meanwhile.
        let held = self.fits.as_ref().filter(|_| admitted).map(|_| HeldPeer::of(&stream));
        let (door, stop) = (Arc::clone(self), stop.clone());
        tasks.spawn(async move {
            let peer = Peer { uid, process: Arc::new(look(held).await) };
            if admitted && door.fits.as_ref().is_none_or(|fits| fits(&peer)) {
                let (routes, streams) = (door.routes.clone(), (door.streams)());
                connection::serve(stream, routes, peer, streams, stop).await;
            } else {
                stranger::turn_away(stream, door, peer, stop).await;
            }
            drop(slot);
        });
    }
}

/// What there is to see of a process that is held.
async fn look(held: Option<Result<HeldPeer, PeerError>>) -> Result<PeerProcess, PeerError> {
    let held = held.unwrap_or(Err(PeerError::NotLookedAt))?;
    // The file that it runs may be on a file system of its own, which answers when it likes.
    let seen = tokio::task::spawn_blocking(move || held.look()).await;
    seen.unwrap_or(Err(PeerError::NotLookedAt))
}

/// Accepts until `stop`; every connection is a task of its own, so that none can hold up another.
pub(crate) async fn accept(
    door: Arc<Door>,
    listener: UnixListener,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => door.open(stream, &stop, &tasks),
            Err(error) => {
                tracing::warn!(socket = door.name, %error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
