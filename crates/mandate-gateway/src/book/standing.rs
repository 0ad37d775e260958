//! What stands against every use, signature and call, whoever asks.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::refusal::Refusal;

/// Whether the journal is believed, and whether the key is locked away.
#[derive(Debug)]
pub(super) struct Standing {
    distrusted: OnceLock<String>,
    locked: AtomicBool,
}

impl Standing {
    pub(super) fn new(is_locked: bool) -> Self {
        Self { distrusted: OnceLock::new(), locked: AtomicBool::new(is_locked) }
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

    pub(super) fn usable(&self) -> Result<(), Refusal> {
        if self.is_locked() {
            return Err(Refusal::Locked);
        }
        if self.distrusted().is_some() { Err(Refusal::JournalUnsafe) } else { Ok(()) }
    }
}
