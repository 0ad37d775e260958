//! The process at the other end of a Unix socket: held, looked at, and held again.
//!
//! A process id means nothing once its process is gone, since the next one may get it. So the process that connected is
//! held by a pidfd of the kernel's, its folder in `/proc` is opened once, and it has to be alive after that: then the
//! folder is its own, and so is all that is read below it. Nothing here decides who may do what.

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, open, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use thiserror::Error;

/// Largest list of control groups that is read, in bytes; a line is at most a path and a few words.
const CONTROL_GROUPS_BYTES_MAX: u64 = 64 * 1024;
/// Room for the path of an executable, in bytes (`PATH_MAX`).
const EXE_BYTES: usize = 4_096;
/// Ask, and do not wait.
const NO_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Why nothing is known of a peer's process.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PeerError {
    /// It is in a pid namespace that is not ours.
    #[error("the process that connected is in another container, where this one cannot look")]
    Elsewhere,
    /// It ended.
    #[error("the process that connected is gone")]
    Gone,
    /// The operating system refused.
    #[error("cannot {what} of the process that connected")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// Nobody asked who it is.
    #[error("nobody looked at the process that connected")]
    NotLookedAt,
}

fn failed(what: &'static str) -> impl FnOnce(Errno) -> PeerError {
    move |errno| PeerError::Io { what, source: errno.into() }
}

/// The process that connected, held: its id is no other's as long as it lives, and whether it lives can be asked.
#[derive(Debug)]
pub struct HeldPeer {
    pid: Pid,
    pidfd: OwnedFd,
}

/// What was seen of a process while it was held.
#[derive(Debug)]
pub struct PeerProcess {
    /// The file that it runs.
    pub exe: io::Result<Exe>,
    /// Where it is in the trees of control groups that systemd uses, as paths from their roots.
    pub control_groups: io::Result<Vec<String>>,
}

/// The file that a process runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exe {
    /// The file at this path.
    At(PathBuf),
    /// One that was at this path by the kernel's word, and that is not the one there now.
    NotAt(PathBuf),
}

impl HeldPeer {
    /// Holds the process that connected this socket. Does not wait for anything.
    ///
    /// Kernels before 6.5 name it by its id alone; there, one that ended and whose id was given to another before this
    /// call is not told from the other.
    ///
    /// # Errors
    ///
    /// [`PeerError`] when it is gone, or out of sight.
    ///
    /// Source: unix(7), `SO_PEERPIDFD` and `SO_PEERCRED`.
    pub fn of(socket: &impl AsFd) -> Result<Self, PeerError> {
        let io = |what| move |errno: nix::Error| PeerError::Io { what, source: errno.into() };
        let id = getsockopt(socket, PeerCredentials).map_err(io("ask the id"))?.pid();
        let pid = Pid::from_raw(id).ok_or(PeerError::Elsewhere)?;
        let pidfd = match getsockopt(socket, PeerPidfd) {
            Ok(pidfd) => pidfd,
            Err(nix::Error::ENOPROTOOPT) => match pidfd_open(pid, PidfdFlags::empty()) {
                Ok(pidfd) => pidfd,
                Err(Errno::SRCH) => return Err(PeerError::Gone),
                Err(errno) => return Err(failed("hold the id")(errno)),
            },
            // The kernel has no handle of what was reaped.
            Err(nix::Error::ESRCH | nix::Error::EINVAL) => return Err(PeerError::Gone),
            Err(errno) => return Err(io("get a handle")(errno)),
        };
        Ok(Self { pid, pidfd })
    }

    /// Looks at the process. Blocks: a file system of the peer's own may be slow to answer.
    ///
    /// # Errors
    ///
    /// [`PeerError`] when it is gone, or not to be seen in `/proc`.
    pub fn look(&self) -> Result<PeerProcess, PeerError> {
        let folder = format!("/proc/{}", self.pid.as_raw_nonzero());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = match open(folder, flags, Mode::empty()) {
            Ok(folder) => folder,
            Err(errno) => {
                self.check_alive()?;
                return Err(failed("open the folder in /proc")(errno));
            }
        };
        // Alive after its folder was opened: so it is its folder, and no later process gets into it.
        self.check_alive()?;
        let seen = PeerProcess {
            exe: exe(folder.as_fd()).map_err(io::Error::from),
            control_groups: control_groups(folder.as_fd()),
        };
        self.check_alive()?;
        Ok(seen)
    }

    /// A pidfd is ready to be read once its process ended.
    ///
    /// Source: `pidfd_open(2)`.
    fn check_alive(&self) -> Result<(), PeerError> {
        let mut polled = [PollFd::new(&self.pidfd, PollFlags::IN)];
        match poll(&mut polled, Some(&NO_WAIT)) {
            Ok(0) => Ok(()),
            Ok(_) => Err(PeerError::Gone),
            Err(errno) => Err(failed("ask for a sign of life")(errno)),
        }
    }
}

/// The file that a process runs, and whether the path that the kernel names leads to that very file.
fn exe(folder: BorrowedFd<'_>) -> Result<Exe, Errno> {
    let path = readlinkat(folder, "exe", Vec::with_capacity(EXE_BYTES))?;
    let path = PathBuf::from(OsString::from_vec(path.into_bytes()));
    let running = statat(folder, "exe", AtFlags::NO_AUTOMOUNT)?;
    // The path was spelled by the kernel; a symlink that stands there now is another file.
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
    let there = statat(CWD, &path, flags);
    let same = |there: &Stat| (there.st_dev, there.st_ino) == (running.st_dev, running.st_ino);
    Ok(if there.is_ok_and(|there| same(&there)) { Exe::At(path) } else { Exe::NotAt(path) })
}

fn control_groups(folder: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    let file = openat(folder, "cgroup", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = String::new();
    std::fs::File::from(file).take(CONTROL_GROUPS_BYTES_MAX).read_to_string(&mut text)?;
    Ok(of_systemd(&text).map(str::to_owned).collect())
}

/// The paths in systemd's own trees: the unified one, and the one named `systemd` beside older ones.
///
/// Source: cgroups(7), `/proc/pid/cgroup`.
pub(crate) fn of_systemd(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (tree, path) = line.split_once(':')?.1.split_once(':')?;
        ["", "name=systemd"].contains(&tree).then_some(path)
    })
}

impl Exe {
    /// The path that the kernel names.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::At(path) | Self::NotAt(path) => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// Tells the child where to connect.
    const SOCKET: &str = "MANDATE_TEST_PEER_SOCKET";

    /// A process of another file, which is a copy of this test, connected to a socket of ours.
    fn connected(program: &Path) -> (Child, UnixStream) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let mut command = Command::new(program);
        command.args(["--exact", "peer::tests::the_child_connects_and_stays", "--ignored"]);
        command.env(SOCKET, &path).stdin(Stdio::piped()).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        let (stream, _) = listener.accept().unwrap();
        (child, stream)
    }

    #[test]
    #[ignore = "the child of other tests"]
    fn the_child_connects_and_stays() {
        let _stream = UnixStream::connect(std::env::var_os(SOCKET).unwrap()).unwrap();
        io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }

    fn this_test() -> PathBuf {
        std::env::current_exe().unwrap()
    }

    #[test]
    fn this_process_runs_its_own_file() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let seen = HeldPeer::of(&ours).unwrap().look().unwrap();
        assert_eq!(seen.exe.unwrap(), Exe::At(this_test()));
        assert!(!seen.control_groups.unwrap().is_empty());
    }

    #[test]
    fn a_file_that_was_replaced_is_not_the_one_that_runs() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("agent");
        fs::copy(this_test(), &copy).unwrap();
        let (mut child, stream) = connected(&copy);
        let held = HeldPeer::of(&stream).unwrap();
        let exe = || held.look().unwrap().exe.unwrap();
        assert_eq!(exe(), Exe::At(copy.clone()));
        // Put aside, the name leads to another file; the kernel follows the old one.
        fs::rename(&copy, folder.path().join("aside")).unwrap();
        fs::copy(this_test(), &copy).unwrap();
        assert_eq!(exe(), Exe::At(folder.path().join("aside")));
        fs::remove_file(folder.path().join("aside")).unwrap();
        let gone = exe();
        assert!(
            matches!(&gone, Exe::NotAt(path) if path.to_str().unwrap().ends_with(" (deleted)"))
        );
        // A file with that very name is not it either.
        fs::copy(this_test(), gone.path()).unwrap();
        assert_eq!(exe(), gone);
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_ended_is_gone_also_before_it_is_reaped() {
        let (mut child, stream) = connected(&this_test());
        let held = HeldPeer::of(&stream).unwrap();
        child.kill().unwrap();
        let mut polled = [PollFd::new(&held.pidfd, PollFlags::IN)];
        poll(&mut polled, None).unwrap();
        assert!(matches!(held.look(), Err(PeerError::Gone)), "a zombie");
        child.wait().unwrap();
        assert!(matches!(held.look(), Err(PeerError::Gone)), "reaped");
        let late = HeldPeer::of(&stream).and_then(|held| held.look());
        assert!(matches!(late, Err(PeerError::Gone)), "{late:?}");
    }

    #[test]
    fn only_the_trees_of_systemd_are_read() {
        let hybrid =
            "9:name=systemd:/a.slice/x.service\n8:pids:/pids\n4:memory:/m:1/2\n0::/a.slice/y:z\n";
        assert_eq!(of_systemd(hybrid).collect::<Vec<_>>(), ["/a.slice/x.service", "/a.slice/y:z"]);
        assert_eq!(of_systemd("").count(), 0);
    }
}
