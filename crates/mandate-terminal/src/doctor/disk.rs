//! Whether the disk keeps what it is given, how long it takes for that, and how much it still takes: every mandate waits
//! for it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{StatFs, statfs};

use super::Finding;

/// A disk that keeps something within less does not keep it: no bus is that fast.
const IMPLAUSIBLE: Duration = Duration::from_micros(20);
/// A disk that takes longer makes agents wait.
const SLOW: Duration = Duration::from_millis(50);
/// How often it is asked; the middle answer counts.
const ROUNDS: usize = 9;
/// What is written each time, in bytes: a page.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// Room that is left for months of entries, in bytes; with less, somebody should look.
const FREE_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// File systems that are memory (`statfs(2)`: ramfs, tmpfs).
const MEMORY: [u64; 2] = [0x8584_58f6, 0x0102_1994];
/// A layer over another file system, as under a container (`statfs(2)`: overlayfs).
const LAYER: u64 = 0x794c_7630;
/// File systems that are elsewhere (`statfs(2)`: 9p, AFS, Ceph, CIFS, FUSE, NFS, SMB, SMB2).
const REMOTE: [u64; 8] =
    [0x0102_1997, 0x5346_414f, 0x00c3_6400, 0xff53_4d42, 0x6573_5546, 0x6969, 0x517b, 0xfe53_4d42];

/// Looks at the file system of the journal's folder, times a small file in it, and removes that.
#[must_use]
pub fn disk(folder: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(found) = statfs(folder) {
        findings.extend(kind(u64::try_from(found.f_type).unwrap_or_default(), folder));
        findings.extend(space(free_bytes(&found), folder));
    }
    findings.push(match median(folder) {
        Ok(took) => judge(took),
        Err(error) => {
            let detail = format!("cannot write to {}: {error}", folder.display());
            Finding::warn("disk", detail, "the user that it runs under must be able to")
        }
    });
    findings
}

/// What is known of a kind of file system that does not keep what the journal needs.
fn kind(magic: u64, folder: &Path) -> Option<Finding> {
    let folder = folder.display();
    if MEMORY.contains(&magic) {
        let detail = format!("{folder} is in memory: the journal is gone at the next boot");
        return Some(Finding::warn("disk", detail, "keep it on a disk, with --state-dir"));
    }
    if magic == LAYER {
        let detail =
            format!("{folder} is a container's own layer: the journal goes with the container");
        return Some(Finding::warn("disk", detail, "mount a volume there"));
    }
    if REMOTE.contains(&magic) {
        let detail = format!(
            "{folder} is on a network or user-space file system: its locks and its shared memory may not be those of a disk, and two wallets could open one journal"
        );
        return Some(Finding::warn("disk", detail, "keep it on a local disk, with --state-dir"));
    }
    None
}

fn free_bytes(found: &StatFs) -> u64 {
    u64::try_from(found.f_bsize).unwrap_or_default().saturating_mul(found.f_bavail)
}

fn space(free_bytes: u64, folder: &Path) -> Option<Finding> {
    (free_bytes < FREE_BYTES_MIN).then(|| {
        let detail = format!(
            "only {} MiB are free in {}: on a full disk nothing is signed",
            free_bytes / (1024 * 1024),
            folder.display()
        );
        Finding::warn("disk", detail, "make room")
    })
}

fn judge(took: Duration) -> Finding {
    let detail = format!("a write is on disk after {took:.1?}");
    if took < IMPLAUSIBLE {
        let way_out = "too fast to be true: a memory disk, or one that answers before it has written, forgets payments in a power cut";
        Finding::warn("disk", detail, way_out)
    } else if took > SLOW {
        Finding::warn(
            "disk",
            detail,
            "every mandate waits for it; keep the journal on a faster disk",
        )
    } else {
        Finding::ok("disk", detail)
    }
}

fn median(folder: &Path) -> io::Result<Duration> {
    let path = folder.join(format!(".doctor.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let mut round = || -> io::Result<Duration> {
        file.write_all(&PAGE)?;
        let start = Instant::now();
        file.sync_data()?;
        Ok(start.elapsed())
    };
    let rounds: io::Result<Vec<Duration>> = (0..ROUNDS).map(|_| round()).collect();
    // Also where a round failed, nothing is left behind.
    fs::remove_file(&path)?;
    let mut rounds = rounds?;
    rounds.sort_unstable();
    rounds.get(rounds.len() / 2).copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_disk_is_neither_too_fast_nor_too_slow() {
        assert_eq!(judge(Duration::from_micros(5)).result, Verdict::Warn);
        assert_eq!(judge(Duration::from_micros(200)).result, Verdict::Ok);
        assert_eq!(judge(Duration::from_millis(51)).result, Verdict::Warn);
    }

    #[test]
    fn timing_a_folder_leaves_nothing_in_it() {
        let folder = tempfile::tempdir().unwrap();
        median(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let found = disk(&folder.path().join("none"));
        assert_eq!(found.last().unwrap().result, Verdict::Warn);
    }

    #[test]
    fn a_file_system_that_does_not_keep_what_it_is_given_is_a_warning() {
        let folder = Path::new("/state");
        // ext4, xfs, btrfs.
        for magic in [0xef53, 0x5846_5342, 0x9123_683e] {
            assert_eq!(kind(magic, folder), None);
        }
        for magic in MEMORY.into_iter().chain(REMOTE).chain([LAYER]) {
            assert_eq!(kind(magic, folder).unwrap().result, Verdict::Warn, "{magic:x}");
        }
        let proc = statfs("/proc").unwrap();
        // proc(5) is neither, and the number is where we look for it.
        assert_eq!(u64::try_from(proc.f_type).unwrap(), 0x9fa0);
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_a_warning() {
        let folder = Path::new("/state");
        assert_eq!(space(FREE_BYTES_MIN, folder), None);
        let found = space(FREE_BYTES_MIN - 1, folder).unwrap();
        assert!(found.detail.starts_with("only 255 MiB are free in /state"), "{found:?}");
    }
}
