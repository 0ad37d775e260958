//! What stands against every use, signature and call, whoever asks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::refusal::Refusal;

/// Whether the journal is believed, whether the key is locked away, and whether the settings that decide are on disk.
#[derive(Debug)]
pub(super) struct Standing {
    distrusted: OnceLock<String>,
    locked: AtomicBool,
    unwritten: AtomicBool,
}

impl Standing {
    pub(super) fn new(is_locked: bool) -> Self {
        let (distrusted, unwritten) = (OnceLock::new(), AtomicBool::new(false));
        Self { distrusted, locked: AtomicBool::new(is_locked), unwritten }
    }

    /// What was read back is not what was written: for good.
    pub(super) fn distrust(&self, problem: String) {
        self.distrusted.get_or_init(|| problem);
    }

    pub(super) fn distrusted(&self) -> Option<&str> {
        self.distrusted.get().map(String::as_str)
    }

    pub(super) fn set_locked(&self, is_locked: bool) {
        self.locked.store(is_locked, Ordering::SeqCst);
    }

    pub(super) fn is_locked(&self) -> bool {
        self.locked.load(Ordering::SeqCst)
    }

    /// Says whether the settings that decide have no entry yet.
    pub(super) fn set_unwritten(&self, is_unwritten: bool) {
        self.unwritten.store(is_unwritten, Ordering::SeqCst);
    }

    pub(super) fn is_unwritten(&self) -> bool {
        self.unwritten.load(Ordering::SeqCst)
    }

    pub(super) fn usable(&self) -> Result<(), Refusal> {
        if self.is_locked() {
            return Err(Refusal::Locked);
        }
        if self.distrusted().is_some() {
            return Err(Refusal::JournalUnsafe);
        }
        if self.is_unwritten() { Err(Refusal::JournalUnavailable) } else { Ok(()) }
    }
}
