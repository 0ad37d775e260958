//! What stands against every use, signature and call, whoever asks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::terms::Terms;
use crate::refusal::Refusal;

/// Whether the journal is believed, whether the key is locked away, which settings decide, and whether they are on disk.
#[derive(Debug)]
pub(super) struct Standing {
    distrusted: OnceLock<String>,
    locked: RwLock<Option<Locked>>,
    unwritten: AtomicBool,
    terms: Terms,
}

/// Why the key is locked away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Locked {
    /// The operator wanted it so.
    ByOperator,
    /// The gateway found this.
    ByItself { reason: Arc<str> },
}

impl Locked {
    /// As its entry tells it.
    pub(super) fn new(reason: Option<&str>) -> Self {
        reason.map_or(Self::ByOperator, |reason| Self::ByItself { reason: reason.into() })
    }

    /// For the operator: what is so, and what to do about it before an unlock.
    pub(super) fn problem(&self) -> String {
        match self {
            Self::ByOperator => Refusal::Locked.to_string(),
            Self::ByItself { reason } => format!(
                "the gateway locked itself, because its journal failed the check: {reason}; look at it with `mandate-gateway audit verify`, and put a backup in its place if that fails"
            ),
        }
    }
}

impl Standing {
    pub(super) fn new(locked: Option<Locked>) -> Self {
        let (distrusted, unwritten) = (OnceLock::new(), AtomicBool::new(false));
        Self { distrusted, locked: RwLock::new(locked), unwritten, terms: Terms::default() }
    }

    /// The settings that uses are held against.
    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What was read back is not what was written: for good.
    pub(super) fn distrust(&self, problem: String) {
        self.distrusted.get_or_init(|| problem);
    }

    pub(super) fn distrusted(&self) -> Option<&str> {
        self.distrusted.get().map(String::as_str)
    }

    /// Locks the key away; the first lock of several is the one that counts.
    pub(super) fn lock(&self, locked: Locked) {
        // A panic elsewhere cannot leave this half changed, so a poisoned lock is still good.
        self.locked.write().unwrap_or_else(PoisonError::into_inner).get_or_insert(locked);
    }

    pub(super) fn unlock(&self) {
        *self.locked.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn locked(&self) -> Option<Locked> {
        self.locked.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_locked(&self) -> bool {
        self.locked.read().unwrap_or_else(PoisonError::into_inner).is_some()
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
