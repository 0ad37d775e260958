//! A folder of files that somebody else may have made: read and written below one open descriptor.
//!
//! No link is followed below it, nothing but plain files is read, and no more of them than was asked for.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, mkdirat, openat, syncfs};
use rustix::io::Errno;
use thiserror::Error;

/// Who may enter a folder that is made here: its owner.
const FOLDER_MODE: Mode = Mode::RWXU;
/// Who may read a file that is made here: its owner.
const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Why a file of a folder cannot be read or written. Paths are below the folder.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is not there.
    #[error("{path} is missing")]
    Missing {
        /// The file.
        path: String,
    },
    /// It is a link, a pipe, a device or a folder, or lies behind a link.
    #[error("{path} is no plain file in plain folders; links are not followed")]
    NotPlain {
        /// The file.
        path: String,
    },
    /// It is larger than it can be.
    #[error("{path} has more than the {limit} bytes that it can have")]
    TooLarge {
        /// The file.
        path: String,
        /// The most it can have.
        limit: usize,
    },
}

impl FolderError {
    fn of(path: &str, errno: Errno) -> Self {
        let path = path.to_owned();
        match errno {
            Errno::NOENT => Self::Missing { path },
            // A link where a folder should be is no folder to the kernel, and a link where a file should be is a loop.
            Errno::LOOP | Errno::NOTDIR | Errno::NXIO => Self::NotPlain { path },
            errno => Self::Io { path, source: errno.into() },
        }
    }
}

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder that a person named; that name may be a link.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Makes a folder in this one and opens it.
    ///
    /// # Errors
    ///
    /// What the system says; that there is something of this name already.
    pub(crate) fn make(&self, name: &str) -> io::Result<Self> {
        mkdirat(&self.0, name, FOLDER_MODE)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Opens a folder in this one.
    ///
    /// # Errors
    ///
    /// What the system says; that it is a link.
    pub(crate) fn open_in(&self, name: &CStr) -> io::Result<Self> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Its descriptor.
    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.0
    }

    /// Reads a file of at most `limit` bytes, whose path has no other parts than names.
    ///
    /// # Errors
    ///
    /// [`FolderError`].
    pub(crate) fn read(&self, path: &str, limit: usize) -> Result<Vec<u8>, FolderError> {
        let failed = |errno| FolderError::of(path, errno);
        let (parents, name) = split(path);
        let parent = self.walk(path, parents, false)?;
        let folder = parent.as_ref().unwrap_or(&self.0);
        // A pipe must not make the reader wait for a writer before it is seen to be one.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(folder, name, flags, Mode::empty()).map_err(failed)?;
        let stat = fstat(&file).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FolderError::NotPlain { path: path.to_owned() });
        }
        let large = || FolderError::TooLarge { path: path.to_owned(), limit };
        let length = usize::try_from(stat.st_size).or(Err(large()))?;
        if length > limit {
            return Err(large());
        }
        let mut bytes = Vec::with_capacity(length);
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        File::from(file)
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|source| FolderError::Io { path: path.to_owned(), source })?;
        if bytes.len() > limit { Err(large()) } else { Ok(bytes) }
    }

    /// Writes a new file and the folders on its way.
    ///
    /// # Errors
    ///
    /// [`FolderError`]; that it exists already.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let (parents, name) = split(path);
        let parent = self.walk(path, parents, true)?;
        let folder = parent.as_ref().unwrap_or(&self.0);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file =
            openat(folder, name, flags, FILE_MODE).map_err(|errno| FolderError::of(path, errno))?;
        File::from(file)
            .write_all(bytes)
            .map_err(|source| FolderError::Io { path: path.to_owned(), source })
    }

    /// Has everything that was written reach the disk.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(crate) fn sync(&self) -> io::Result<()> {
        // One call for all files: an export can have tens of thousands.
        Ok(syncfs(&self.0)?)
    }

    /// The folder at the end of `parents`; `None` if that is this one.
    fn walk(&self, path: &str, parents: &str, make: bool) -> Result<Option<OwnedFd>, FolderError> {
        let failed = |errno| FolderError::of(path, errno);
        let mut at: Option<OwnedFd> = None;
        for name in parents.split('/').filter(|name| !name.is_empty()) {
            let folder = at.as_ref().unwrap_or(&self.0);
            if make {
                match mkdirat(folder, name, FOLDER_MODE) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(failed(errno)),
                }
            }
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
            at = Some(openat(folder, name, flags, Mode::empty()).map_err(failed)?);
        }
        Ok(at)
    }
}

/// The folders on the way, and the file's name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::{fs, path::PathBuf};

    use rustix::fs::mknodat;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf, Folder) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("folder");
        fs::create_dir(&path).unwrap();
        let folder = Folder::open(&path).unwrap();
        (temp, path, folder)
    }

    #[test]
    fn what_is_written_is_read_and_nobody_else_s() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_temp, path, folder) = folder();
        folder.write("a/b/c", b"text").unwrap();
        assert_eq!(folder.read("a/b/c", 4).unwrap(), b"text");
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path.join("a/b")), mode(path.join("a/b/c"))), (0o700, 0o600));
        assert!(matches!(folder.write("a/b/c", b"other"), Err(FolderError::Io { .. })));
    }

    #[test]
    fn links_pipes_and_folders_are_refused() {
        let (temp, path, folder) = folder();
        fs::write(temp.path().join("secret"), "secret").unwrap();
        fs::create_dir(temp.path().join("outside")).unwrap();
        fs::write(temp.path().join("outside/file"), "secret").unwrap();
        symlink(temp.path().join("secret"), path.join("link")).unwrap();
        symlink(temp.path().join("outside"), path.join("away")).unwrap();
        fs::create_dir(path.join("inner")).unwrap();
        mknodat(folder.fd(), "pipe", FileType::Fifo, FILE_MODE, 0).unwrap();
        for name in ["link", "away/file", "inner", "pipe"] {
            let error = folder.read(name, 100).unwrap_err();
            assert!(matches!(error, FolderError::NotPlain { .. }), "{name}: {error}");
        }
        assert!(folder.write("away/new", b"x").is_err());
        assert!(matches!(folder.read("gone/file", 9), Err(FolderError::Missing { .. })));
    }

    #[test]
    fn no_more_is_read_than_a_file_can_have() {
        let (_temp, path, folder) = folder();
        fs::write(path.join("file"), "12345").unwrap();
        assert!(matches!(folder.read("file", 4), Err(FolderError::TooLarge { limit: 4, .. })));
        assert_eq!(folder.read("file", 5).unwrap(), b"12345");
    }
}
