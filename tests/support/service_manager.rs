//! The service manager's end of `sd_notify(3)`: a real datagram socket that a daemon tells how it is.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Longest wait for a word; only a broken daemon takes so long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest word, in bytes.
const WORD_BYTES_MAX: usize = 4096;
/// The word of a daemon that lives.
const BEAT: &str = "WATCHDOG=1";

/// What a daemon tells.
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    path: PathBuf,
}

impl ServiceManager {
    /// Listens in a folder.
    ///
    /// # Panics
    ///
    /// If the system gives no socket.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        Self { socket, path }
    }

    /// Has a command tell how it is.
    pub fn hear(&self, command: &mut Command) {
        command.env("NOTIFY_SOCKET", &self.path);
    }

    /// Has a command tell how it is, and that it lives: twice in this time.
    pub fn watch(&self, command: &mut Command, patience: Duration) {
        self.hear(command);
        command.env("WATCHDOG_USEC", patience.as_micros().to_string());
    }

    /// The next word within a time, an assignment a line; `None` if there is none.
    ///
    /// # Panics
    ///
    /// If the system fails.
    #[must_use]
    pub fn next_within(&self, patience: Duration) -> Option<Vec<String>> {
        self.socket.set_read_timeout(Some(patience)).expect("a timeout");
        let mut word = [0; WORD_BYTES_MAX];
        let length = match self.socket.recv(&mut word) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            received => received.expect("a word"),
        };
        let word = word.get(..length).expect("the length of what was read");
        Some(str::from_utf8(word).expect("text").lines().map(str::to_owned).collect())
    }

    /// The next word.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn next(&self) -> Vec<String> {
        self.next_within(PATIENCE).expect("it says nothing")
    }

    /// Everything up to the word that says this, which is the last.
    ///
    /// # Panics
    ///
    /// If it is never said.
    #[must_use]
    pub fn until(&self, said: &str) -> Vec<Vec<String>> {
        let mut words = Vec::new();
        loop {
            let word = self.next();
            let is_last = word.iter().any(|line| line == said);
            words.push(word);
            if is_last {
                return words;
            }
        }
    }

    /// A reload, from its announcement to its end; what was told of the state meanwhile.
    ///
    /// # Panics
    ///
    /// If anything else is told, or nothing.
    #[must_use]
    pub fn reload(&self) -> Vec<String> {
        let words = self.until("READY=1");
        let first = words.first().expect("a word");
        assert_eq!(first.first().map(String::as_str), Some("RELOADING=1"), "{words:?}");
        let since = first.get(1).and_then(|line| line.strip_prefix("MONOTONIC_USEC="));
        let since: u64 = since.and_then(|digits| digits.parse().ok()).expect("a moment");
        assert!(since > 0, "the clock has not begun");
        let status = |word: Vec<String>| word.into_iter().find(|line| line.starts_with("STATUS="));
        words.into_iter().filter_map(status).collect()
    }

    /// Waits for this many words that the daemon lives.
    ///
    /// # Panics
    ///
    /// If they do not come.
    pub fn beats(&self, count: usize) {
        let words = std::iter::repeat_with(|| self.next());
        assert_eq!(words.filter(|word| word == &[BEAT]).take(count).count(), count);
    }
}
