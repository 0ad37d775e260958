//! What the journal costs: an append at any length, opening, the full check, and an export; beside the floors of the
//! same run.
//!
//! ```sh
//! cargo bench -p mandate-tests --bench journal -- [--full] [--json]
//! ```
//!
//! The logs lie in the system's folder for temporary files: it must be on a disk that syncs, or the figures say nothing.
//! `--full` adds a log of ten million entries, about 11 GB of disk while it runs.

mod entries;
mod memory;
mod store;

use mandate_tests::bench::figures::Figures;

/// Rounds of each measurement; figures are medians over them.
const ROUNDS: usize = 5;
/// Lengths of the logs, in entries.
const SIZES: [u64; 2] = [1_000, 100_000];
/// Beside them under `--full`.
const SIZE_FULL: u64 = 10_000_000;

fn main() {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    let mut sizes = SIZES.to_vec();
    if has("--full") {
        sizes.push(SIZE_FULL);
    }
    let mut figures = Figures::default();
    memory::measure(&mut figures, ROUNDS);
    for size in sizes {
        store::measure(&mut figures, size, ROUNDS);
    }
    if has("--json") {
        println!("{}", figures.json());
    } else {
        print!("{figures}");
    }
}
