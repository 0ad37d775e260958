//! Keeping the whole process's memory to itself.
//!
//! Three measures, each reported with what became of it: no core dump and no debugger of the same user, no core file,
//! and no memory in swap. None of them is undone. A program calls [`harden_process`] once, first thing.

use std::fmt;
use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Address space that a process may still map after it was locked, in bytes: the stacks of a full pool of blocking
/// threads (512 of 2 MiB) and as much again for the allocator's arenas and the files it maps.
///
/// Under a limit, a map beyond it fails, so locking with less to spare would trade a secret in swap for a crash.
const ROOM_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// What became of one measure.
#[derive(Debug)]
#[non_exhaustive]
pub enum Protection {
    /// The system refused it.
    Denied(io::Error),
    /// It is in force.
    InForce,
}

/// How much of the process's memory is kept out of swap.
#[derive(Debug)]
#[non_exhaustive]
pub enum MemoryLock {
    /// At most the page of each key, which locks itself where the limit leaves room for it.
    KeyPages {
        /// `RLIMIT_MEMLOCK`, in bytes.
        limit_bytes: u64,
        /// What locking everything would take, in bytes.
        needed_bytes: u64,
    },
    /// At most the page of each key, because the system refused to lock everything.
    Denied(io::Error),
    /// All of it.
    Whole,
}

/// What [`harden_process`] achieved; each measure prints as one line.
#[derive(Debug)]
pub struct Hardening {
    /// No core dump, and no reading of `/proc/<pid>/mem` by others of the same user.
    pub dumps: Protection,
    /// No core file, also not for a child.
    pub core_files: Protection,
    /// Nothing in swap.
    pub memory: MemoryLock,
}

impl Hardening {
    /// One sentence for each measure that was refused, for a loud warning; empty if there is none.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        let dumps = match &self.dumps {
            Protection::Denied(error) => {
                Some(format!("other programs of this user can read the key from memory: {error}"))
            }
            Protection::InForce => None,
        };
        let core_files = match &self.core_files {
            Protection::Denied(error) => {
                Some(format!("a crash may write the key to a core file: {error}"))
            }
            Protection::InForce => None,
        };
        let memory = match &self.memory {
            MemoryLock::Denied(error) => {
                Some(format!("at most the key's own page is kept out of swap: {error}"))
            }
            MemoryLock::KeyPages { .. } | MemoryLock::Whole => None,
        };
        [dumps, core_files, memory].into_iter().flatten()
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(error) => write!(f, "refused by the system ({error})"),
            Self::InForce => f.write_str("in force"),
        }
    }
}

impl fmt::Display for MemoryLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(error) => write!(f, "the key's own page at most ({error})"),
            Self::KeyPages { limit_bytes, needed_bytes } => write!(
                f,
                "the key's own page at most (RLIMIT_MEMLOCK is {limit_bytes} bytes, all of it would take {needed_bytes})"
            ),
            Self::Whole => f.write_str("all of it"),
        }
    }
}

impl fmt::Display for Hardening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no dumps, no debugger: {}", self.dumps)?;
        writeln!(f, "no core files: {}", self.core_files)?;
        write!(f, "memory kept out of swap: {}", self.memory)
    }
}

/// Applies every measure that the system permits, and says which those are.
#[must_use]
pub fn harden_process() -> Hardening {
    let dumps = protection(set_dumpable_behavior(DumpableBehavior::NotDumpable));
    let no_core = Rlimit { current: Some(0), maximum: Some(0) };
    let core_files = protection(setrlimit(Resource::Core, no_core));
    Hardening { dumps, core_files, memory: lock_memory() }
}

fn protection(outcome: Result<(), rustix::io::Errno>) -> Protection {
    match outcome {
        Ok(()) => Protection::InForce,
        Err(error) => Protection::Denied(error.into()),
    }
}

fn lock_memory() -> MemoryLock {
    if let Some(limit_bytes) = getrlimit(Resource::Memlock).current {
        match mapped_bytes() {
            Ok(mapped) => {
                let needed_bytes = mapped.saturating_add(ROOM_BYTES);
                if limit_bytes < needed_bytes {
                    return MemoryLock::KeyPages { limit_bytes, needed_bytes };
                }
            }
            Err(error) => return MemoryLock::Denied(error),
        }
    }
    // On fault: a page is locked when it is first used, so that reserved stacks do not become resident.
    match mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT) {
        Ok(()) => MemoryLock::Whole,
        Err(error) => MemoryLock::Denied(error.into()),
    }
}

/// The size of this process's address space, the first field of `proc_pid_statm(5)`.
fn mapped_bytes() -> io::Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: Option<u64> =
        statm.split_ascii_whitespace().next().and_then(|field| field.parse().ok());
    let page_bytes = u64::try_from(region::page::size()).map_err(io::Error::other)?;
    pages
        .and_then(|pages| pages.checked_mul(page_bytes))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/proc/self/statm is malformed"))
}

#[cfg(test)]
mod tests {
    use rustix::process::dumpable_behavior;

    use super::*;
    use crate::testing::Rerun;

    fn locked_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmLck:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn a_process_is_hardened_as_far_as_its_limits_permit() {
        Rerun::test("harden::tests::inner_under_a_small_limit").run();
        Rerun::test("harden::tests::inner_without_a_limit").run();
    }

    #[test]
    fn no_more_is_claimed_than_may_be_done() {
        // Whether the key's page is locked is known once there is a key, and is told then.
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let none = MemoryLock::KeyPages { limit_bytes: 0, needed_bytes: 4096 };
        for memory in [none, MemoryLock::Denied(denied())] {
            let told = memory.to_string();
            assert!(told.starts_with("the key's own page at most ("), "{told}");
        }
        let (dumps, core_files) = (Protection::InForce, Protection::InForce);
        let hardening = Hardening { dumps, core_files, memory: MemoryLock::Denied(denied()) };
        let told: Vec<_> = hardening.warnings().collect();
        assert_eq!(told, [format!("at most the key's own page is kept out of swap: {}", denied())]);
    }

    #[test]
    #[ignore = "changes the process it runs in; run by a_process_is_hardened_as_far_as_its_limits_permit"]
    fn inner_under_a_small_limit() {
        if !Rerun::is_inside() {
            return;
        }
        let small = Rlimit { current: Some(64 * 1024), maximum: Some(64 * 1024) };
        setrlimit(Resource::Memlock, small).unwrap();
        let hardening = harden_process();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert!(matches!(hardening.memory, MemoryLock::KeyPages { limit_bytes: 65536, .. }));
        assert_eq!(hardening.warnings().count(), 0);
        assert_eq!(locked_kib(), 0);
        assert!(hardening.to_string().contains("RLIMIT_MEMLOCK is 65536 bytes"), "{hardening}");
        let seed = crate::Seed::random().unwrap();
        assert!(seed.is_locked());
        assert!(locked_kib() > 0);
    }

    #[test]
    #[ignore = "changes the process it runs in; run by a_process_is_hardened_as_far_as_its_limits_permit"]
    fn inner_without_a_limit() {
        let unlimited = Rlimit { current: None, maximum: None };
        if !Rerun::is_inside() || setrlimit(Resource::Memlock, unlimited).is_err() {
            println!("not run: raising RLIMIT_MEMLOCK takes a privilege that is not here");
            return;
        }
        let hardening = harden_process();
        assert!(matches!(hardening.memory, MemoryLock::Whole), "{hardening}");
        assert!(locked_kib() > 1024);
    }
}
