//! Connections under a uid of their own.

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::sync::mpsc;

use rustix::process::geteuid;
use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};
use tokio::net::UnixStream;
use tokio::sync::oneshot;

/// The uid of clients that are not the test's own.
pub const OTHER_UID: u32 = 61_001;

/// One connection that is wanted, and who waits for it.
type Wanted = (PathBuf, oneshot::Sender<io::Result<StdUnixStream>>);

/// Connects from a thread of its own, whose credentials the kernel keeps apart from those of other threads.
#[derive(Debug, Clone)]
pub struct Caller {
    wanted: mpsc::Sender<Wanted>,
}

impl Caller {
    /// A caller with [`OTHER_UID`]; only root has another uid to give. `None` for everybody else.
    #[must_use]
    pub fn other() -> Option<Self> {
        geteuid().is_root().then(|| Self::start(Some(OTHER_UID)))
    }

    /// A caller with the uid of this process.
    #[must_use]
    pub fn own() -> Self {
        Self::start(None)
    }

    fn start(uid: Option<u32>) -> Self {
        let (wanted, wants) = mpsc::channel::<Wanted>();
        std::thread::spawn(move || {
            if let Some(uid) = uid {
                become_other(uid);
            }
            for (path, told) in wants {
                // Who asked may have stopped.
                told.send(StdUnixStream::connect(path)).unwrap_or_default();
            }
        });
        Self { wanted }
    }

    /// A new connection.
    ///
    /// # Errors
    ///
    /// What the system says.
    ///
    /// # Panics
    ///
    /// If the thread is gone.
    pub async fn connect(&self, path: PathBuf) -> io::Result<UnixStream> {
        let (told, tells) = oneshot::channel();
        self.wanted.send((path, told)).expect("the caller's thread");
        let stream = tells.await.expect("an answer")?;
        stream.set_nonblocking(true)?;
        UnixStream::from_std(stream)
    }
}

/// Drops root for this thread alone.
fn become_other(uid: u32) {
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    set_thread_groups(&[]).expect("no groups");
    set_thread_res_gid(group, group, group).expect("another group");
    set_thread_res_uid(user, user, user).expect("another user");
}
