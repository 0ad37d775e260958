//! One file as the kernel tells of it: that it may have changed, and whether somebody is writing it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::route::{Route, route_to};
use super::unclosed::{Entry, Unclosed};
use crate::config::ConfigFileError;

/// How long the folders must be quiet before the file is read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(50);
/// How many times a restless folder may put the reading off.
const QUIET_WAITS_MAX: usize = 20;
/// How many times a reading is begun again because the file changed under it.
const READINGS_MAX: usize = 8;
/// Room for the events of one read, in bytes: the longest name of all fits (`NAME_MAX` in `inotify(7)`).
const EVENTS_BYTES: usize = 4096;

/// What of a folder is a change. Reading a file is none; a file that lost its name is nobody's.
const OF_A_FOLDER: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::ONLYDIR);
/// What of the file itself is a change, also when it is done under another name of it.
const OF_THE_FILE: WatchFlags =
    WatchFlags::ATTRIB.union(WatchFlags::CLOSE_WRITE).union(WatchFlags::MODIFY);

/// A file, and the folders on the way to it.
///
/// What changed is told by reading again, never by an event: a rename onto the file, a swapped symlink, and a file
/// deleted and made again are all the same. Only whether the file was closed is told by the events alone.
#[derive(Debug)]
pub struct Watched {
    file: PathBuf,
    changed: Notify,
    events: Option<AsyncFd<OwnedFd>>,
    known: Mutex<Known>,
}

/// What the events told so far.
#[derive(Debug, Default)]
struct Known {
    /// The folders on the way, by their watches.
    folders: BTreeMap<i32, PathBuf>,
    /// The watch of the file itself.
    file: Option<i32>,
    /// The file under its own name in its own folder.
    entry: Option<Entry>,
    unclosed: Unclosed,
    /// The file was written to, under whatever name, and not closed since.
    is_unclosed: bool,
    /// How often the file was written to, closed or replaced.
    changes: u64,
}

impl Watched {
    /// Starts to watch. Where the system cannot, the file is still read again at intervals.
    ///
    /// Begun before the first reading, it misses no change.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        let events = match events() {
            Ok(events) => Some(events),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "cannot watch the file; it is read again every minute");
                None
            }
        };
        let watched =
            Self { file: file.to_owned(), changed: Notify::new(), events, known: Mutex::default() };
        watched.follow();
        watched
    }

    /// The file, as it was named.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the file whole: never while somebody has written to it and not closed it. Blocks.
    ///
    /// # Errors
    ///
    /// [`ConfigFileError::BeingWritten`], and whatever `read` says.
    pub fn read<T, E: From<ConfigFileError>>(
        &self,
        read: impl Fn(&Path) -> Result<T, E>,
    ) -> Result<T, E> {
        for _ in 0..READINGS_MAX {
            // Before the reading: a change that comes after it must not be missed.
            self.follow();
            let before = self.unless_unclosed()?;
            let result = read(&self.file);
            if self.unless_unclosed()? == before {
                return result;
            }
        }
        Err(self.being_written().into())
    }

    /// Waits for a change, and then for quiet.
    ///
    /// Dropped in between, it has forgotten the change: whoever stops to wait reads the file.
    pub async fn changed(&self) {
        self.event().await;
        for _ in 0..QUIET_WAITS_MAX {
            if timeout(QUIET, self.event()).await.is_err() {
                return;
            }
        }
    }

    async fn event(&self) {
        loop {
            tokio::select! {
                () = self.changed.notified() => return,
                () = self.take_in_the_next() => {}
            }
        }
    }

    async fn take_in_the_next(&self) {
        let Some(events) = &self.events else { return std::future::pending().await };
        match events.readable().await {
            Ok(mut ready) => {
                self.take_in(&mut self.known());
                ready.clear_ready();
            }
            // The runtime is going down.
            Err(_) => std::future::pending().await,
        }
    }

    /// How often the file has changed up to this moment.
    fn unless_unclosed(&self) -> Result<u64, ConfigFileError> {
        let mut known = self.known();
        // The kernel queues the event before the write returns: what was written by now is told by now.
        self.take_in(&mut known);
        let is_unclosed = known.entry.as_ref().is_some_and(|entry| known.unclosed.contains(entry));
        if is_unclosed || known.is_unclosed {
            return Err(self.being_written());
        }
        Ok(known.changes)
    }

    fn being_written(&self) -> ConfigFileError {
        ConfigFileError::BeingWritten { path: self.file.clone() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in every event there is, and wakes who waits for one.
    fn take_in(&self, known: &mut Known) {
        let Some(events) = &self.events else { return };
        let mut room = [MaybeUninit::uninit(); EVENTS_BYTES];
        let mut reader = Reader::new(events.get_ref(), &mut room);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    known.note(event.wd(), name, event.events(), event.cookie());
                    self.changed.notify_one();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(error) => {
                    tracing::warn!(file = %self.file.display(), %error, "cannot read the events of the file");
                    known.lose_track();
                    return;
                }
            }
        }
    }

    /// Watches the folders that are on the way now, and the file at its end, and no others.
    fn follow(&self) {
        let Some(events) = &self.events else { return };
        let mut known = self.known();
        self.take_in(&mut known);
        let Route { folders, end } = route_to(&self.file);
        let mut wanted = BTreeMap::new();
        let mut entry = None;
        for folder in folders {
            // Watching again what is watched renews it, should the folder have been replaced.
            match inotify::add_watch(events.get_ref(), &folder, OF_A_FOLDER) {
                Ok(watch) => {
                    if end.parent() == Some(&folder) {
                        entry = end.file_name().map(|name| (watch, name.to_owned()));
                    }
                    wanted.insert(watch, folder);
                }
                Err(Errno::NOENT) => {}
                Err(error) => tracing::warn!(folder = %folder.display(), %error, "cannot watch"),
            }
        }
        let file = inotify::add_watch(events.get_ref(), &end, OF_THE_FILE).ok();
        for gone in known.replace(wanted, entry, file) {
            // What was removed is no longer watched anyway.
            if let Err(error) = inotify::remove_watch(events.get_ref(), gone) {
                tracing::debug!(file = %self.file.display(), %error, "was not watched");
            }
        }
    }
}

/// A queue of the kernel for events.
#[expect(
    deprecated,
    reason = "unsound only for a descriptor that can be closed while it is registered; this one is owned, and never \
              given away"
)]
fn events() -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?)
}

impl Known {
    /// Takes in one event.
    fn note(&mut self, watch: i32, name: Option<&OsStr>, events: ReadFlags, cookie: u32) {
        if events.contains(ReadFlags::QUEUE_OVERFLOW) {
            return self.lose_track();
        }
        let is_content = events.intersects(
            ReadFlags::MODIFY | ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_TO | ReadFlags::CREATE,
        );
        let is_of_the_file = if self.file == Some(watch) {
            if events.contains(ReadFlags::MODIFY) {
                self.is_unclosed = true;
            } else if events.contains(ReadFlags::CLOSE_WRITE) {
                self.is_unclosed = false;
            }
            true
        } else if let Some(name) = name {
            let entry = (watch, name.to_owned());
            let is_its_own = self.entry.as_ref() == Some(&entry);
            if !self.unclosed.note(entry, events, cookie) {
                self.lose_track();
            }
            is_its_own
        } else {
            false
        };
        if is_content && is_of_the_file {
            self.changes = self.changes.wrapping_add(1);
        }
    }

    /// Takes the file for open until it is closed or replaced: what became of it is not known.
    fn lose_track(&mut self) {
        self.changes = self.changes.wrapping_add(1);
        if let Some(entry) = self.entry.clone() {
            self.unclosed.suspect(entry);
        }
    }

    /// Puts other watches in the place of these; which are wanted no more.
    fn replace(
        &mut self,
        folders: BTreeMap<i32, PathBuf>,
        entry: Option<Entry>,
        file: Option<i32>,
    ) -> Vec<i32> {
        let gone = self.folders.keys().copied().filter(|watch| !folders.contains_key(watch));
        let mut gone: Vec<i32> = gone.collect();
        for watch in &gone {
            self.unclosed.forget(*watch);
        }
        if self.file != file {
            // Another file: what is known of it is known by its name alone.
            gone.extend(self.file.filter(|watch| !folders.contains_key(watch)));
            self.is_unclosed = false;
            self.changes = self.changes.wrapping_add(1);
        }
        (self.folders, self.entry, self.file) = (folders, entry, file);
        gone
    }
}
