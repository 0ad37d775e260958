//! The power is cut while the wallet makes its ledger, trades, seals, copies its WAL, closes and opens again.

use std::collections::BTreeMap;
use std::time::Instant;

use mandate_tests::random::Random;
use mandate_tests::rounds;

use crate::check::{self, Left, Said};
use crate::disk::{Disk, Honesty};
use crate::story::{self, Story, side_by_side};
use crate::trace::Op;

/// Stories in a normal run, and in a long one: 20,000 cuts.
const STORIES: u64 = 3;
const STORIES_LONG: u64 = 200;
/// Cuts of one story.
const CUTS_PER_STORY: u64 = 100;
/// One cut in so many falls into the making of the ledger, which is a small part of a story.
const CREATION_SHARE: u64 = 5;
/// Cuts that each control makes, and the least it must lose, in cuts of a hundred.
const CONTROL_CUTS: u64 = 60;
const CONTROL_LOSS_PERCENT: u64 = 10;

/// Plays a trace and cuts the power at each of these moments, in order.
pub fn cut_at(
    ops: &[Op],
    honesty: Honesty,
    moments: &[usize],
    random: &mut Random,
    mut left: impl FnMut(&std::path::Path, &Said),
) {
    let (mut disk, mut said, mut played) = (Disk::new(honesty), Said::default(), 0);
    for moment in moments {
        for op in &ops[played..*moment] {
            disk.apply(op, random);
            said.take(op);
        }
        played = *moment;
        let folder = story::folder();
        disk.cut(random, folder.path());
        left(folder.path(), &said);
    }
}

/// What must be true after a cut of an honest disk; says whether there was a ledger.
pub async fn judge(root: &std::path::Path, said: &Said) -> bool {
    match check::look(root, said) {
        Left::Nothing => {
            check::begins_anew(root, said).await;
            false
        }
        Left::Whole(wallet) => {
            check::stands(*wallet, said).await;
            true
        }
        Left::Lost(what) => panic!("lost in {}: {what}", said.phase),
    }
}

fn moments(ops: &[Op], cuts: u64, random: &mut Random) -> Vec<usize> {
    let created = ops.iter().position(|op| *op == Op::Said("created".into())).unwrap();
    let mut moments: Vec<_> = (0..cuts)
        .map(|cut| {
            let end = if cut % CREATION_SHARE == 0 { created } else { ops.len() };
            usize::try_from(random.below(u64::try_from(end + 1).unwrap())).unwrap()
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// What was hit: the cuts of each phase, and those that left no ledger.
#[derive(Default)]
struct Hits {
    phases: BTreeMap<String, u64>,
    without_ledger: u64,
}

fn one_story(random: &mut Random) -> Hits {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut story = Story::new(random.below(u64::MAX));
    let ops = story.goes_on(None);
    assert_eq!(story::end(&ops), "end well");
    let moments = moments(&ops, CUTS_PER_STORY, random);
    let mut hits = Hits::default();
    cut_at(&ops, Honesty::Honest, &moments, random, |root, said| {
        hits.without_ledger += u64::from(!runtime.block_on(judge(root, said)));
        *hits.phases.entry(said.phase.clone()).or_default() += 1;
    });
    hits
}

#[test]
fn what_was_acknowledged_survives_every_cut() {
    let (stories, began) = (rounds(STORIES, STORIES_LONG), Instant::now());
    let seed = Random::seed("MANDATE_POWER_SEED");
    let mut all = Hits::default();
    for hits in side_by_side(stories, seed, |_, random| one_story(random)) {
        all.without_ledger += hits.without_ledger;
        for (phase, cuts) in hits.phases {
            *all.phases.entry(phase).or_default() += cuts;
        }
    }
    let (cuts, took) = (all.phases.values().sum::<u64>(), began.elapsed());
    eprintln!("{cuts} cuts of {stories} stories in {took:.0?}: none lost anything");
    eprintln!("{} before there was a ledger; {:?}", all.without_ledger, all.phases);
    assert_eq!(cuts, stories * CUTS_PER_STORY);
}

/// How many of the cuts of one story lost something on a disk like this.
fn lost(ops: &[Op], honesty: Honesty, random: &mut Random) -> u64 {
    let mut lost = 0;
    let moments = moments(ops, CONTROL_CUTS, random);
    cut_at(ops, honesty, &moments, random, |root, said| match check::look(root, said) {
        Left::Lost(_) => lost += 1,
        Left::Whole(wallet) => wallet.ledger.close().unwrap(),
        Left::Nothing => {}
    });
    lost
}

/// Else the rig would prove nothing.
#[test]
fn the_rig_finds_what_a_careless_database_and_a_lying_disk_lose() {
    let seed = Random::seed("MANDATE_POWER_SEED");
    let mut random = Random::new(seed);
    eprintln!("MANDATE_POWER_SEED={seed}");
    let mut story = Story::new(random.below(u64::MAX));
    let ops = story.goes_on(None);
    for careless in [Honesty::Normal, Honesty::Lying] {
        let lost = lost(&ops, careless, &mut random);
        eprintln!("{careless:?}: {lost} of {CONTROL_CUTS} cuts lost something");
        assert!(lost * 100 >= CONTROL_CUTS * CONTROL_LOSS_PERCENT, "{careless:?}: {lost}");
    }
    assert_eq!(lost(&ops, Honesty::Honest, &mut random), 0);
}
