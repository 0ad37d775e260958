//! How many connections each uid has open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts open connections by uid, up to a limit each.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    open: Arc<Mutex<BTreeMap<u32, usize>>>,
    max: usize,
}

/// One open connection; gives its place back on drop.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Slots,
    uid: u32,
}

impl Slots {
    pub(super) fn new(max: usize) -> Self {
        Self { open: Arc::default(), max }
    }

    /// Takes a place; `None` when the uid has as many as it may.
    pub(super) fn take(&self, uid: u32) -> Option<Slot> {
        let mut open = self.lock();
        let count = open.entry(uid).or_insert(0);
        if *count >= self.max {
            return None;
        }
        *count = count.saturating_add(1);
        Some(Slot { slots: self.clone(), uid })
    }

    // A panic elsewhere cannot leave a count half changed, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.slots.lock();
        let left = open.get(&self.uid).map_or(0, |count| count.saturating_sub(1));
        // Uids that left are forgotten: the map is never larger than the connections that are open.
        if left == 0 {
            open.remove(&self.uid);
        } else {
            open.insert(self.uid, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_uid_cannot_take_the_places_of_another() {
        let slots = Slots::new(2);
        let first = slots.take(1).unwrap();
        let _second = slots.take(1).unwrap();
        assert!(slots.take(1).is_none());
        assert!(slots.take(2).is_some());
        drop(first);
        assert!(slots.take(1).is_some());
    }

    #[test]
    fn a_uid_that_left_is_forgotten() {
        let slots = Slots::new(1);
        drop(slots.take(1));
        assert!(slots.lock().is_empty());
    }
}
