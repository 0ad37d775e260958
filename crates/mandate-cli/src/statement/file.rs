//! Writing the page: whole or not at all, the principal's alone, and over nothing but an earlier file.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Only the owner reads and writes it: a statement is nobody else's business.
const MODE: u32 = 0o600;

/// Puts the text into a file of that name, in the place of an earlier one.
///
/// # Errors
///
/// [`Failure::Config`] when something else than a file has that name, a link included, or when the disk fails; the name
/// then stands for what it stood for.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed =
        |error: &io::Error| Failure::Config(format!("cannot write {}: {error}", path.display()));
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => {
            let problem = format!("{} is no regular file; it was not touched", path.display());
            return Err(Failure::Config(problem));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    let aside = aside(path).ok_or_else(|| failed(&io::ErrorKind::InvalidFilename.into()))?;
    // A rename replaces what has the name and follows no link, also one that was made since.
    let written = write_aside(&aside, text).and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        // What went wrong is told; a file that is left beside it says the same.
        fs::remove_file(&aside).unwrap_or_default();
    }
    written.and_then(|()| sync_folder(path)).map_err(|error| failed(&error))
}

/// A hidden name beside a file, for what is to take its place.
fn aside(path: &Path) -> Option<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name()?);
    name.push(format!(".{}.new", std::process::id()));
    Some(path.with_file_name(name))
}

fn write_aside(aside: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_earlier_page_is_replaced_and_nobody_else_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("november.html");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["november.html"]);
    }

    #[test]
    fn links_folders_and_devices_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "kept").unwrap();
        symlink(&real, &link).unwrap();
        let dangling = folder.path().join("dangling");
        symlink(folder.path().join("nothing"), &dangling).unwrap();
        for path in [&link, &dangling, folder.path(), Path::new("/dev/null"), Path::new("/")] {
            let refused = write(path, "new").unwrap_err();
            assert!(refused.to_string().contains("is no regular file"), "{refused}");
        }
        assert_eq!(fs::read_to_string(&real).unwrap(), "kept");
        assert_eq!(names(folder.path()), ["dangling", "link", "real"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let refused = write(&folder.path().join("none/page.html"), "new").unwrap_err();
        assert!(refused.to_string().starts_with("cannot write "), "{refused}");
        assert!(names(folder.path()).is_empty());
    }
}
