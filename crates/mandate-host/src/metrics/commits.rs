//! How long a journal's commits take, and how many entries share one.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::histogram::Histogram;
use super::page::Page;

/// The commits of one journal. One thread commits, so its lock is waited for by nobody.
#[derive(Debug)]
pub struct Commits {
    begun: Mutex<Option<Instant>>,
    seconds: Histogram,
    entries: Histogram,
}

impl Default for Commits {
    fn default() -> Self {
        let (seconds, entries) = (Histogram::of_durations(), Histogram::of_numbers());
        Self { begun: Mutex::default(), seconds, entries }
    }
}

impl Commits {
    /// A commit begins. One that failed is forgotten with the next.
    pub fn begin(&self) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// The commit that began is on disk, with this many entries.
    pub fn end(&self, entries: u64) {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(begun) = begun {
            self.seconds.took(begun.elapsed());
            self.entries.add(entries);
        }
    }

    /// Puts them on a page.
    pub fn show(&self, page: &mut Page) {
        let help = "How long the disk took for a commit that added entries";
        page.histograms("commit_seconds", help, [(Vec::new(), self.seconds.measured())]);
        let help = "How many entries a commit added";
        page.histograms("commit_entries", help, [(Vec::new(), self.entries.measured())]);
    }
}
