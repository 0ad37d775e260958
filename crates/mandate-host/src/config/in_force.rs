//! Which file a process obeys, and what was refused since.

use std::sync::Arc;

use mandate::UnixSeconds;
use tokio::sync::watch;

/// The file that a process obeys, known by its digest `D`.
///
/// The last good one stays in force until another one is.
#[derive(Debug)]
pub struct InForce<D> {
    standing: watch::Sender<Standing<D>>,
}

/// What is in force, and what was refused since.
#[derive(Debug, Clone)]
pub struct Standing<D> {
    /// The digest of what is in force.
    pub digest: D,
    /// Since when it is.
    pub loaded_at: UnixSeconds,
    /// When the newest file was last read.
    pub read_at: UnixSeconds,
    /// The uid that owns the file.
    pub owner: u32,
    /// Why the newest file is not in force; `None` when it is.
    pub problem: Option<Arc<str>>,
}

impl<D: Clone> InForce<D> {
    /// Starts from a file that was loaded.
    #[must_use]
    pub fn new(digest: D, owner: u32, now: UnixSeconds) -> Self {
        let standing = Standing { digest, loaded_at: now, read_at: now, owner, problem: None };
        Self { standing: watch::Sender::new(standing) }
    }

    /// Everything known now.
    #[must_use]
    pub fn standing(&self) -> Standing<D> {
        self.standing.borrow().clone()
    }

    /// Why the newest file is not in force.
    #[must_use]
    pub fn problem(&self) -> Option<Arc<str>> {
        self.standing.borrow().problem.clone()
    }

    /// Notes that another file is in force.
    pub fn accepted(&self, digest: D, owner: u32, now: UnixSeconds) {
        let standing = Standing { digest, loaded_at: now, read_at: now, owner, problem: None };
        self.standing.send_replace(standing);
    }

    /// Notes that the file in force is the newest one again.
    pub fn settled(&self, owner: u32, now: UnixSeconds) {
        self.standing.send_modify(|standing| {
            standing.owner = owner;
            standing.read_at = now;
            standing.problem = None;
        });
    }

    /// Notes that the newest file was refused; whether that is news.
    #[must_use]
    pub fn refused(&self, problem: &str, now: UnixSeconds) -> bool {
        self.standing.send_if_modified(|standing| {
            standing.read_at = now;
            let news = standing.problem.as_deref() != Some(problem);
            if news {
                standing.problem = Some(problem.into());
            }
            news
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: u32 = 1_000;

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds).unwrap()
    }

    #[test]
    fn a_refusal_is_news_once_and_leaves_in_force_what_was() {
        let in_force = InForce::new('a', OWNER, at(1));
        assert!(in_force.refused("bad", at(2)));
        assert!(!in_force.refused("bad", at(3)));
        assert!(in_force.refused("worse", at(4)));
        let Standing { digest, loaded_at, read_at, owner, problem } = in_force.standing();
        assert_eq!((digest, loaded_at, read_at, owner), ('a', at(1), at(4), OWNER));
        assert_eq!(problem.as_deref(), Some("worse"));
    }

    #[test]
    fn a_file_that_comes_back_was_in_force_all_along() {
        let in_force = InForce::new('a', OWNER, at(1));
        assert!(in_force.refused("bad", at(2)));
        in_force.settled(0, at(3));
        let Standing { digest, loaded_at, read_at, owner, problem } = in_force.standing();
        assert_eq!((digest, loaded_at, read_at, owner, problem), ('a', at(1), at(3), 0, None));
        assert!(in_force.refused("bad", at(4)));
        in_force.accepted('b', OWNER, at(5));
        let Standing { digest, loaded_at, read_at, owner, problem } = in_force.standing();
        assert_eq!((digest, loaded_at, read_at, owner, problem), ('b', at(5), at(5), OWNER, None));
    }
}
