//! An own token whose entry is on disk: what may be signed.

use std::fmt;

use mandate::token::{Draft, IssueError, Kind};
use mandate::{Head, Mandate, Signer};

/// A cart or receipt that is written down, with the head right after its entry.
///
/// Only a committed entry makes one, so nothing is signed that is not on disk. Signing is deterministic: the same entry
/// gives the same bytes at any time.
pub struct Recorded<K: Kind> {
    pub(super) draft: Draft<K>,
    pub(super) head: Head,
}

impl<K: Kind> Recorded<K> {
    /// What it says.
    #[must_use]
    pub fn claims(&self) -> &K::Claims {
        self.draft.claims()
    }

    /// Signs it.
    ///
    /// # Errors
    ///
    /// [`IssueError`] if the key is not the one it was written for, or does not sign.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Mandate<K>, IssueError> {
        self.draft.issue(self.head, signer)
    }
}

impl<K: Kind> fmt::Debug for Recorded<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("claims", self.claims()).finish_non_exhaustive()
    }
}
