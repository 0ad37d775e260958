//! What runs a scenario in many orders, and the harness of the other suites that it needs.

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};
use tempfile::TempDir;

#[path = "../../support/clock.rs"]
mod clock;
#[path = "../../support/invariants.rs"]
pub mod invariants;
#[path = "../../support/merchant.rs"]
mod merchant;
#[path = "../../support/parties.rs"]
pub mod parties;
#[path = "../../support/random.rs"]
pub mod random;
#[path = "../../support/rounds.rs"]
mod rounds;
#[path = "../../support/tally.rs"]
pub mod tally;
#[path = "../../support/wallet.rs"]
pub mod wallet;

/// The merchants of the harness.
pub mod home {
    /// Sells rooms.
    pub const LUX: &str = "lux-hotels";
    /// Sells flights.
    pub const RIVAL: &str = "rival-air";
}

pub use clock::TestClock;
pub use merchant::Merchant;

/// What the schedules are chosen by; each run prints it.
const SEED: &str = "MANDATE_SCHEDULES_SEED";
/// Schedules of each scenario in a normal run, and in a long one.
const SCHEDULES: u64 = 200;
const SCHEDULES_LONG: u64 = 100_000;
/// Turns at which a priority changes: the races of so many steps are found with a known probability.
const PRIORITY_CHANGES: usize = 3;
/// Room for SQLite under a scenario, in bytes.
const STACK_BYTES: usize = 1 << 20;

/// Runs a scenario in as many orders as asked: half of them at random, half by priorities that change a few times.
///
/// # Panics
///
/// If the scenario does in one of them; the schedule is printed, and so is the seed.
pub fn explore(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    let seed = random::Random::seed(SEED);
    let schedules = usize::try_from(rounds::rounds(SCHEDULES, SCHEDULES_LONG)).expect("a count");
    let name = std::thread::current().name().unwrap_or("scenario").to_owned();
    println!("{name}: {schedules} schedules, {SEED}={seed}");
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    let (random, by_priority) = (schedules - schedules / 2, schedules / 2);
    let scheduler = RandomScheduler::new_from_seed(seed, random);
    Runner::new(scheduler, config.clone()).run(scenario.clone());
    let scheduler = PctScheduler::new_from_seed(seed, PRIORITY_CHANGES, by_priority);
    Runner::new(scheduler, config).run(scenario);
}

/// A folder in memory where there is one: orders are tried here, and no disk.
///
/// # Panics
///
/// If none can be made.
#[must_use]
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_absent| tempfile::tempdir()).expect("a folder")
}

/// What the harness takes while it opens a ledger. Nothing is forked here, so no child can hold a lock of this process.
pub(crate) struct Alone;

impl Drop for Alone {
    // The harness drops it by hand, as the lock that it is elsewhere.
    fn drop(&mut self) {}
}

pub(crate) fn alone() -> Alone {
    Alone
}
