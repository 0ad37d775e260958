//! Notices that a file may have changed.
//!
//! Watches folders, not the file: a rename onto the file, a swapped symlink, and a file deleted and made again are
//! all events of the folder. What changed is told by reading again, never by the event.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::supervisor::Supervisor;

/// How long the folders must be quiet before the file is read: editors write in several steps.
const QUIET: Duration = Duration::from_millis(50);
/// How many times a restless folder may put the reading off.
const QUIET_WAITS_MAX: usize = 20;
/// The file is read again this often whatever the events say: a folder may be replaced, or not be watchable.
const REREAD_INTERVAL: Duration = Duration::from_secs(60);
/// Most symlinks on the way to the file, as the kernel has it (`ELOOP` in `path_resolution(7)`).
const SYMLINKS_MAX: usize = 40;

/// Calls `reload` whenever the file may have changed, on SIGHUP, and every minute, until `stop`.
///
/// A reload that is under way is not cut short. The service manager is told of each that something asked for.
pub async fn on_change(
    mut folders: Folders,
    supervisor: Supervisor,
    stop: CancellationToken,
    mut reload: impl AsyncFnMut(),
) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        let is_asked_for = tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = received(&mut hangup) => true,
            () = folders.changed() => true,
            () = tokio::time::sleep(REREAD_INTERVAL) => false,
        };
        // Before the reading: a change that comes after it must not be missed.
        folders.follow();
        if is_asked_for {
            supervisor.reloading();
        }
        reload().await;
        if is_asked_for {
            supervisor.ready();
        }
    }
}

/// The next SIGHUP, which asks for a reload by custom; never, if it cannot be awaited.
async fn received(hangup: &mut Option<Signal>) -> Option<()> {
    match hangup {
        Some(hangup) => hangup.recv().await,
        None => std::future::pending().await,
    }
}

/// The folders on the way to one file.
#[derive(Debug)]
pub struct Folders {
    file: PathBuf,
    changed: Arc<Notify>,
    watched: BTreeSet<PathBuf>,
    watcher: Option<RecommendedWatcher>,
}

impl Folders {
    /// Starts to watch. Where the system cannot, the file is still read again at intervals.
    #[must_use]
    pub fn of(file: &Path) -> Self {
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.map_or(true, |event| tells_a_change(event.kind)) {
                notify.notify_one();
            }
        });
        let watcher = match watcher {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "cannot watch the file; it is read again every minute");
                None
            }
        };
        let mut folders =
            Self { file: file.to_owned(), changed, watched: BTreeSet::new(), watcher };
        folders.follow();
        folders
    }

    /// Watches the folders that are on the way now, and no others.
    pub fn follow(&mut self) {
        let Some(watcher) = self.watcher.as_mut() else { return };
        let wanted = folders_of(&self.file);
        for gone in self.watched.difference(&wanted) {
            // A folder that was removed is no longer watched anyway.
            if let Err(error) = watcher.unwatch(gone) {
                tracing::debug!(folder = %gone.display(), %error, "was not watched");
            }
        }
        let mut current = BTreeSet::new();
        for folder in wanted {
            // Watching again what is watched renews it, should the folder have been replaced.
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    current.insert(folder);
                }
                Err(error) => tracing::warn!(folder = %folder.display(), %error, "cannot watch"),
            }
        }
        self.watched = current;
    }

    /// Waits for a change, and then for quiet.
    ///
    /// Dropped in between, it has forgotten the change: whoever stops to wait reads the file.
    pub async fn changed(&self) {
        self.changed.notified().await;
        for _ in 0..QUIET_WAITS_MAX {
            if timeout(QUIET, self.changed.notified()).await.is_err() {
                return;
            }
        }
    }
}

/// Reading the file is an event, too, and must not lead to reading it again.
fn tells_a_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// The folder of the file, of each symlink on the way, and of what they lead to.
///
/// Source: `path_resolution(7)`.
fn folders_of(file: &Path) -> BTreeSet<PathBuf> {
    let mut folders: BTreeSet<PathBuf> = file.parent().map(Path::to_owned).into_iter().collect();
    let mut resolved = PathBuf::new();
    let mut rest = components(file);
    let mut symlinks = 0;
    while let Some(next) = rest.pop() {
        match next {
            Step::Root => resolved = PathBuf::from("/"),
            Step::Up => {
                resolved.pop();
            }
            Step::Down(name) => {
                let path = resolved.join(name);
                match std::fs::read_link(&path) {
                    Ok(target) if symlinks < SYMLINKS_MAX => {
                        symlinks = symlinks.saturating_add(1);
                        folders.insert(resolved.clone());
                        rest.extend(components(&target));
                    }
                    // No symlink, or nothing there: the name stands for itself.
                    _ => resolved = path,
                }
            }
        }
    }
    folders.extend(resolved.parent().map(Path::to_owned));
    folders
}

enum Step {
    Down(OsString),
    Root,
    Up,
}

/// The steps of a path, the last one first.
fn components(path: &Path) -> Vec<Step> {
    let steps = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(Step::Down(name.to_owned())),
        Component::ParentDir => Some(Step::Up),
        Component::RootDir => Some(Step::Root),
        Component::CurDir | Component::Prefix(_) => None,
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// A folder whose own path holds no symlink.
    fn base() -> (TempDir, PathBuf) {
        let dir = TempDir::new().unwrap();
        let path = dir.path().canonicalize().unwrap();
        (dir, path)
    }

    #[test]
    fn every_folder_where_a_link_could_be_swapped_is_watched() {
        let (_dir, base) = base();
        for folder in ["config", "config/v1", "links"] {
            fs::create_dir(base.join(folder)).unwrap();
        }
        fs::write(base.join("config/v1/wallet.toml"), "").unwrap();
        symlink("v1", base.join("config/current")).unwrap();
        symlink("../config/current/wallet.toml", base.join("links/wallet.toml")).unwrap();
        let wanted = ["links", "config", "config/v1"].map(|folder| base.join(folder));
        assert_eq!(folders_of(&base.join("links/wallet.toml")), BTreeSet::from(wanted));
    }

    #[test]
    fn a_loop_of_links_ends() {
        let (_dir, base) = base();
        symlink("b", base.join("a")).unwrap();
        symlink("a", base.join("b")).unwrap();
        assert_eq!(folders_of(&base.join("a")), BTreeSet::from([base]));
    }

    #[tokio::test]
    async fn a_change_is_told_until_the_stop() {
        let (_dir, base) = base();
        let file = base.join("daemon.toml");
        fs::write(&file, "1").unwrap();
        let folders = Folders::of(&file);
        fs::write(&file, "2").unwrap();
        let stop = CancellationToken::new();
        let mut texts = Vec::new();
        let reload = async || {
            texts.push(fs::read_to_string(&file).unwrap());
            match texts.len() {
                1 => fs::write(&file, "3").unwrap(),
                _ => stop.cancel(),
            }
        };
        on_change(folders, Supervisor::default(), stop.clone(), reload).await;
        assert_eq!(texts, ["2", "3"]);
    }

    #[tokio::test]
    async fn reading_is_no_change_and_each_way_of_writing_is() {
        let (_dir, base) = base();
        let file = base.join("wallet.toml");
        fs::write(&file, "1").unwrap();
        let folders = Folders::of(&file);

        fs::write(&file, "2").unwrap();
        folders.changed().await;
        fs::write(base.join("new"), "3").unwrap();
        fs::rename(base.join("new"), &file).unwrap();
        folders.changed().await;
        fs::remove_file(&file).unwrap();
        folders.changed().await;
        symlink("elsewhere", &file).unwrap();
        folders.changed().await;

        // The read's own events come before that of the write, and only the write is told.
        fs::remove_file(&file).unwrap();
        fs::write(&file, "4").unwrap();
        folders.changed().await;
        assert_eq!(fs::read(&file).unwrap(), b"4");
        assert!(!tells_a_change(EventKind::Access(AccessKind::Open(AccessMode::Any))));
    }
}
