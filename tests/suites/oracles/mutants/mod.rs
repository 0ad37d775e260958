//! 100,000 mutants of what a journal shows to others: every one is refused, and what is at fault is named.
//!
//! Each is drawn from a seed that the test prints; `MANDATE_MUTANTS_SEED` repeats it. What nobody's signature or hash
//! covers is left alone: a signature may stand twice below a note.

mod notes;
mod paths;
mod text;
mod tiles;

use std::collections::BTreeMap;

use mandate_tests::random::Random;

use crate::log::Log;

/// How many are made and refused.
const MUTANTS: u64 = 100_000;
/// What the test runs with unless it is told otherwise.
const SEED: u64 = 20_261_126;

/// What was done to make a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    BitFlip,
    ByteDrop,
    LineDrop,
    LineDouble,
    LineSwap,
    Truncate,
    HashOrder,
    IndexOff,
    SizeOff,
    OtherLog,
    OtherPath,
    WrongKey,
}

/// What the mutants are made of: two logs of different owners.
pub struct Logs {
    own: Log,
    other: Log,
}

/// Sizes of the logs that mutants are drawn from.
const SIZES: [u64; 8] = [1, 2, 3, 7, 24, 64, 255, 300];

impl Logs {
    fn new() -> Self {
        Self {
            own: Log::new("mandate/wallet/ada", 1, 300),
            other: Log::new("mandate/gateway/lux-hotels", 2, 300),
        }
    }
}

/// Makes one mutant and has it judged; `None` if what was drawn is no mutant, because nothing changed.
type Family = fn(&Logs, &mut Random) -> Option<Sort>;

/// The families, and how many of a hundred mutants each makes.
const FAMILIES: [(&str, Family, u64); 5] = [
    ("checkpoints", notes::checkpoint, 35),
    ("proofs", notes::proof, 35),
    ("consistency", paths::consistency, 12),
    ("hash tiles", tiles::hashes, 10),
    ("bundles", tiles::bundle, 8),
];

fn drawn(random: &mut Random) -> (&'static str, Family) {
    let mut at = random.below(100);
    for (name, family, share) in FAMILIES {
        if at < share {
            return (name, family);
        }
        at -= share;
    }
    unreachable!("the shares add up to a hundred")
}

#[test]
fn a_hundred_thousand_mutants_are_refused_and_named() {
    let seed = std::env::var("MANDATE_MUTANTS_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    println!("MANDATE_MUTANTS_SEED={seed}");
    let mut random = Random::new(seed);
    let logs = Logs::new();
    let mut counts: BTreeMap<(&str, Sort), u64> = BTreeMap::new();
    let mut made = 0;
    while made < MUTANTS {
        let (name, family) = drawn(&mut random);
        if let Some(sort) = family(&logs, &mut random) {
            *counts.entry((name, sort)).or_default() += 1;
            made += 1;
        }
    }
    for ((name, sort), count) in &counts {
        println!("{name:>12} {:<10} {count:>6}", format!("{sort:?}"));
    }
    assert_eq!(counts.values().sum::<u64>(), MUTANTS);
    assert!(counts.values().all(|count| *count > 100), "each sort is tried often");
}
