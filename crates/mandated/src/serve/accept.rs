//! The accept loop of one socket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mandate_host::peer::{HeldPeer, PeerError, PeerProcess};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use super::budget::Charged;
use super::slots::{Share, Slots};
use super::{FIRST_REQUEST_TIMEOUT, Peer, STRANGERS, connection, stranger};
use crate::lines::Lines;

/// How long to wait when the system has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether a uid may call, by the rules in force.
type Admits = Box<dyn Fn(u32) -> bool + Send + Sync>;
/// Whether a process of such a uid may call, by the rules in force.
type Fits = Box<dyn Fn(&Peer) -> bool + Send + Sync>;
/// What each uid may take, by the rules in force.
type Shares = Box<dyn Fn() -> Share + Send + Sync>;
/// Called when somebody who may not call did so: who, and the path of the call.
type Turned = Box<dyn Fn(&Peer, &str) + Send + Sync>;

/// One socket's side: what it serves, and to whom.
pub(crate) struct Door {
    name: &'static str,
    routes: Routes,
    admits: Admits,
    /// `None` where the uid says it all, and nobody looks at the process.
    fits: Option<Fits>,
    share: Shares,
    pub(super) turned_away: Turned,
    known: Slots,
    strangers: Slots,
    /// Lines about peers that have too much open.
    full: Lines,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Door {
    /// Makes a door for whoever has one of these uids.
    pub(crate) fn new(
        (name, known): (&'static str, Slots),
        routes: Routes,
        admits: impl Fn(u32) -> bool + Send + Sync + 'static,
        share: impl Fn() -> Share + Send + Sync + 'static,
        turned_away: impl Fn(&Peer, &str) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            routes: routes.prepare(),
            admits: Box::new(admits),
            fits: None,
            share: Box::new(share),
            turned_away: Box::new(turned_away),
            known,
            strangers: Slots::default(),
            full: Lines::new(),
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
        let share = (self.share)();
        let slot = if admitted {
            self.known.take(uid, &share)
        } else {
            self.strangers.take(u32::MAX, &STRANGERS)
        };
        let Some(slot) = slot else {
            if let Some(left_out) = self.full.next() {
                let socket = self.name;
                tracing::warn!(socket, uid, left_out, "too many open connections of one uid");
            }
            return;
        };
        // Held before anything else is done, so that no other process gets its id meanwhile.
        let held = self.fits.as_ref().filter(|_| admitted).map(|_| HeldPeer::of(&stream));
        let (door, stop) = (Arc::clone(self), stop.clone());
        let budget = Arc::clone(&slot.shared.budget);
        let visit = async move {
            let Some(process) = look(held, &slot.shared.looks).await else { return };
            let peer = Peer { uid, process: Arc::new(process) };
            if admitted && door.fits.as_ref().is_none_or(|fits| fits(&peer)) {
                let (routes, streams) = (door.routes.clone(), share.streams);
                connection::serve(stream, routes, peer, streams, &slot.shared, stop).await;
            } else {
                stranger::turn_away(stream, door, peer, &slot.shared.budget, stop).await;
            }
            drop(slot);
        };
        tasks.spawn(Charged::new(visit, budget));
    }
}

/// What there is to see of a process that is held; `None` when that takes too long.
async fn look(
    held: Option<Result<HeldPeer, PeerError>>,
    looks: &Arc<Semaphore>,
) -> Option<Result<PeerProcess, PeerError>> {
    let held = match held.unwrap_or(Err(PeerError::NotLookedAt)) {
        Ok(held) => held,
        Err(error) => return Some(Err(error)),
    };
    let look = async {
        // The semaphore is never closed.
        let room = Arc::clone(looks).acquire_owned().await.ok()?;
        // The file that it runs may be on a file system of its own, which answers when it likes. Its thread is lost
        // meanwhile, so the room for it is given back by the thread alone.
        let seen = tokio::task::spawn_blocking(move || {
            let seen = held.look();
            drop(room);
            seen
        });
        seen.await.ok()
    };
    tokio::time::timeout(FIRST_REQUEST_TIMEOUT, look).await.ok().flatten()
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
