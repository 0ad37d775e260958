//! The accept loop of one socket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
/// How many streams a connection may have at a time, by the rules in force.
type Streams = Box<dyn Fn() -> u32 + Send + Sync>;
/// Called when a uid that may not call did so: the uid and the path of its call.
type Turned = Box<dyn Fn(u32, &str) + Send + Sync>;

/// One socket's side: what it serves, and to whom.
pub(crate) struct Door {
    name: &'static str,
    routes: Routes,
    admits: Admits,
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
    /// Makes a door.
    pub(crate) fn new(
        name: &'static str,
        routes: Routes,
        admits: impl Fn(u32) -> bool + Send + Sync + 'static,
        streams: impl Fn() -> u32 + Send + Sync + 'static,
        turned_away: impl Fn(u32, &str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            routes: routes.prepare(),
            admits: Box::new(admits),
            streams: Box::new(streams),
            turned_away: Box::new(turned_away),
            known: Slots::new(CONNECTIONS_PER_UID_MAX),
            strangers: Slots::new(STRANGERS_MAX),
        }
    }

    fn open(self: &Arc<Self>, stream: UnixStream, stop: &CancellationToken, tasks: &TaskTracker) {
        let uid = match stream.peer_cred() {
            Ok(credentials) => credentials.uid(),
            Err(error) => {
                tracing::warn!(socket = self.name, %error, "a peer without credentials was cut off");
                return;
            }
        };
        if (self.admits)(uid) {
            let Some(slot) = self.known.take(uid) else {
                tracing::warn!(socket = self.name, uid, "too many open connections of one uid");
                return;
            };
            let (routes, streams, stop) = (self.routes.clone(), (self.streams)(), stop.clone());
            tasks.spawn(async move {
                connection::serve(stream, routes, Peer { uid }, streams, stop).await;
                drop(slot);
            });
        // All strangers share one count, so that many uids cannot add up.
        } else if let Some(slot) = self.strangers.take(u32::MAX) {
            let (door, stop) = (Arc::clone(self), stop.clone());
            tasks.spawn(async move {
                stranger::turn_away(stream, door, Peer { uid }, stop).await;
                drop(slot);
            });
        }
    }
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
