//! A sync that fails, a write that fails, a disk that is full; and the power goes later.

use mandate_tests::random::Random;
use mandate_tests::rounds;

use crate::check::Said;
use crate::cuts::{fault, seed};
use crate::shim::{Story, Syncs};
use crate::trace::Record;

/// Runs of each kind in a normal run, and in a long one.
const RUNS: u64 = 12;
const RUNS_LONG: u64 = 2_000;
/// Turns of a child's life.
const TURNS: u64 = 40;
/// Syncs and writes of such a life, about: a fault is given to one of them.
const SYNCS: u64 = 110;
const WRITES: u64 = 500;
/// How many writes find the disk full.
const FULL_MAX: u64 = 40;

/// Plays a story to a moment after its fault, cuts the power, and checks what is left; whether there was a fault.
fn play(story: &Story, random: &mut Random) -> Result<bool, String> {
    let broken =
        |record: &Record| matches!(record, Record::SyncFailed { .. } | Record::WriteFailed);
    let first = story.records.iter().position(broken);
    let from = first.unwrap_or(0);
    let after = u64::try_from(story.records.len() - from).unwrap();
    let until = from + usize::try_from(random.below(after) + 1).unwrap();
    let (mut disk, mut said) = (story.disk(), Said::default());
    for record in &story.records[..until] {
        disk.take(record, random);
        if let Record::Said(text) = record {
            said.take(text);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    disk.cut(random, folder.path());
    match fault(folder.path(), &said) {
        None => Ok(first.is_some()),
        Some(fault) => Err(format!("cut at {until}, fault at {first:?}: {fault}")),
    }
}

/// Runs of one kind of fault.
fn runs(name: &str, choose: impl Fn(&mut Random) -> String, mut look: impl FnMut(&Story)) {
    let (all, mut random) = (rounds(RUNS, RUNS_LONG), Random::new(seed()));
    let mut met = 0;
    for _ in 0..all {
        let (seed, fault) = (random.below(u64::MAX), choose(&mut random));
        let story = Story::of(seed, TURNS, Syncs::Honest, Some(&fault));
        met += u64::from(
            play(&story, &mut random).unwrap_or_else(|e| panic!("{fault:?} of {seed}: {e}")),
        );
        assert!(story.said("it goes on"), "{fault:?} of {seed}");
        look(&story);
    }
    println!("{name}: {met} of {all} runs met their fault, none is bad");
    assert!(met * 2 > all, "too few runs met a fault");
}

impl Story {
    fn said(&self, text: &str) -> bool {
        self.records.iter().any(|record| matches!(record, Record::Said(said) if said == text))
    }
}

#[test]
fn a_sync_that_fails_a_restart_and_a_power_cut_lose_nothing() {
    runs("a sync fails", |random| format!("sync {}", random.below(SYNCS) + 1), |_| ());
}

#[test]
fn a_write_that_fails_loses_nothing() {
    runs("a write fails", |random| format!("write {}", random.below(WRITES) + 1), |_| ());
}

#[test]
fn a_full_disk_signs_nothing_answers_a_freeze_and_is_minted_on_again() {
    let (mut stopped, mut froze) = (0, 0);
    let choose = |random: &mut Random| {
        let kind = if random.below(2) == 0 { "full" } else { "short" };
        format!("{kind} {} {}", random.below(WRITES) + 1, random.below(FULL_MAX) + 1)
    };
    runs("the disk is full", choose, |story| {
        stopped += u64::from(story.said("it stopped"));
        froze += u64::from(story.said("freeze answered"));
    });
    println!("of these {froze} froze on a full disk, and {stopped} had to start anew");
    assert_eq!(stopped, 0, "space that comes back is enough");
    assert!(froze > 0);
}
