//! What is computed without a disk: the check of a whole log, and the cutting of an export.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use mandate_journal::chain::{Chain, verify_entries};
use mandate_journal::tile::Tiler;
use mandate_tests::bench::figures::{Figures, rate};
use mandate_tests::bench::floors;

use crate::entries::{KIND, fields, now};

/// Entries of the log in memory.
const ENTRIES: u64 = 100_000;

fn log() -> Vec<Vec<u8>> {
    let mut chain = Chain::default();
    let append = |seq| {
        let bytes = chain.encode(now(), KIND, &fields(seq)).expect("an entry");
        chain.push(&bytes).expect("the next entry");
        bytes
    };
    (0..ENTRIES).map(append).collect()
}

/// Checks every entry and cuts it into tiles; gives the bytes of all of them.
fn export(entries: &[Vec<u8>]) -> usize {
    let (mut chain, mut tiler, mut written) = (Chain::default(), Tiler::default(), 0);
    let mut give = |_, bytes: &[u8]| {
        written += black_box(bytes).len();
        Ok::<_, Infallible>(())
    };
    for entry in entries {
        let link = chain.push(entry).expect("the next entry");
        let Ok(()) = tiler.push(entry, &link.added.nodes, &mut give);
    }
    let Ok(()) = tiler.finish(&mut give);
    written
}

/// Measures all of it.
pub fn measure(figures: &mut Figures, rounds: usize) {
    let entries = log();
    let bytes: usize = entries.iter().map(Vec::len).sum();
    let mean = bytes as f64 / ENTRIES as f64;
    figures.add("an entry".to_owned(), "bytes", mean);
    for _ in 0..rounds {
        let floor = floors::hashes(&entries);
        let start = Instant::now();
        let head = verify_entries(&entries).expect("a log");
        let verified = rate(head.size, start);
        let start = Instant::now();
        let written = export(&entries);
        let seconds = start.elapsed().as_secs_f64();
        figures.add("SHA-256, one pass".to_owned(), "entries/s", floor);
        figures.add("verify in memory".to_owned(), "entries/s", verified);
        figures.add(
            "verify in memory, SHA-256 passes it costs".to_owned(),
            "passes",
            floor / verified,
        );
        figures.add("export in memory".to_owned(), "entries/s", ENTRIES as f64 / seconds);
        figures.add("export in memory, written".to_owned(), "MB/s", written as f64 / 1e6 / seconds);
    }
}
