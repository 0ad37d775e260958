//! Notices that a configuration file may have changed, and has it read whole.
//!
//! Never has a file read that somebody has written to and not closed: half of a file may be a good one that allows
//! more.

mod route;
mod unclosed;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::supervisor::Supervisor;

pub use watched::Watched;

/// The file is read again this often whatever the events say: a folder may be replaced, or not be watchable.
const REREAD_INTERVAL: Duration = Duration::from_secs(60);

/// Calls `reload` whenever the file may have changed, on SIGHUP, and every minute, until `stop`.
///
/// It is for `reload` to read through [`Watched::read`]. A reload that is under way is not cut short. The service
/// manager is told of each that something asked for.
pub async fn on_change(
    watched: Arc<Watched>,
    supervisor: Supervisor,
    stop: CancellationToken,
    mut reload: impl AsyncFnMut(),
) {
    let mut hangup = signal(SignalKind::hangup()).ok();
    loop {
        let is_asked_for = tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = received(&mut hangup) => true,
            () = watched.changed() => true,
            () = tokio::time::sleep(REREAD_INTERVAL) => false,
        };
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Write as _};
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::config::ConfigFileError;

    /// A watched file.
    fn watched(text: &str) -> (TempDir, PathBuf, Watched) {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("daemon.toml");
        fs::write(&file, text).unwrap();
        let watched = Watched::new(&file);
        (dir, file, watched)
    }

    /// What a reading gives; `None` while the file is being written.
    fn read(watched: &Watched) -> Option<String> {
        let text = |path: &std::path::Path| {
            let io = |source: io::Error| ConfigFileError::Io { path: path.to_owned(), source };
            fs::read_to_string(path).map_err(io)
        };
        match watched.read(text) {
            Ok(text) => Some(text),
            Err(ConfigFileError::BeingWritten { .. }) => None,
            Err(error) => panic!("{error}"),
        }
    }

    #[tokio::test]
    async fn a_change_is_told_until_the_stop() {
        let (_dir, file, watched) = watched("1");
        fs::write(&file, "2").unwrap();
        let watched = Arc::new(watched);
        let stop = CancellationToken::new();
        let mut texts = Vec::new();
        let reload = async || {
            texts.push(read(&watched).unwrap());
            match texts.len() {
                1 => fs::write(&file, "3").unwrap(),
                _ => stop.cancel(),
            }
        };
        on_change(Arc::clone(&watched), Supervisor::default(), stop.clone(), reload).await;
        assert_eq!(texts, ["2", "3"]);
    }

    #[tokio::test]
    async fn reading_is_no_change_and_each_way_of_writing_is() {
        let (dir, file, watched) = watched("1");
        fs::write(&file, "2").unwrap();
        watched.changed().await;
        fs::write(dir.path().join("new"), "3").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        watched.changed().await;
        fs::remove_file(&file).unwrap();
        watched.changed().await;
        symlink("elsewhere", &file).unwrap();
        watched.changed().await;
        fs::remove_file(&file).unwrap();
        fs::write(&file, "4").unwrap();
        watched.changed().await;
        assert_eq!(read(&watched).unwrap(), "4");
        let quiet = tokio::time::timeout(Duration::from_millis(1), watched.changed());
        assert!(quiet.await.is_err());
    }

    #[tokio::test]
    async fn a_file_is_read_once_its_writer_has_closed_it() {
        let (dir, file, watched) = watched("old");
        let mut writer = File::create(&file).unwrap();
        assert_eq!(read(&watched), None, "emptied");
        writer.write_all(b"ne").unwrap();
        assert_eq!(read(&watched), None);
        drop(writer);
        assert_eq!(read(&watched).unwrap(), "ne");

        // Under another name of the same file, in a folder that nobody watches.
        let elsewhere = TempDir::new_in(dir.path()).unwrap();
        fs::hard_link(&file, elsewhere.path().join("link")).unwrap();
        assert_eq!(read(&watched).unwrap(), "ne");
        let mut writer =
            OpenOptions::new().append(true).open(elsewhere.path().join("link")).unwrap();
        writer.write_all(b"w").unwrap();
        assert_eq!(read(&watched), None);
        drop(writer);
        assert_eq!(read(&watched).unwrap(), "new");

        // A new file that takes the name before it is whole.
        let mut writer = File::create(dir.path().join("next")).unwrap();
        writer.write_all(b"ne").unwrap();
        assert_eq!(read(&watched).unwrap(), "new", "not this file");
        fs::rename(dir.path().join("next"), &file).unwrap();
        assert_eq!(read(&watched), None);
        writer.write_all(b"xt").unwrap();
        drop(writer);
        assert_eq!(read(&watched).unwrap(), "next");

        // Whoever writes to a file that lost its name is nobody.
        let mut writer = OpenOptions::new().append(true).open(&file).unwrap();
        writer.write_all(b"!").unwrap();
        fs::write(dir.path().join("other"), "other").unwrap();
        fs::rename(dir.path().join("other"), &file).unwrap();
        writer.write_all(b"!").unwrap();
        assert_eq!(read(&watched).unwrap(), "other");
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_is_read_again() {
        let (_dir, file, watched) = watched("old");
        let texts = std::cell::RefCell::new(Vec::new());
        let text = |path: &std::path::Path| {
            let text = fs::read_to_string(path).unwrap();
            let is_first = texts.borrow().is_empty();
            texts.borrow_mut().push(text.clone());
            if is_first {
                fs::write(&file, "new").unwrap();
            }
            Ok::<_, ConfigFileError>(text)
        };
        assert_eq!(watched.read(text).unwrap(), "new");
        assert_eq!(*texts.borrow(), ["old", "new"]);
    }

    #[tokio::test]
    async fn a_file_that_never_stands_still_is_refused() {
        let (_dir, file, watched) = watched("old");
        let text = |_: &std::path::Path| {
            fs::write(&file, "new").unwrap();
            Ok(())
        };
        let refused = watched.read::<_, ConfigFileError>(text);
        assert!(matches!(refused, Err(ConfigFileError::BeingWritten { .. })), "{refused:?}");
    }
}
