//! The gateway's figures: what is counted as calls come, and what is asked when somebody reads them.
//!
//! Actions and reasons are told, amounts and principals are not. How many series there are follows from gateway.toml
//! alone: whatever it does not offer shares one name.

mod page;
mod tally;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use mandate::{Sku, UnixSeconds};
use mandate_host::metrics::{Counts, Histogram};

use crate::settings::Action;
use tally::PLACES;

pub(crate) use tally::Tally;

/// The counts of each action on offer.
type ByAction = BTreeMap<Sku, Arc<Counts>>;

/// What is counted as calls come.
#[derive(Debug)]
pub(crate) struct Figures {
    started_at: UnixSeconds,
    actions: RwLock<Arc<ByAction>>,
    /// Calls of what is not on offer, and questions for receipts.
    unlisted: Arc<Counts>,
    granted: Arc<Histogram>,
    connections: Connections,
}

impl Figures {
    /// Nothing counted yet.
    pub(crate) fn new(actions: &[Action], started_at: UnixSeconds) -> Self {
        Self {
            started_at,
            actions: RwLock::new(Arc::new(by_action(actions, &ByAction::new()))),
            unlisted: Arc::new(Counts::new(PLACES)),
            granted: Arc::new(Histogram::of_durations()),
            connections: Connections::default(),
        }
    }

    /// Counts for what is on offer from now on. What stays on offer keeps its counts.
    pub(crate) fn offer(&self, actions: &[Action]) {
        let mut offered = self.actions.write().unwrap_or_else(PoisonError::into_inner);
        *offered = Arc::new(by_action(actions, &offered));
    }

    /// Counts one call from here on.
    pub(crate) fn tally(&self) -> Tally {
        Tally::new(Arc::clone(&self.unlisted), Arc::clone(&self.granted))
    }

    /// Where calls for an action are counted.
    pub(crate) fn of_action(&self, sku: &Sku) -> Arc<Counts> {
        Arc::clone(self.actions().get(sku).unwrap_or(&self.unlisted))
    }

    /// The count of open connections.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    fn actions(&self) -> Arc<ByAction> {
        Arc::clone(&self.actions.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn by_action(actions: &[Action], before: &ByAction) -> ByAction {
    let counts =
        |sku: &Sku| before.get(sku).cloned().unwrap_or_else(|| Arc::new(Counts::new(PLACES)));
    actions.iter().map(|action| (action.sku.clone(), counts(&action.sku))).collect()
}

/// How many connections are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections(Arc<AtomicU64>);

/// One open connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connected(Connections);

impl Connections {
    /// One more.
    pub(crate) fn open(&self) -> Connected {
        self.0.fetch_add(1, Ordering::Relaxed);
        Connected(self.clone())
    }

    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
