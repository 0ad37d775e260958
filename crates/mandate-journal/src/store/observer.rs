//! Who is told of each commit. Without one it costs a comparison.

use std::fmt;
use std::sync::Arc;

/// A moment of a commit that adds entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The disk is about to be written; everything else is done.
    Committing,
    /// It is on disk.
    Committed {
        /// How many entries it added, at least one.
        entries: u64,
    },
}

/// Whoever is told of each commit that adds entries, on the writer's thread: it must be quick and must not wait.
///
/// The journal reads no clock; how long a commit takes is for whoever is told to say.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<dyn Fn(Moment) + Send + Sync>>);

impl Observer {
    /// Has `told` called at each moment.
    #[must_use]
    pub fn new(told: impl Fn(Moment) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(super) fn tell(&self, moment: Moment) {
        if let Self(Some(told)) = self {
            told(moment);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
