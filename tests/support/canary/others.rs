//! What the system lets others do to a process: read its memory, and keep what a crash leaves.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, geteuid, getrlimit, kill_process, setrlimit};

use tempfile::TempDir;

use crate::{must_not_skip, said, start};

/// The user that a process runs as which is looked at by others: nobody's, so that root's privileges say nothing.
const NOBODY: u32 = 65_534;
/// The superuser.
const ROOT: u32 = 0;

/// Has a command run as a user without privileges, and gives that user these folders; where this is not root, the
/// command runs as its own user.
///
/// # Panics
///
/// If root cannot give a file away.
pub fn unprivileged(command: &mut Command, folders: &[&Path]) {
    if geteuid().is_root() {
        folders.iter().for_each(|folder| give_away(folder));
        command.uid(NOBODY).gid(NOBODY);
    }
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            give_away(&entry.expect("an entry").path());
        }
    }
}

/// A folder that everybody may look into.
///
/// # Panics
///
/// If the disk fails.
#[must_use]
pub fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
    folder
}

/// A copy of a program in a folder: whoever runs it may not be able to look into the folder that it was built in.
///
/// # Panics
///
/// If the disk fails.
#[must_use]
pub fn copied(program: &str, folder: &Path) -> String {
    let copy = folder.join("program");
    fs::copy(program, &copy).expect("a copy");
    copy.to_str().expect("a path").to_owned()
}

/// A script in a folder that runs a program which may lock no memory.
///
/// # Panics
///
/// If the disk fails.
#[must_use]
pub fn without_locked_memory(program: &str, folder: &Path) -> String {
    let script = folder.join("script");
    fs::write(&script, format!("#!/bin/sh\nulimit -l 0\nexec {program} \"$@\"\n")).expect("a file");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("a mode");
    script.to_str().expect("a path").to_owned()
}

/// What systemd hands over to a unit that has this key, as a folder.
///
/// # Panics
///
/// If the disk fails.
#[must_use]
pub fn credentials(account: &str, seed: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(account);
    fs::write(&path, seed).expect("a file");
    fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("a mode");
    folder
}

/// Wants that no process of the same user, who has no privileges, can open the memory of `pid`.
///
/// # Panics
///
/// If one can.
pub fn assert_memory_is_closed(pid: u32) {
    let files = fs::metadata(format!("/proc/{pid}/mem")).expect("a living process");
    assert_eq!(files.uid(), ROOT, "/proc/{pid} belongs to the process's own user: it is dumpable");
    let refused = "Permission denied";
    let told = look_into(pid);
    assert!(told.contains(refused), "the memory of {pid} can be opened: {told}");
    // The control: a process that guards nothing.
    let mut open = Command::new("sleep");
    unprivileged(open.arg("3600"), &[]);
    let mut open = start(&mut open);
    if look_into(open.id()).contains(refused) {
        println!(
            "this system lets no process look into another, so that says nothing of the daemon"
        );
    }
    open.kill().expect("a process");
    open.wait().expect("an end");
}

/// Opens the memory of a process as the user of that process, and says what the system said.
fn look_into(pid: u32) -> String {
    let mut command = Command::new("cat");
    unprivileged(command.arg(format!("/proc/{pid}/mem")), &[]);
    said(command).err
}

/// Lifts the limit on core files as far as it goes, for what is started from here on.
///
/// # Panics
///
/// If the system refuses.
pub fn permit_core_files() {
    let limit = getrlimit(Resource::Core);
    let permitted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    setrlimit(Resource::Core, permitted).expect("its own limit");
}

/// Aborts a process, and wants that no core was made of it, neither in `folder` nor anywhere else.
///
/// # Panics
///
/// If one was; under CI also if this system makes none of anybody.
pub fn assert_abort_leaves_no_core(
    pid: u32,
    wait: impl FnOnce() -> std::process::ExitStatus,
    folder: &Path,
) {
    abort(pid);
    let status = wait();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()), "{status}");
    assert!(!status.core_dumped(), "a core was made: {status}");
    let left: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().collect();
    let is_core = |name: std::ffi::OsString| name.to_string_lossy().starts_with("core");
    assert!(!left.into_iter().any(|file| is_core(file.file_name())), "a core is in the folder");
    // The control: a process that guards nothing.
    let mut open = Command::new("sleep");
    open.arg("3600").current_dir(folder).stdout(Stdio::null());
    unprivileged(&mut open, &[]);
    let mut open = start(&mut open);
    abort(open.id());
    if !open.wait().expect("an end").core_dumped() {
        assert!(!must_not_skip(), "under CI nothing is skipped: this system makes no cores");
        println!("this system makes no cores of anybody, so that says nothing of the daemon");
    }
}

fn abort(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    kill_process(pid, Signal::ABORT).expect("a living process");
}
