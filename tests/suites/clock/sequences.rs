//! Sequences of clock steps, each on a ledger of its own in memory, each repeated by its seed.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use mandate_tests::parties::Parties;
use mandate_tests::random::Random;
use mandate_tests::rounds;
use mandate_tests::wallet::Wallet;
use tempfile::TempDir;

use crate::moments::{self, ZONES};
use crate::steps::{KINDS, Step};
use crate::world::{Counts, World, open};

const SEED: &str = "MANDATE_CLOCK_SEED";
/// A folder in memory: a sequence is about time, and a disk would only take some.
const MEMORY: &str = "/dev/shm";
const WORKERS: u64 = 2;
/// 2026-01-01T00:00:00Z, before every sequence.
const LEDGER_MADE_AT: u64 = 1_767_225_600;

#[derive(Debug, Default)]
struct Sums {
    steps: [u64; KINDS.len()],
    counts: Counts,
}

impl Sums {
    fn add(&mut self, other: &Self) {
        for (sum, more) in self.steps.iter_mut().zip(other.steps) {
            *sum += more;
        }
        let Counts { minted, untrusted, over_cap, recovered } = other.counts;
        self.counts.minted += minted;
        self.counts.untrusted += untrusted;
        self.counts.over_cap += over_cap;
        self.counts.recovered += recovered;
    }
}

/// Tells how to repeat a sequence that failed.
struct Repeated {
    seed: u64,
    steps: Vec<Step>,
}

impl Drop for Repeated {
    fn drop(&mut self) {
        if thread::panicking() {
            let Self { seed, steps } = self;
            eprintln!("{SEED}={seed} MANDATE_ROUNDS=1 repeats it; its steps: {steps:?}");
        }
    }
}

fn folder() -> TempDir {
    let memory = Path::new(MEMORY);
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.expect("a temporary folder")
}

/// A ledger as it was made, to begin each sequence from.
fn copy(from: &Path) -> TempDir {
    let to = folder();
    for file in fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), to.path().join(file.file_name())).expect("a copy");
    }
    to
}

async fn sequence(seed: u64, made: &Path, parties: &Arc<Parties>, sums: &mut Sums) {
    let mut random = Random::new(seed);
    let folder = copy(made);
    let zone = *random.one_of(&ZONES);
    let caps = usize::try_from(random.below(4)).expect("a few");
    let start = if random.below(2) == 0 {
        moments::any(&mut random)
    } else {
        let near = moments::any(&mut random);
        moments::boundary(&mut random, &zone, near)
    };
    let start = if moments::is_known(start) { start } else { moments::any(&mut random) };
    let mut world = World::new(zone, start, caps, open(folder.path(), parties, zone, caps));
    let mut repeated = Repeated { seed, steps: Vec::new() };
    for _ in 0..5 + random.below(11) {
        let step = Step::choose(&mut random, &world);
        repeated.steps.push(step);
        sums.steps[step.kind()] += 1;
        let mut choice = || usize::try_from(random.below(6)).expect("a few");
        world.apply(step, choice(), choice()).await;
    }
    let counts = world.finish().await;
    sums.add(&Sums { counts, ..Sums::default() });
}

/// A share of the sequences, one after the other.
fn work(seeds: impl Iterator<Item = u64>, made: &Path, parties: &Arc<Parties>) -> Sums {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut sums = Sums::default();
    for seed in seeds {
        runtime.block_on(sequence(seed, made, parties, &mut sums));
    }
    sums
}

#[test]
fn no_bent_clock_frees_anything_or_passes_a_cap() {
    let (seed, rounds) = (Random::seed(SEED), rounds(400, 100_000));
    println!("{SEED}={seed}, {rounds} sequences");
    let (parties, made) = (Arc::new(Parties::new([12; 32])), folder());
    Wallet::create(made.path(), &parties, LEDGER_MADE_AT);
    let started = Instant::now();
    let mut sums = Sums::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| {
                let share = (worker..rounds).step_by(usize::try_from(WORKERS).expect("a few"));
                let seeds = share.map(|at| seed.wrapping_add(at));
                let (made, parties) = (made.path(), &parties);
                scope.spawn(move || work(seeds, made, parties))
            })
            .collect();
        for worker in workers {
            sums.add(&worker.join().expect("no sequence fails"));
        }
    });
    let steps: Vec<_> =
        KINDS.iter().zip(sums.steps).map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("{}; {:?}; {:?}", steps.join(", "), sums.counts, started.elapsed());
    if rounds >= 400 {
        let Counts { minted, untrusted, over_cap, recovered } = sums.counts;
        let all = [minted, untrusted, over_cap, recovered];
        assert!(all.iter().all(|count| *count > rounds / 20), "too little was seen: {all:?}");
    }
}
