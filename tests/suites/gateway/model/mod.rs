//! The merchant's rules the slow way: a few lines each, over flat lists. It knows nothing of the gateway's code.

mod calls;
mod facts;
mod judge;

use std::collections::VecDeque;

use mandate_tests::gateway::Reaction;

pub use facts::*;

const TOLERANCE_S: u64 = 5;

/// What came of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Commit {
    /// Whoever waits for it is told that it is on disk.
    told: bool,
    applied: bool,
}

/// A merchant and what was done with it.
#[derive(Debug, Clone)]
pub struct World {
    pub now: Reading,
    pub mark: Reading,
    pub intents: Vec<Intent>,
    pub carts: Vec<Cart>,
    pub payments: Vec<Payment>,
    pub uses: Vec<Use>,
    /// Refusals of each principal that were written down since the gateway started.
    pub refusals: [u32; PAYERS],
    /// The commit that will break: so many before it do not.
    pub broken: Option<(u32, How)>,
    /// The writer has stopped.
    pub stopped: bool,
    /// How the next calls that reach the API go.
    pub reactions: VecDeque<Reaction>,
    /// What the calls of the last step were answered, in order.
    pub answers: Vec<Told>,
}

impl World {
    pub fn new(wall: u64) -> Self {
        let now = Reading { wall, boot: 0, elapsed: 3_600 };
        Self {
            now,
            // The settings were written down.
            mark: now,
            intents: Vec::new(),
            carts: Vec::new(),
            payments: Vec::new(),
            uses: Vec::new(),
            refusals: [0; PAYERS],
            broken: None,
            stopped: false,
            reactions: VecDeque::new(),
            answers: Vec::new(),
        }
    }

    /// Whether the clock is not believed.
    pub fn bent(&self) -> bool {
        let passed = self.now.elapsed.saturating_sub(self.mark.elapsed);
        let latest = self.mark.wall + passed + passed.div_ceil(1_000) + TOLERANCE_S;
        let ahead = self.now.boot == self.mark.boot && self.now.wall > latest;
        self.now.wall + TOLERANCE_S < self.mark.wall || ahead
    }

    /// Something was written: what is believed becomes the measure.
    fn wrote(&mut self) {
        if !self.bent() {
            self.mark = self.now;
        }
    }

    fn commit(&mut self) -> Commit {
        if self.stopped {
            return Commit { told: false, applied: false };
        }
        let Some((after, how)) = self.broken else { return Commit { told: true, applied: true } };
        if after > 0 {
            self.broken = Some((after - 1, how));
            return Commit { told: true, applied: true };
        }
        self.broken = None;
        self.stopped = how != How::Full;
        Commit { told: false, applied: how == How::YetApplied }
    }

    /// A refusal of a mandate that verified is written down.
    fn refuse(&mut self, payer: usize, told: Told) -> Told {
        self.refusals[payer] += 1;
        if self.commit().applied {
            self.wrote();
        }
        told
    }

    /// The gateway starts again.
    pub fn restart(&mut self) {
        self.stopped = false;
        self.refusals = [0; PAYERS];
    }

    fn use_of(&self, mandate: Mandate) -> Option<usize> {
        self.uses.iter().position(|used| used.mandate == mandate)
    }

    pub fn use_of_intent(&self, intent: usize) -> Option<usize> {
        self.uses.iter().position(|used| used.intent == intent)
    }

    /// The answer about another use that stands in the way.
    fn used(&mut self, payer: usize, other: usize) -> Told {
        if self.uses[other].state == State::Reserved {
            return no(409, "in_progress");
        }
        self.refuse(payer, Told { receipt: Some(other), ..no(409, "already_used") })
    }

    /// Says for good what became of a use; whether that is on disk, as far as anyone is told.
    fn settle(&mut self, used: usize, state: State, order: Option<String>) -> bool {
        let Commit { told, applied } = self.commit();
        if applied && self.uses[used].state == State::Reserved {
            self.uses[used].state = state;
            self.uses[used].order = order;
            self.wrote();
        }
        told
    }

    /// The operator says what became of a use.
    pub fn resolve(&mut self, used: usize, executed: bool) {
        let state = if executed { State::Executed } else { State::Void };
        let told =
            if self.settle(used, state, None) { yes(200, Some(used)) } else { unavailable() };
        self.answers.push(told);
    }

    /// The operator says that the clock is right.
    pub fn confirm(&mut self) {
        let Commit { told, applied } = self.commit();
        if applied {
            self.mark = self.now;
        }
        self.answers.push(if told { yes(200, None) } else { unavailable() });
    }
}
