//! The one place that reads the system's clocks.

use std::io;
use std::path::Path;

use mandate::UnixSeconds;
use mandate::clock::{BootId, BootIdError, BootTime, Clock, ClockReading};
use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;

const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";
const MS_PER_S: u64 = 1_000;
const NS_PER_MS: u64 = 1_000_000;

/// The system's wall clock and boot clock.
#[derive(Debug)]
pub struct SystemClock {
    boot: BootId,
}

/// The boot cannot be told from another one, so a step of the clock could not be noticed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClockError {
    /// What the kernel says is no boot id.
    #[error("{BOOT_ID_FILE} does not hold a boot id")]
    BootId(#[source] BootIdError),
    /// The kernel does not tell.
    #[error("cannot read {BOOT_ID_FILE}")]
    Io(#[source] io::Error),
}

impl SystemClock {
    /// Reads the boot id, once: it cannot change while the process lives.
    ///
    /// # Errors
    ///
    /// [`ClockError`] when the kernel does not tell it.
    pub fn new() -> Result<Self, ClockError> {
        let text = std::fs::read_to_string(Path::new(BOOT_ID_FILE)).map_err(ClockError::Io)?;
        Ok(Self { boot: text.trim_end().parse().map_err(ClockError::BootId)? })
    }
}

impl Clock for SystemClock {
    fn read(&self) -> ClockReading {
        let boot = clock_gettime(ClockId::Boottime);
        let elapsed_ms = u64::try_from(boot.tv_sec)
            .unwrap_or(0)
            .saturating_mul(MS_PER_S)
            .saturating_add(u64::try_from(boot.tv_nsec).unwrap_or(0) / NS_PER_MS);
        ClockReading { wall: wall_clock(), boot: BootTime { id: self.boot.clone(), elapsed_ms } }
    }
}

/// The system's wall clock.
///
/// A clock before 1970 or past 2^53 seconds reads as the nearest moment there is, which is refused when it is held
/// against an earlier reading.
#[must_use]
pub fn wall_clock() -> UnixSeconds {
    let seconds = u64::try_from(clock_gettime(ClockId::Realtime).tv_sec).unwrap_or(0);
    UnixSeconds::new(seconds).unwrap_or(UnixSeconds::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_are_believed_after_each_other() {
        let clock = SystemClock::new().unwrap();
        let first = clock.read();
        assert_eq!(clock.read().believe_after(&first), Ok(()));
        // 2020-09-13, long before this was written.
        assert!(first.wall.seconds() > 1_600_000_000);
    }
}
