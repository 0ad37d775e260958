//! `mandate backup`: the whole ledger in one new file, while the wallet runs or is stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use mandate::{Head, Root};
use mandate_ledger::StoppedLedger;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::Serialize;

use crate::context::Context;
use crate::failure::{Failure, chain};
use crate::journal::Journal;

const HELP: &str = "\
Works while the wallet runs and while it is stopped. The file holds every entry, and so what was bought where; keep it
as you keep a bank statement. The key and wallet.toml are not in it.

Example:
  mandate backup /media/safe/wallet-2026-11-27.db";

/// Mode of the file: its owner's alone.
const FILE_MODE: u32 = 0o600;

/// Options of `mandate backup`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// The file to make; one that is there is never overwritten
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Answer {
    file: PathBuf,
    entries: u64,
    root: Root,
    /// Entries that the newest checkpoint vouches for.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<u64>,
    not_included: [&'static str; 2],
}

/// Makes one.
pub(crate) fn run(arguments: &Arguments, context: &mut Context<'_, '_>) -> Result<(), Failure> {
    let file = &arguments.file;
    let unwritten = |error: &io::Error| unwritten(file, error);
    if fs::symlink_metadata(file).is_ok() {
        return Err(exists(file));
    }
    let journal = Journal::open(&context.places)?;
    let partial = Partial::make(file).map_err(|error| unwritten(&error))?;
    journal.copy_to(&mut partial.file.try_clone().map_err(|error| unwritten(&error))?)?;
    partial.file.sync_all().map_err(|error| unwritten(&error))?;
    // What was written is what is told of.
    let copy = StoppedLedger::copy(&partial.path)
        .map_err(|error| Failure::Check(format!("the copy does not read: {}", chain(&error))))?;
    let unread = |error| Failure::Check(format!("the copy does not read: {}", chain(&error)));
    let Head { size, root } = copy.head().map_err(unread)?;
    let signed = copy.checkpoint().map_err(unread)?.map(|signed| signed.head().size);
    drop(copy);
    partial.place(file)?;
    let not_included = ["the key", "wallet.toml"];
    let answer = Answer { file: file.clone(), entries: size, root, signed, not_included };
    context.ui.answer(&answer, |ui| {
        ui.line(format_args!("{} entries in {}; root {root}", size, file.display()))?;
        match signed {
            Some(signed) => ui.line(format_args!("a signed checkpoint vouches for {signed}"))?,
            None => ui.line("no checkpoint was ever signed")?,
        }
        ui.line("not in it: the key and wallet.toml; keep them elsewhere")
    })
}

/// A file that is not complete; removed when dropped.
struct Partial {
    file: File,
    path: PathBuf,
}

impl Partial {
    /// Makes it beside the file that it is to become.
    fn make(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(format!(".{}.partial", std::process::id()));
        let path = target.with_file_name(partial);
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .mode(FILE_MODE)
            .open(&path)?;
        Ok(Self { file, path })
    }

    /// Gives it its name; an existing file of that name stays.
    fn place(self, target: &Path) -> Result<(), Failure> {
        // Not a link: a stick that is formatted with FAT has none.
        match rename_to_free_name(&self.path, target) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(target));
            }
            Err(error) => return Err(unwritten(target, &error)),
        }
        drop(self);
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| unwritten(target, &error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nothing is left to say to whoever hears of the first fault.
        drop(fs::remove_file(&self.path));
    }
}

/// Gives a file another name that nothing has.
fn rename_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // A file system that knows of no such rename, as NFS.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(from, to),
        Err(error) => Err(error.into()),
    }
}

/// Copies an open file from its beginning.
pub(crate) fn copy_file(mut from: File, to: &mut File) -> io::Result<()> {
    from.rewind()?;
    io::copy(&mut from, to).map(drop)
}

/// Why a copy was not written.
pub(crate) fn uncopied(error: &io::Error) -> Failure {
    Failure::Check(format!("cannot write the backup: {error}; none was made"))
}

fn unwritten(file: &Path, error: &io::Error) -> Failure {
    Failure::Check(format!("cannot write {}: {error}; no backup was made", file.display()))
}

fn exists(file: &Path) -> Failure {
    Failure::Usage(format!("{} is there already; name another file", file.display()))
}
