//! The machine that is measured, and whether its disk can be believed.

use std::fmt;
use std::fs;
use std::path::Path;

use mandate_tests::bench::figures::Figure;
use mandate_tests::bench::floors;
use serde::Serialize;

/// Beyond this share of its time without a processor, a run says more about the neighbours than about the product.
const WAITED_MAX: f64 = 0.05;
/// No disk that survives a power cut makes 4 KiB durable in less, in microseconds.
const SYNC_US_MIN: f64 = 20.0;
/// Syncs that are looked at before anything else.
const SYNCS: u64 = 100;

/// What figures depend on.
#[derive(Debug, Serialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    load_average: String,
    filesystem: String,
    device: String,
    sync_p50_us: f64,
}

impl Machine {
    /// The machine, and the disk under this folder.
    pub fn look(folder: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
        let (filesystem, device) = disk(folder, &read("/proc/self/mountinfo"));
        let scratch = tempfile::tempdir_in(folder).expect("a folder");
        Self {
            cpu: model.unwrap_or("unknown").trim_start_matches([' ', '\t', ':']).to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: read("/proc/loadavg").trim().to_owned(),
            sync_p50_us: floors::syncs(scratch.path(), SYNCS).percentile_us(50.0),
            filesystem,
            device,
        }
    }

    /// Whether the folder is in memory, where a sync does nothing.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.filesystem.as_str(), "tmpfs" | "ramfs")
    }

    /// Whether its syncs are faster than any disk's.
    fn is_implausible(&self) -> bool {
        self.sync_p50_us < SYNC_US_MIN
    }
}

/// How long this thread has run, and has waited for a processor, in nanoseconds.
///
/// Source: the kernel's documentation, scheduler/sched-stats.
fn scheduled() -> Option<[f64; 2]> {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut fields = stat.split(' ').map(|field| field.parse().ok());
    Some([fields.next()??, fields.next()??])
}

/// Does what needs a processor all the time; gives the share of that time in which it had to wait for one.
pub fn waited(work: impl FnOnce()) -> f64 {
    let before = scheduled();
    work();
    let Some(([ran, waited], [ran_before, waited_before])) = scheduled().zip(before) else {
        return 0.0;
    };
    let (ran, waited) = (ran - ran_before, waited - waited_before);
    waited / (ran + waited)
}

/// What to say of a run that was disturbed.
pub fn disturbed(share: &Figure) -> Option<String> {
    let share = share.median();
    (share > WAITED_MAX).then(|| {
        format!(
            "warning: other work ran: what needs a processor had none for {:.0} % of its time, so these figures say little",
            share * 100.0
        )
    })
}

/// File system and device of the mount that a folder is in.
///
/// Source: proc(5), /proc/pid/mountinfo.
fn disk(folder: &Path, mounts: &str) -> (String, String) {
    let folder = folder.canonicalize().expect("a folder");
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let place = place.split(' ').nth(4)?.to_owned();
        let mut kind = kind.split(' ');
        Some((place, (kind.next()?.to_owned(), kind.next()?.to_owned())))
    };
    let around = mounts.lines().filter_map(mount).filter(|(place, _)| folder.starts_with(place));
    // Of mounts on one place the last one is seen.
    let nearest = around.max_by_key(|(place, _)| place.len());
    nearest.map_or_else(|| ("unknown".to_owned(), "unknown".to_owned()), |(_, disk)| disk)
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, kernel, load_average, filesystem, device, sync_p50_us } = self;
        writeln!(f, "machine: {cpu}, {cores} cores, Linux {kernel}; load average {load_average}")?;
        writeln!(f, "disk: {filesystem} on {device}; 4 KiB and fdatasync in {sync_p50_us:.0} us")?;
        if self.is_implausible() {
            writeln!(
                f,
                "warning: a sync in less than {SYNC_US_MIN} us writes to no disk: figures of what is durable say nothing"
            )?;
        }
        Ok(())
    }
}
