//! Named points in a commit where a test can wait or break it. Without hooks they cost one comparison each.

use std::fmt;
use std::sync::Arc;

/// What a hook makes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// As if the disk were full before the commit. After the commit it means [`Fault::Io`].
    DiskFull,
    /// As if an I/O error had come out of the commit.
    Io,
}

/// Runs on the writer thread and may wait there; `Some` breaks the commit.
pub type Hook = Arc<dyn Fn() -> Option<Fault> + Send + Sync>;

/// The hooks of one journal; none by default.
#[derive(Clone, Default)]
pub struct Hooks {
    /// After the work, before the commit: its fault is "error, not applied".
    pub before_commit: Option<Hook>,
    /// After the commit, before anyone is answered: its fault is "error, yet applied".
    pub after_commit: Option<Hook>,
}

impl Hooks {
    pub(super) fn run(hook: Option<&Hook>) -> Option<Fault> {
        hook.and_then(|hook| hook())
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("before_commit", &self.before_commit.is_some())
            .field("after_commit", &self.after_commit.is_some())
            .finish()
    }
}
