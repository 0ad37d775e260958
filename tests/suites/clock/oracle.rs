//! Which reading of a clock is believed, from the words of the rule and by exact arithmetic.
//!
//! A reading is whole seconds of a wall clock that stands somewhere within that second. It is refused when, wherever
//! the two wall clocks stood, it is more than 5 s behind the last entry, or, in one boot, ahead of it by more than the
//! boot clock passed, a thousandth of that, and 5 s. It is believed as long as an honest clock can have shown it.

/// What a request reads from both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Seconds since the epoch.
    pub wall_s: u64,
    /// Which boot.
    pub boot: u64,
    /// Milliseconds since that boot.
    pub elapsed_ms: u64,
}

const TOLERANCE_US: i128 = 5_000_000;
const US_PER_S: i128 = 1_000_000;
/// A millisecond and a thousandth of it.
const MS_AND_DRIFT_US: i128 = 1_001;

/// The last entry that was believed.
#[derive(Debug, Default)]
pub struct Oracle {
    last: Option<Shown>,
}

impl Oracle {
    /// Whether something may be minted at this reading.
    pub fn believes(&self, now: Shown) -> bool {
        let Some(last) = self.last else { return true };
        let apart_us = (i128::from(now.wall_s) - i128::from(last.wall_s)) * US_PER_S;
        // Two whole seconds tell how far apart the clocks are to less than one second.
        let least_back_us = -apart_us - US_PER_S;
        if least_back_us >= TOLERANCE_US {
            return false;
        }
        let passed_ms = i128::from(now.elapsed_ms) - i128::from(last.elapsed_ms);
        let least_ahead_us = apart_us - US_PER_S;
        now.boot != last.boot || least_ahead_us < passed_ms * MS_AND_DRIFT_US + TOLERANCE_US
    }

    /// Something was written down: what is not believed measures nothing.
    pub fn wrote(&mut self, now: Shown) {
        if self.believes(now) {
            self.last = Some(now);
        }
    }

    /// The principal said that the clock is right.
    pub fn confirmed(&mut self, now: Shown) {
        self.last = Some(now);
    }

    /// The last entry that was believed.
    pub fn last(&self) -> Option<Shown> {
        self.last
    }
}
