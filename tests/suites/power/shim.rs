//! Builds the shim, and runs a child under it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use mandate_tests::start;
use tempfile::TempDir;

use crate::child;
use crate::disk::Disk;
use crate::trace::{self, Record};

/// The folder that the shim watches.
pub const ROOT: &str = "MANDATE_POWER_ROOT";
/// Where it writes down what happens.
pub const TRACE: &str = "MANDATE_POWER_TRACE";
/// What it breaks.
const FAULT: &str = "MANDATE_POWER_FAULT";
/// What a sync is worth.
const DISK: &str = "MANDATE_POWER_DISK";

/// What a sync is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// What was written before is on disk after it.
    Honest,
    /// Nothing: the disk says yes and does not do it.
    Lie,
    /// As under `synchronous=NORMAL`: the log is synced only when it is about to be copied.
    Normal,
}

/// What a child did.
pub struct Story {
    pub records: Vec<Record>,
    root: PathBuf,
    inode: u64,
    _folder: TempDir,
}

impl Story {
    /// Lets a child mint for some turns, chosen by a seed, on a disk with this fault.
    pub fn of(seed: u64, turns: u64, syncs: Syncs, fault: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("disk");
        fs::create_dir(&root).unwrap();
        let trace = folder.path().join("trace");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", child::TEST, "--nocapture", "--test-threads=1"])
            .env("LD_PRELOAD", shim())
            .env(ROOT, &root)
            .env(TRACE, &trace)
            .env(child::SEED_OF_STORY, seed.to_string())
            .env(child::TURNS, turns.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match syncs {
            Syncs::Honest => {}
            Syncs::Lie => drop(command.env(DISK, "lie")),
            Syncs::Normal => drop(command.env(DISK, "normal")),
        }
        if let Some(fault) = fault {
            command.env(FAULT, fault);
        }
        let ended = start(&mut command).wait_with_output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "seed {seed}, {fault:?}: {out}{err}");
        let inode = fs::metadata(&root).unwrap().ino();
        let records = trace::read(&fs::read(&trace).unwrap());
        Self { records, root, inode, _folder: folder }
    }

    /// The disk before anything happened.
    pub fn disk(&self) -> Disk {
        Disk::new(&self.root, self.inode)
    }
}

/// The shim, built once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<(PathBuf, TempDir)> = OnceLock::new();
    let (path, _) = SHIM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("power.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/power.c");
        let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]);
        command.arg(&path).arg(source);
        let built = start(&mut command).wait().unwrap();
        assert!(built.success(), "the C compiler did not build the shim");
        (path, folder)
    });
    path
}
