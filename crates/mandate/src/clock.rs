//! Time that cannot be bent: each reading is held against the last one the ledger believed.
//!
//! A wall clock may step; the boot clock (`CLOCK_BOOTTIME`) may not. Within one boot the two must agree.

use std::fmt;
use std::str::FromStr;

use crate::UnixSeconds;
use thiserror::Error;

/// How far the wall clock may be from where it should be, in seconds.
pub const CLOCK_TOLERANCE_S: u64 = 5;

/// How far two honest clocks may drift apart: one part in a thousand of the time that passed.
const DRIFT_DIVISOR: u64 = 1_000;

const MS_PER_S: u64 = 1_000;

/// Longest boot id, in bytes: a UUID with its dashes.
pub const BOOT_ID_BYTES_MAX: usize = 36;

/// Where time comes from. A request reads it once.
pub trait Clock: Send + Sync {
    /// The wall clock and the boot clock, read together.
    fn read(&self) -> ClockReading;
}

/// One reading of both clocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReading {
    /// The wall clock, whole seconds.
    pub wall: UnixSeconds,
    /// The boot clock.
    pub boot: BootTime,
}

/// Time since the machine started, suspended time included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootTime {
    /// Which boot.
    pub id: BootId,
    /// `CLOCK_BOOTTIME`, milliseconds.
    pub elapsed_ms: u64,
}

/// The kernel's name for one boot of one machine (`/proc/sys/kernel/random/boot_id`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootId(Box<str>);

/// The text is not a boot id.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("a boot id has 1 to {BOOT_ID_BYTES_MAX} characters of 0-9, a-f and `-`")]
pub struct BootIdError;

impl FromStr for BootId {
    type Err = BootIdError;

    fn from_str(text: &str) -> Result<Self, BootIdError> {
        let known = |c: char| c.is_ascii_digit() || matches!(c, 'a'..='f' | '-');
        if text.is_empty() || text.len() > BOOT_ID_BYTES_MAX || !text.chars().all(known) {
            return Err(BootIdError);
        }
        Ok(Self(text.into()))
    }
}

impl BootId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why the wall clock is not believed.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum ClockFault {
    /// It ran ahead of the boot clock.
    #[error("the clock is {by_s} s ahead of where it should be")]
    Ahead {
        /// Seconds past the latest moment that would be believed without tolerance.
        by_s: u64,
    },
    /// It is earlier than what was already written.
    #[error("the clock is {by_s} s behind the last entry")]
    Behind {
        /// Seconds before the last believed moment.
        by_s: u64,
    },
}

impl ClockReading {
    /// Holds this reading against the last believed one.
    ///
    /// # Errors
    ///
    /// [`ClockFault::Behind`] when it is more than [`CLOCK_TOLERANCE_S`] earlier; [`ClockFault::Ahead`] when, in
    /// the same boot, more wall time passed than boot time, 0.1 % and the tolerance. Across a reboot a forward
    /// step is believed: there is nothing to hold it against.
    pub fn believe_after(&self, last: &Self) -> Result<(), ClockFault> {
        let behind_s = last.wall.since(self.wall);
        if behind_s > CLOCK_TOLERANCE_S {
            return Err(ClockFault::Behind { by_s: behind_s });
        }
        if self.boot.id != last.boot.id {
            return Ok(());
        }
        let elapsed_ms = self.boot.elapsed_ms.saturating_sub(last.boot.elapsed_ms);
        let drift_ms = elapsed_ms.div_ceil(DRIFT_DIVISOR);
        let latest = last.wall.plus(elapsed_ms.saturating_add(drift_ms).div_ceil(MS_PER_S));
        let ahead_s = self.wall.since(latest);
        if ahead_s > CLOCK_TOLERANCE_S {
            return Err(ClockFault::Ahead { by_s: ahead_s });
        }
        Ok(())
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(wall: u64, boot: &str, elapsed_ms: u64) -> ClockReading {
        ClockReading {
            wall: UnixSeconds::new(wall).unwrap(),
            boot: BootTime { id: boot.parse().unwrap(), elapsed_ms },
        }
    }

    #[test]
    fn a_step_back_is_not_believed_in_any_boot() {
        let last = reading(1_000, "a", 50_000);
        assert_eq!(reading(995, "a", 50_000).believe_after(&last), Ok(()));
        let fault = Err(ClockFault::Behind { by_s: 6 });
        assert_eq!(reading(994, "a", 50_000).believe_after(&last), fault);
        assert_eq!(reading(994, "b", 0).believe_after(&last), fault);
    }

    #[test]
    fn a_step_forward_is_not_believed_within_one_boot() {
        let last = reading(1_000, "a", 50_000);
        // 1,000 s passed, one more may be drift, and five are tolerated.
        assert_eq!(reading(2_006, "a", 1_050_000).believe_after(&last), Ok(()));
        let fault = Err(ClockFault::Ahead { by_s: 6 });
        assert_eq!(reading(2_007, "a", 1_050_000).believe_after(&last), fault);
        assert_eq!(reading(900_000, "b", 0).believe_after(&last), Ok(()));
    }

    /// Boot time passed, in milliseconds; the most wall time that is believed for it, in seconds.
    #[test]
    fn the_wall_clock_may_run_ahead_by_a_thousandth_and_five_seconds() {
        let table = [
            (0, 5),
            (1, 6),
            (999, 6),
            (1_000, 7),
            (60_000, 66),
            (1_000_000, 1_006),
            (86_400_000, 86_492),
            (2_592_000_000, 2_594_597),
        ];
        let last = reading(1_000, "a", 50_000);
        for (passed_ms, most_s) in table {
            let at = |wall_s: u64| reading(1_000 + wall_s, "a", 50_000 + passed_ms);
            assert_eq!(at(most_s).believe_after(&last), Ok(()), "{passed_ms} ms");
            let fault = Err(ClockFault::Ahead { by_s: 6 });
            assert_eq!(at(most_s + 1).believe_after(&last), fault, "{passed_ms} ms");
            // It may also stand still.
            assert_eq!(at(0).believe_after(&last), Ok(()), "{passed_ms} ms");
        }
        // A boot clock that went back measures nothing.
        let fault = Err(ClockFault::Ahead { by_s: 6 });
        assert_eq!(reading(1_006, "a", 0).believe_after(&last), fault);
        assert_eq!(reading(1_005, "a", 0).believe_after(&last), Ok(()));
    }
}
