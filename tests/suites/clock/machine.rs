//! A machine's two clocks, to the millisecond.

use mandate::UnixSeconds;
use mandate::clock::{BootTime, ClockReading};

use crate::oracle::Shown;

const MS_PER_S: u64 = 1_000;
/// What a machine needs to start the wallet.
const STARTED_MS: u64 = 10_000;

#[derive(Debug, Clone, Copy)]
pub struct Machine {
    wall_ms: u64,
    boot: u64,
    elapsed_ms: u64,
}

impl Machine {
    pub fn at(wall_s: u64) -> Self {
        Self { wall_ms: wall_s * MS_PER_S, boot: 0xb007, elapsed_ms: 3_600_000 }
    }

    /// Time passes, and the wall clock runs fast by so many millionths of it.
    pub fn pass(&mut self, passed_ms: u64, fast_ppm: u64) {
        self.elapsed_ms += passed_ms;
        self.wall_ms += passed_ms + passed_ms * fast_ppm / 1_000_000;
    }

    /// Somebody sets the wall clock, which stays within its second.
    pub fn set(&mut self, wall_s: u64) {
        self.wall_ms = wall_s * MS_PER_S + self.wall_ms % MS_PER_S;
    }

    /// It starts again, with its wall clock at this second.
    pub fn reboot(&mut self, wall_s: u64) {
        self.set(wall_s);
        (self.boot, self.elapsed_ms) = (self.boot + 1, STARTED_MS);
    }

    pub fn wall_s(&self) -> u64 {
        self.wall_ms / MS_PER_S
    }

    pub fn shown(&self) -> Shown {
        Shown { wall_s: self.wall_s(), boot: self.boot, elapsed_ms: self.elapsed_ms }
    }

    pub fn reading(&self) -> ClockReading {
        let id = format!("{:x}", self.boot).parse().expect("hexadecimal");
        let wall = UnixSeconds::new(self.wall_s()).expect("a moment");
        ClockReading { wall, boot: BootTime { id, elapsed_ms: self.elapsed_ms } }
    }
}
