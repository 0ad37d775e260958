//! A clock that a test sets.

use std::sync::{Arc, Mutex};

use mandate::UnixSeconds;
use mandate::clock::{BootTime, Clock, ClockReading};

/// Stands still until it is moved; wall clock and boot clock move together unless a test says otherwise.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<ClockReading>>);

impl TestClock {
    /// A clock at this many seconds since the epoch, one hour after its boot.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        let boot = BootTime { id: "b007".parse().expect("hexadecimal"), elapsed_ms: 3_600_000 };
        let wall = UnixSeconds::new(seconds).expect("a moment");
        Self(Arc::new(Mutex::new(ClockReading { wall, boot })))
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        self.read().wall
    }

    /// Time passes.
    pub fn pass(&self, seconds: u64) {
        let mut now = self.0.lock().expect("no panic while held");
        now.wall = now.wall.plus(seconds);
        now.boot.elapsed_ms += seconds * 1_000;
    }

    /// The wall clock is set; no time passes.
    pub fn set(&self, wall: UnixSeconds) {
        self.0.lock().expect("no panic while held").wall = wall;
    }

    /// Both clocks show this from now on.
    pub fn show(&self, reading: ClockReading) {
        *self.0.lock().expect("no panic while held") = reading;
    }

    /// The machine starts again.
    pub fn reboot(&self, boot_id: &str) {
        let mut now = self.0.lock().expect("no panic while held");
        now.boot = BootTime { id: boot_id.parse().expect("hexadecimal"), elapsed_ms: 10_000 };
    }
}

impl Clock for TestClock {
    fn read(&self) -> ClockReading {
        self.0.lock().expect("no panic while held").clone()
    }
}
