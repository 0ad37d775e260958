//! One folder, the children that trade in it one after the other, and the trace they leave.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use mandate_tests::alone;
use mandate_tests::random::Random;
use tempfile::TempDir;

use crate::child;
use crate::trace::{self, Op};

/// Memory: nothing here is about the disk of the machine that runs it.
const MEMORY: &str = "/dev/shm";

/// A story waits for its child most of the time.
const WORKERS_PER_CORE: usize = 2;

/// A folder with nothing in it.
pub fn folder() -> TempDir {
    let place = Path::new(MEMORY);
    let place = if place.is_dir() { place.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("mandate-power-").tempdir_in(place).unwrap()
}

/// Where one story takes place; kept for a look if its test fails.
pub struct Story {
    folder: Option<TempDir>,
    seed: u64,
    turns: u8,
}

impl Story {
    /// A folder in which nothing happened yet.
    pub fn new(seed: u64) -> Self {
        let folder = folder();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        Self { folder: Some(folder), seed, turns: 0 }
    }

    /// One process trades until it ends, by itself or because the disk failed; gives the whole trace so far.
    ///
    /// # Panics
    ///
    /// If it panics.
    pub fn goes_on(&mut self, fault: Option<&str>) -> Vec<Op> {
        let folder = self.folder.as_ref().unwrap().path();
        let trace = folder.join("trace");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", child::TEST, "--nocapture", "--test-threads=1"])
            .env("LD_PRELOAD", shim())
            .env(child::ROOT, folder.join("root").canonicalize().unwrap())
            .env(child::TRACE, &trace)
            .env(child::FAULT, fault.unwrap_or("none 0 0 0 0"))
            .env(child::TURN, self.turns.to_string())
            .env(child::STORY, self.seed.wrapping_add(u64::from(self.turns)).to_string());
        let forking = alone();
        let child =
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let child = child.spawn().unwrap();
        drop(forking);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "turn {} under {fault:?}: {said}", self.turns);
        self.turns += 1;
        trace::read(&trace)
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if let (true, Some(folder)) = (std::thread::panicking(), self.folder.take()) {
            eprintln!("story {} is kept in {}", self.seed, folder.keep().display());
        }
    }
}

/// Does rounds of work side by side, each with choices of its own that come from the seed and its number alone.
pub fn side_by_side<T: Send>(
    rounds: u64,
    seed: u64,
    work: impl Fn(u64, &mut Random) -> T + Sync,
) -> Vec<T> {
    eprintln!("MANDATE_POWER_SEED={seed}");
    let (next, done) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from) * WORKERS_PER_CORE;
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let round = next.fetch_add(1, Ordering::Relaxed);
                    if round >= rounds {
                        return;
                    }
                    let one =
                        work(round, &mut Random::new(seed ^ Random::new(round).below(u64::MAX)));
                    done.lock().unwrap().push(one);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// The last thing the last child said.
pub fn end(ops: &[Op]) -> &str {
    let said = ops.iter().rev().find_map(|op| match op {
        Op::Said(text) => Some(text.as_str()),
        _ => None,
    });
    said.unwrap()
}

/// Builds the shim, once in each process.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/power.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (new, built) =
            (folder.join(format!("power.{}.so", std::process::id())), folder.join("power.so"));
        let forking = alone();
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
        let mut cc = cc.arg(&new).arg(source).arg("-pthread").spawn().expect("a C compiler, cc");
        drop(forking);
        assert!(cc.wait().unwrap().success(), "the shim does not compile");
        // Whole at any moment for whoever else runs this suite.
        std::fs::rename(new, &built).unwrap();
        built
    })
}
