//! What each uid has open: its connections and calls, and the account of its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::LOOKS_PER_UID_MAX;
use super::budget::Budget;

/// What one uid may take of what all share, by the rules in force when it last connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Open connections.
    pub(crate) connections: usize,
    /// Calls under way on one connection.
    pub(crate) streams: u32,
    /// Calls on all its connections until their answers are taken.
    pub(crate) calls: usize,
    /// Processor time of its connections in milliseconds a second: 1,000 is one processor.
    pub(crate) cpu_ms_per_s: u32,
}

/// Counts open connections by uid.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    open: Arc<Mutex<BTreeMap<u32, Open>>>,
}

/// What one uid has open.
#[derive(Debug, Clone)]
struct Open {
    connections: usize,
    /// The size of its room for calls.
    calls: usize,
    shared: Shared,
}

impl Open {
    fn new(share: &Share) -> Self {
        let shared = Shared {
            budget: Arc::new(Budget::new(share.cpu_ms_per_s)),
            calls: room_for(share.calls),
            looks: Arc::new(Semaphore::new(LOOKS_PER_UID_MAX)),
        };
        Self { connections: 0, calls: share.calls, shared }
    }

    /// A reload may have brought another share. Connections that are open keep their room for calls.
    fn follow(&mut self, share: &Share) {
        self.shared.budget.get(share.cpu_ms_per_s);
        if self.calls != share.calls {
            self.calls = share.calls;
            self.shared.calls = room_for(share.calls);
        }
    }
}

fn room_for(calls: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(calls.min(Semaphore::MAX_PERMITS)))
}

/// What all connections of one uid share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// The account of its time.
    pub(super) budget: Arc<Budget>,
    /// Room for calls until their answers are taken.
    pub(super) calls: Arc<Semaphore>,
    /// Room for looks at its processes.
    pub(super) looks: Arc<Semaphore>,
}

/// One open connection; gives its place back on drop.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    uid: u32,
    /// What it shares with the others of its uid.
    pub(super) shared: Shared,
}

impl Slots {
    /// Takes a place; `None` when the uid has as many as it may.
    pub(super) fn take(&self, uid: u32, share: &Share) -> Option<Slot> {
        let mut all = self.lock();
        // Who left and owes nothing is forgotten; who left in debt would begin anew without it.
        all.retain(|_, open| open.connections > 0 || !open.shared.budget.is_even());
        let open = all.entry(uid).or_insert_with(|| Open::new(share));
        open.follow(share);
        if open.connections >= share.connections {
            return None;
        }
        open.connections = open.connections.saturating_add(1);
        Some(Slot { slots: self.clone(), uid, shared: open.shared.clone() })
    }

    /// How many are taken, by all uids.
    pub(super) fn open(&self) -> u64 {
        let open =
            self.lock().values().fold(0, |sum: usize, open| sum.saturating_add(open.connections));
        u64::try_from(open).unwrap_or(u64::MAX)
    }

    // A panic elsewhere cannot leave a count half changed, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(open) = self.slots.lock().get_mut(&self.uid) {
            open.connections = open.connections.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share { connections: 2, streams: 1, calls: 1, cpu_ms_per_s: 1_000 };

    #[test]
    fn one_uid_cannot_take_the_places_of_another() {
        let slots = Slots::default();
        let first = slots.take(1, &SHARE).unwrap();
        let second = slots.take(1, &SHARE).unwrap();
        assert!(slots.take(1, &SHARE).is_none());
        let other = slots.take(2, &SHARE).unwrap();
        assert!(Arc::ptr_eq(&first.shared.budget, &second.shared.budget));
        assert!(!Arc::ptr_eq(&first.shared.budget, &other.shared.budget));
        assert_eq!(slots.open(), 3);
        drop(first);
        assert_eq!(slots.open(), 2);
        assert!(slots.take(1, &SHARE).is_some());
    }

    #[test]
    fn another_share_holds_from_the_next_connection_on() {
        let slots = Slots::default();
        let before = slots.take(1, &SHARE).unwrap();
        let more = Share { connections: 3, calls: 7, ..SHARE };
        let after = slots.take(1, &more).unwrap();
        assert!(Arc::ptr_eq(&before.shared.budget, &after.shared.budget), "one account");
        let rooms = [&before, &after].map(|slot| slot.shared.calls.available_permits());
        assert_eq!(rooms, [1, 7]);
        let again = slots.take(1, &more).unwrap();
        assert!(Arc::ptr_eq(&after.shared.calls, &again.shared.calls), "one room");
        assert!(slots.take(1, &SHARE).is_none(), "fewer connections than are open");
    }

    #[tokio::test(start_paused = true)]
    async fn a_uid_that_left_is_forgotten_once_it_owes_nothing() {
        let slots = Slots::default();
        drop(slots.take(1, &SHARE));
        let debtor = slots.take(2, &SHARE).unwrap();
        debtor.shared.budget.spend(std::time::Duration::from_secs(5));
        drop(debtor);
        let known = |slots: &Slots| slots.lock().keys().copied().collect::<Vec<_>>();
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        let _visitor = slots.take(3, &SHARE).unwrap();
        assert_eq!(known(&slots), [2, 3]);
        tokio::time::advance(std::time::Duration::from_secs(5)).await;
        let _again = slots.take(3, &SHARE).unwrap();
        assert_eq!(known(&slots), [3]);
    }
}
