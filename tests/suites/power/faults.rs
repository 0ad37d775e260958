//! A call fails in the middle of a story: the process ends or waits for room, goes on or is started again, and then the
//! power is cut.

use std::time::Instant;

use mandate_tests::random::Random;
use mandate_tests::rounds;
use rustix::io::Errno;

use crate::cuts::{cut_at, judge};
use crate::disk::Honesty;
use crate::story::{self, Story, side_by_side};
use crate::trace::Op;

/// Syncs that fail in a normal run, and in a long one.
const SYNCS: u64 = 24;
const SYNCS_LONG: u64 = 2_000;
/// Syncs that a ledger is made with, about.
const CREATION_SYNCS: u64 = 12;
/// Other calls that fail.
const CALLS: u64 = 12;
const CALLS_LONG: u64 = 500;
/// Times the disk is full.
const FULLS: u64 = 12;
const FULLS_LONG: u64 = 500;
/// A full disk has room again after at most so many refused writes.
const REFUSED_MAX: u64 = 8;

/// While the ledger serves; what fails then ends the process.
const SERVING: [&str; 4] = ["serving", "freezing", "reloading", "sealing"];

/// How many calls of a kind a story makes.
fn calls(ops: &[Op], kind: &str) -> u64 {
    let is = |op: &&Op| match kind {
        "sync" => matches!(op, Op::Sync { .. } | Op::SyncFolder { .. }),
        "write" => matches!(op, Op::Write { .. }),
        "size" => matches!(op, Op::Size { .. }),
        _ => matches!(
            op,
            Op::Folder { .. } | Op::Link { .. } | Op::Rename { .. } | Op::Remove { .. }
        ),
    };
    u64::try_from(ops.iter().filter(is).count()).unwrap()
}

/// A story without faults, to know how many calls there are to fail.
fn whole_story(random: &mut Random) -> Vec<Op> {
    let mut story = Story::new(random.below(u64::MAX));
    let ops = story.goes_on(None);
    assert_eq!(story::end(&ops), "end well");
    ops
}

/// A story with one fault, a second process if that ended the first, and three cuts after the fault, one of them
/// while the second opens; says how it ended.
fn run(fault: &str, random: &mut Random) -> (Vec<Op>, String) {
    let mut story = Story::new(random.below(u64::MAX));
    let mut ops = story.goes_on(Some(fault));
    let (end, first) = (story::end(&ops).to_owned(), ops.len());
    if end != "end well" {
        ops = story.goes_on(None);
        assert_eq!(story::end(&ops), "end well", "after {fault}: {end}");
    }
    let broken = ops.iter().position(is_broken_sync).unwrap_or(first / 2);
    let any = broken + below(ops.len() - broken, random);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // A second process that opens builds on what the first may have left in memory alone.
    let opening = ops[first..]
        .iter()
        .position(|op| matches!(op, Op::Said(said) if said.starts_with("found")));
    let opening = first + below(opening.unwrap_or_default() + 1, random);
    let mut moments = [any, opening, ops.len()];
    moments.sort_unstable();
    cut_at(&ops, Honesty::Honest, &moments, random, |root, said| {
        runtime.block_on(judge(root, said));
    });
    (ops, end)
}

fn below(end: usize, random: &mut Random) -> usize {
    usize::try_from(random.below(u64::try_from(end).unwrap())).unwrap()
}

fn is_broken_sync(op: &Op) -> bool {
    matches!(op, Op::Sync { is_good: false, .. } | Op::SyncFolder { is_good: false, .. })
}

fn phase(before: &[Op]) -> &str {
    let phase = before.iter().rev().find_map(|op| match op {
        Op::Said(text) => text.strip_prefix("phase "),
        _ => None,
    });
    phase.unwrap_or_default()
}

#[test]
fn a_sync_that_fails_loses_nothing_after_the_restart() {
    let (runs, began) = (rounds(SYNCS, SYNCS_LONG), Instant::now());
    let seed = Random::seed("MANDATE_POWER_SEED");
    let syncs = calls(&whole_story(&mut Random::new(seed)), "sync");
    let ends = side_by_side(runs, seed, |turn, random| {
        // Each position in turn in the long form; the making of the ledger and some of the others in the short one.
        let is_spread = runs < syncs && turn >= CREATION_SYNCS;
        let at = 1 + if is_spread { turn * syncs / runs } else { turn % syncs };
        let (ops, end) = run(&format!("sync {at} 1 {} 0", Errno::IO.raw_os_error()), random);
        let broken = ops.iter().position(is_broken_sync)?;
        let (phase, is_over) = (phase(&ops[..broken]), end != "end well");
        // SQLite passes over a folder that cannot be synced; its names are on disk since the ledger was opened.
        let is_file = matches!(ops[broken], Op::Sync { .. });
        assert!(!(is_file && SERVING.contains(&phase)) || is_over, "it went on after {phase}");
        Some(is_over)
    });
    let hit = ends.iter().flatten().count();
    let over = ends.iter().flatten().filter(|is_over| **is_over).count();
    let took = began.elapsed();
    eprintln!("{runs} runs over {syncs} syncs in {took:.0?}: {hit} failed, {over} processes ended");
    assert!(hit * 2 >= ends.len(), "hardly any fault took place");
}

#[test]
fn another_call_that_fails_loses_nothing_either() {
    let (runs, began) = (rounds(CALLS, CALLS_LONG), Instant::now());
    let seed = Random::seed("MANDATE_POWER_SEED");
    let ops = whole_story(&mut Random::new(seed));
    let over = side_by_side(runs, seed, |turn, random| {
        let kind = ["write", "size", "name"][usize::try_from(turn % 3).unwrap()];
        let at = 1 + random.below(calls(&ops, kind));
        let (_, end) = run(&format!("{kind} {at} 1 {} 0", Errno::IO.raw_os_error()), random);
        end != "end well"
    });
    let over = over.iter().filter(|is_over| **is_over).count();
    eprintln!("{runs} runs in {:.0?}: {over} processes ended", began.elapsed());
    assert!(over > 0, "no fault took place");
}

/// It asks again, in the same process, until there is room; only what happens before it serves or at its end may end it.
#[test]
fn a_full_disk_stops_nothing_for_good() {
    let (runs, began) = (rounds(FULLS, FULLS_LONG), Instant::now());
    let seed = Random::seed("MANDATE_POWER_SEED");
    let writes = calls(&whole_story(&mut Random::new(seed)), "write");
    let lived = side_by_side(runs, seed, |turn, random| {
        let (at, count) = (1 + random.below(writes), 1 + random.below(REFUSED_MAX));
        // A quota is no full disk to SQLite, but an I/O error.
        let errno = if turn % 4 == 3 { Errno::DQUOT } else { Errno::NOSPC };
        let fault = format!("write {at} {count} {} {}", errno.raw_os_error(), turn % 2);
        let (ops, end) = run(&fault, random);
        let stop = ops.iter().position(|op| *op == Op::Said(end.clone())).unwrap();
        let (phase, lives_on) = (phase(&ops[..stop]), end == "end well");
        let may_end = errno == Errno::DQUOT || !SERVING.contains(&phase);
        assert!(lives_on || may_end, "{fault}, {phase}: {end}");
        lives_on
    });
    let lived = lived.iter().filter(|lives_on| **lives_on).count();
    eprintln!("{runs} runs in {:.0?}: {lived} lived on, the others restarted", began.elapsed());
    assert!(lived > 0, "no process lived on");
}
