//! What may happen in a sequence, and how often.

use mandate_tests::random::Random;

use crate::moments::{boundary, is_known, length_s};
use crate::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The wall clock is set forward or back by any length.
    Move(u64),
    /// It is set next to a moment that the calendar makes special.
    Boundary(u64),
    /// It is set next to the first second that is not believed any more.
    Edge(u64),
    /// Time passes, and the wall clock runs fast by some millionths.
    Pass {
        passed_ms: u64,
        fast_ppm: u64,
    },
    Restart,
    /// The machine starts again, with its wall clock there.
    Reboot(u64),
    Confirm,
    /// An agent buys something for so many cents.
    Buy(u64),
    /// The merchant answers a payment.
    Receipt {
        payment: usize,
        executed: bool,
    },
    /// Other caps come into force.
    Reload(usize),
}

/// The names of the kinds, in the order of [`Step::kind`].
pub const KINDS: [&str; 10] = [
    "moves",
    "boundaries",
    "edges",
    "waits",
    "restarts",
    "reboots",
    "confirmations",
    "purchases",
    "receipts",
    "reloads",
];

impl Step {
    pub fn kind(self) -> usize {
        match self {
            Self::Move(_) => 0,
            Self::Boundary(_) => 1,
            Self::Edge(_) => 2,
            Self::Pass { .. } => 3,
            Self::Restart => 4,
            Self::Reboot(_) => 5,
            Self::Confirm => 6,
            Self::Buy(_) => 7,
            Self::Receipt { .. } => 8,
            Self::Reload(_) => 9,
        }
    }

    /// What happens next; never anything that the naive calendar does not reach.
    pub fn choose(random: &mut Random, world: &World) -> Self {
        loop {
            let step = Self::propose(random, world);
            let reached_s = match step {
                Self::Move(wall_s)
                | Self::Boundary(wall_s)
                | Self::Edge(wall_s)
                | Self::Reboot(wall_s) => wall_s,
                Self::Pass { passed_ms, .. } => world.machine.wall_s() + passed_ms.div_ceil(990),
                _ => return step,
            };
            if is_known(reached_s) {
                return step;
            }
        }
    }

    fn propose(random: &mut Random, world: &World) -> Self {
        let now = world.machine.wall_s();
        // A clock that nobody believes soon comes right, or there would be little to see.
        if world.is_bent() && random.below(3) == 0 {
            return if random.below(2) == 0 {
                Self::Confirm
            } else {
                Self::Edge(edge(random, world))
            };
        }
        match random.below(20) {
            0 => Self::Move(moved(random, now)),
            1 => Self::Boundary(boundary(random, &world.zone, now)),
            2 | 3 => Self::Edge(edge(random, world)),
            4..=6 => wait(random, world),
            7 => Self::Restart,
            8 => Self::Reboot(rebooted(random, world)),
            9 => Self::Confirm,
            10 | 11 => Self::receipt(random, world),
            12 => Self::Reload(usize::try_from(random.below(4)).expect("a few")),
            _ => Self::Buy(100 + random.below(5_000)),
        }
    }

    /// An answer to a payment that has none yet.
    fn receipt(random: &mut Random, world: &World) -> Self {
        let open = world.open();
        if open.is_empty() {
            return Self::Buy(4_000);
        }
        Self::Receipt { payment: *random.one_of(&open), executed: random.below(2) == 0 }
    }
}

fn moved(random: &mut Random, now: u64) -> u64 {
    let by_s = length_s(random);
    if random.below(2) == 0 { now + by_s } else { now - by_s }
}

/// One of the last seconds that are believed after the last entry, or of the first that are not.
fn edge(random: &mut Random, world: &World) -> u64 {
    let now = world.machine.shown();
    let Some(last) = world.oracle.last() else { return now.wall_s };
    let passed_ms = if now.boot == last.boot { now.elapsed_ms - last.elapsed_ms } else { 0 };
    let latest = last.wall_s + (passed_ms * 1_001) / 1_000_000;
    match random.below(3) {
        0 => last.wall_s - 4 - random.below(4),
        1 => latest + 4 + random.below(4),
        _ => last.wall_s + passed_ms / 1_000,
    }
}

/// Time passes: some length of it, or until just beside a moment; sometimes with a clock that drifts.
fn wait(random: &mut Random, world: &World) -> Step {
    let now = world.machine.wall_s();
    let mut passed_s = length_s(random) >> random.below(8);
    if random.below(2) == 0 {
        passed_s = boundary(random, &world.zone, now).saturating_sub(now).min(400 * 86_400);
    }
    let fast_ppm = *random.one_of(&[0, 0, 900, 1_000, 1_001, 1_100]);
    Step::Pass { passed_ms: passed_s * 1_000 + random.below(1_000), fast_ppm }
}

/// The machine was off for a minute; or its clock lost its battery, or was set meanwhile.
fn rebooted(random: &mut Random, world: &World) -> u64 {
    let now = world.machine.wall_s();
    match random.below(4) {
        0 => now + 60,
        1 => edge(random, world),
        2 => boundary(random, &world.zone, now),
        _ => moved(random, now),
    }
}
