//! Turns: what is done for one mandate is done one after the other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mandate::digest::DIGEST_BYTES;
use tokio::sync::OwnedMutexGuard;

type Lock = Arc<tokio::sync::Mutex<()>>;

/// The mandates that somebody is busy with.
#[derive(Debug, Default)]
pub(super) struct Turns {
    busy: Mutex<BTreeMap<[u8; DIGEST_BYTES], Lock>>,
}

/// The right to do something for one mandate; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Arc<Turns>,
    hash: [u8; DIGEST_BYTES],
    /// Taken out on drop, before the map is looked at.
    guard: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for the turn of a mandate, known by its hash. Who came first is first.
    pub(super) async fn take(self: &Arc<Self>, hash: [u8; DIGEST_BYTES]) -> Turn {
        let lock = Arc::clone(self.lock().entry(hash).or_default());
        // Should the wait be given up, the entry goes with the one who has the turn.
        let waiting = Turn { turns: Arc::clone(self), hash, guard: None };
        let guard = lock.lock_owned().await;
        let mut turn = waiting;
        turn.guard = Some(guard);
        turn
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<[u8; DIGEST_BYTES], Lock>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many mandates somebody is busy with.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.lock().len()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.guard.take());
        let mut busy = self.turns.lock();
        // Nobody but the map has it: whoever comes next makes a new one.
        if busy.get(&self.hash).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            busy.remove(&self.hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_nothing_is_left() {
        let turns = Arc::new(Turns::default());
        let first = turns.take([1; 32]).await;
        let other = turns.take([2; 32]).await;
        let given_up = tokio::time::timeout(std::time::Duration::ZERO, turns.take([1; 32])).await;
        assert!(given_up.is_err(), "the turn is taken");
        let waiting = tokio::spawn({
            let turns = Arc::clone(&turns);
            async move { turns.take([1; 32]).await }
        });
        drop(first);
        let second = waiting.await.unwrap();
        assert_eq!(turns.len(), 2);
        drop((second, other));
        assert_eq!(turns.len(), 0);
    }
}
