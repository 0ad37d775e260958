//! The power goes at any moment.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::Path;
use std::sync::Once;

use mandate_tests::random::Random;
use mandate_tests::rounds;

use crate::check::{Said, check};
use crate::shim::{Story, Syncs};
use crate::trace::Record;

/// Power cuts in a normal run, and in a long one.
const CUTS: u64 = 200;
const CUTS_LONG: u64 = 20_000;
/// Cuts of one story.
const CUTS_PER_STORY: u64 = 50;
/// Turns of a child's life.
const TURNS: u64 = 60;
/// Cuts on a disk that does not keep its word: enough that some lose what was said.
const CONTROL_CUTS: u64 = 100;

/// What everything is chosen by; a run that fails prints it.
pub const SEED: &str = "MANDATE_POWER_SEED";

thread_local! {
    /// Whether this thread looks at a disk whose faults it counts.
    static CHECKING: Cell<bool> = const { Cell::new(false) };
}

/// The seed of this run.
pub fn seed() -> u64 {
    let seed = Random::seed(SEED);
    eprintln!("{SEED}={seed}");
    seed
}

/// Cuts one story's power at these moments, and gives the faults that were found, by moment.
fn cut(
    story: &Story,
    random: &mut Random,
    mut moments: Vec<usize>,
    phases: &mut Phases,
) -> Vec<String> {
    moments.sort_unstable();
    let (mut disk, mut said, mut faults) = (story.disk(), Said::default(), Vec::new());
    let mut next = moments.into_iter().peekable();
    for (at, record) in story.records.iter().enumerate() {
        while next.next_if_eq(&at).is_some() {
            let folder = tempfile::tempdir().unwrap();
            disk.cut(random, folder.path());
            *phases.entry(phase(&said, record)).or_default() += 1;
            faults.extend(fault(folder.path(), &said).map(|fault| format!("at {at}: {fault}")));
        }
        disk.take(record, random);
        if let Record::Said(text) = record {
            said.take(text);
        }
    }
    faults
}

/// How many cuts met what.
pub type Phases = BTreeMap<&'static str, u64>;

/// What the child was about to do.
fn phase(said: &Said, record: &Record) -> &'static str {
    match record {
        _ if !said.is_created() => "creating",
        Record::Said(_) => "between a commit and its word",
        Record::Write { .. } => "before a write",
        Record::Sync { .. } => "before a sync",
        Record::Truncate { .. } => "before a truncation",
        _ => "before another change",
    }
}

/// What is wrong with a disk as it was left; said once, by whoever asked.
pub fn fault(root: &Path, said: &Said) -> Option<String> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !CHECKING.get() {
                others(panic);
            }
        }));
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    CHECKING.set(true);
    let checked = catch_unwind(AssertUnwindSafe(|| runtime.block_on(check(root, said))));
    CHECKING.set(false);
    let panic = checked.err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default())
}

/// Cuts the power of as many stories as it takes.
fn cuts(syncs: Syncs, cuts: u64, phases: &mut Phases) -> Vec<String> {
    let mut random = Random::new(seed());
    let mut faults = Vec::new();
    for _ in 0..cuts.div_ceil(CUTS_PER_STORY) {
        let story = Story::of(random.below(u64::MAX), TURNS, syncs, None);
        let end = u64::try_from(story.records.len()).unwrap();
        let moments = (0..CUTS_PER_STORY).map(|cut| match cut % 5 {
            // A ledger is made once, and in few steps.
            0 => random.below(end.min(80)),
            _ => random.below(end),
        });
        let moments = moments.map(|at| at.try_into().unwrap()).collect();
        faults.extend(cut(&story, &mut random, moments, phases));
    }
    faults
}

#[test]
fn no_power_cut_loses_what_was_said() {
    let (all, mut phases) = (rounds(CUTS, CUTS_LONG), Phases::new());
    let faults = cuts(Syncs::Honest, all, &mut phases);
    println!("{all} cuts: {phases:?}");
    assert!(faults.is_empty(), "{} of {all}: {:#?}", faults.len(), faults.first());
}

/// The rig is worth nothing if it does not find what these lose.
#[test]
fn a_disk_that_lies_and_a_log_that_is_not_synced_are_found_out() {
    for syncs in [Syncs::Lie, Syncs::Normal] {
        let faults = cuts(syncs, CONTROL_CUTS, &mut Phases::new());
        println!("{syncs:?}: {} of {CONTROL_CUTS} cuts lost something", faults.len());
        assert!(!faults.is_empty(), "{syncs:?} passed");
    }
}
