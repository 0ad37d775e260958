//! Which files somebody has written to and not closed since.

use std::collections::BTreeSet;
use std::ffi::OsString;

use rustix::fs::inotify::ReadFlags;

/// Most files of the watched folders that are known to be open at once.
const UNCLOSED_MAX: usize = 1024;

/// A file as the kernel tells of it: the watch of its folder, and its name in there.
pub(super) type Entry = (i32, OsString);

/// The files that were written to and not closed since.
///
/// The kernel does not say who has a file open, only what is done to it. So the first of two writers to close stands
/// for both, and what was written before the watch began is not known.
#[derive(Debug, Default)]
pub(super) struct Unclosed {
    entries: BTreeSet<Entry>,
    /// One that is on its way from one name to another, by the cookie that both events carry.
    moving: Option<u32>,
}

impl Unclosed {
    /// Takes in what was done to a file of a watched folder; whether it is still known what is open.
    #[must_use]
    pub(super) fn note(&mut self, entry: Entry, events: ReadFlags, cookie: u32) -> bool {
        if events.contains(ReadFlags::MODIFY) {
            self.entries.insert(entry);
        } else if events.contains(ReadFlags::MOVED_FROM) {
            self.moving = self.entries.remove(&entry).then_some(cookie);
        } else if events.contains(ReadFlags::MOVED_TO) {
            // Whoever has it open has it open under its new name, and what had that name is gone.
            if self.moving.take() == Some(cookie) {
                self.entries.insert(entry);
            } else {
                self.entries.remove(&entry);
            }
        } else if events.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::DELETE) {
            self.entries.remove(&entry);
        }
        let is_known = self.entries.len() <= UNCLOSED_MAX;
        if !is_known {
            self.entries.clear();
        }
        is_known
    }

    /// Whether this one was written to and not closed since.
    pub(super) fn contains(&self, entry: &Entry) -> bool {
        self.entries.contains(entry)
    }

    /// Takes a file for open: what became of it is not known.
    pub(super) fn suspect(&mut self, entry: Entry) {
        self.entries.insert(entry);
    }

    /// Forgets the files of a folder that is no longer watched.
    pub(super) fn forget(&mut self, watch: i32) {
        self.entries.retain(|(of, _)| *of != watch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Entry {
        (1, name.into())
    }

    #[test]
    fn a_file_is_open_from_the_first_write_to_the_close_whatever_it_is_called() {
        let mut unclosed = Unclosed::default();
        assert!(unclosed.note(entry("new"), ReadFlags::CREATE, 0));
        assert!(!unclosed.contains(&entry("new")), "a new link to a file is no writer");
        assert!(unclosed.note(entry("new"), ReadFlags::MODIFY, 0));
        assert!(unclosed.note(entry("new"), ReadFlags::MOVED_FROM, 7));
        assert!(unclosed.note(entry("file"), ReadFlags::MOVED_TO, 7));
        assert!(unclosed.contains(&entry("file")) && !unclosed.contains(&entry("new")));
        assert!(unclosed.note(entry("file"), ReadFlags::CLOSE_WRITE, 0));
        assert!(!unclosed.contains(&entry("file")));
        for end in [ReadFlags::DELETE, ReadFlags::MOVED_TO] {
            assert!(unclosed.note(entry("file"), ReadFlags::MODIFY, 0));
            assert!(unclosed.note(entry("file"), end, 8));
            assert!(!unclosed.contains(&entry("file")), "another file has the name");
        }
    }

    #[test]
    fn no_more_files_are_remembered_than_the_limit() {
        let mut unclosed = Unclosed::default();
        for number in 0..UNCLOSED_MAX {
            assert!(unclosed.note(entry(&number.to_string()), ReadFlags::MODIFY, 0));
        }
        assert!(!unclosed.note(entry("one more"), ReadFlags::MODIFY, 0));
        assert!(!unclosed.contains(&entry("one more")));
    }
}
