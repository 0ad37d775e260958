//! How long the disk takes to keep a few bytes for good: every mandate waits for it.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Finding;

/// A disk that keeps something within less does not keep it: no bus is that fast.
const IMPLAUSIBLE: Duration = Duration::from_micros(20);
/// A disk that takes longer makes agents wait.
const SLOW: Duration = Duration::from_millis(50);
/// How often it is asked; the middle answer counts.
const ROUNDS: usize = 9;
/// What is written each time, in bytes: a page.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// Times a small file in the folder of the journal, and removes it.
#[must_use]
pub fn disk(folder: &Path) -> Finding {
    match median(folder) {
        Ok(took) => judge(took),
        Err(error) => {
            let detail = format!("cannot write to {}: {error}", folder.display());
            Finding::warn("disk", detail, "the user that it runs under must be able to")
        }
    }
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
        assert_eq!(disk(&folder.path().join("none")).result, Verdict::Warn);
    }
}
