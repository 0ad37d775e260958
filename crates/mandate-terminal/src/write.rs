//! Writing a configuration file: whole, on disk, the owner's alone.
//!
//! A new one never replaces another, and a changed one takes the place of the old in one step.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Writes a new file and the folders it needs.
///
/// # Errors
///
/// [`Failure::Config`] when there is a file already, which is not touched, or when the disk fails.
pub fn new(path: &Path, text: &str) -> Result<(), Failure> {
    write_new(path, text).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::Config(format!("{} exists; it was not touched", path.display()))
        }
        _ => Failure::Config(format!("cannot write {}: {error}", path.display())),
    })
}

/// Puts a text in the place of a file that exists, keeping its mode and its owner.
///
/// What a symlink leads to is changed, and the link stays.
///
/// # Errors
///
/// [`Failure::Config`] when the disk fails; the file is then as it was.
pub fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    write_over(path, text)
        .map_err(|error| Failure::Config(format!("cannot write {}: {error}", path.display())))
}

fn write_over(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let old = fs::metadata(&path)?;
    let aside = aside(&path);
    let written = write_aside(&aside, text).and_then(|()| {
        fs::set_permissions(&aside, old.permissions())?;
        let new = fs::metadata(&aside)?;
        if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
            chown(&aside, Some(old.uid()), Some(old.gid()))?;
        }
        fs::rename(&aside, &path)
    });
    if written.is_err() {
        // What went wrong is told; a file that is left beside it says the same.
        fs::remove_file(&aside).unwrap_or_default();
    }
    written?;
    File::open(folder)?.sync_all()
}

/// A name beside a file, for what is to take its place.
fn aside(path: &Path) -> PathBuf {
    path.with_extension(format!("new.{}", std::process::id()))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let aside = aside(path);
    let written = write_aside(&aside, text).and_then(|()| {
        // Unlike a rename, a link never replaces what is already there.
        fs::hard_link(&aside, path)
    });
    // Also where the link failed, nothing is left beside the file.
    let removed = fs::remove_file(&aside);
    written.and(removed)?;
    File::open(folder)?.sync_all()
}

fn write_aside(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_the_owners_alone_and_never_replaced() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("config");
        let path = folder.join("wallet.toml");
        new(&path, "one").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
        let refused = new(&path, "two").unwrap_err();
        assert!(refused.to_string().contains("was not touched"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    }
    #[test]
    fn a_changed_file_keeps_its_mode_and_its_link() {
        let base = tempfile::tempdir().unwrap();
        let (path, link) = (base.path().join("real.toml"), base.path().join("link.toml"));
        fs::write(&path, "one").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, "two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 2, "nothing is left beside it");
        assert!(replace(&base.path().join("none.toml"), "x").is_err());
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 2, "nothing is made");
    }
}
