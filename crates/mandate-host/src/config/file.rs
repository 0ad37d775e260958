//! The file on disk: its text, whose it is, and who could have written it.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use thiserror::Error;

/// The bits of a mode that let the group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A configuration file that was read.
#[derive(Debug)]
pub struct ConfigFile {
    /// Where it was read, as it was named.
    pub path: PathBuf,
    /// The uid that owns it.
    pub owner: u32,
    /// What it says.
    pub text: String,
}

/// Why a configuration file cannot be read, or must not be trusted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigFileError {
    /// It may be half of what it is to be, and half of a file may allow more than the whole.
    #[error("{} is being written; close it, or save it again, and it is read then", path.display())]
    BeingWritten {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file, or a folder it is in.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// There is none. What to do about that is for the program to say.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The file, or a folder it is in.
        path: PathBuf,
    },
    /// It is larger than any real one.
    #[error("{} has more than {bytes_max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes that are read.
        bytes_max: u64,
    },
    /// It is no UTF-8 text.
    #[error("{} is not UTF-8", path.display())]
    Utf8 {
        /// The file.
        path: PathBuf,
        /// Where it ends to be text, and its bytes.
        error: FromUtf8Error,
    },
    /// The group or others may write to it.
    #[error("others may write to {}; run: chmod go-w {}", path.display(), path.display())]
    Writable {
        /// The file, or a folder it is in.
        path: PathBuf,
    },
}

impl ConfigFileError {
    fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path: path.to_owned() },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }
}

impl ConfigFile {
    /// Reads a file that is to be in force: at most `bytes_max` bytes, writable by its owner alone. Blocks.
    ///
    /// Whether that owner is the right one is for the caller to say.
    ///
    /// # Errors
    ///
    /// [`ConfigFileError::Writable`] when the group or others may write to it, to the folder that it is named in or to
    /// the one that it lies in; it is not read then. [`ConfigFileError::BeingWritten`] when it changed while it was
    /// read. [`ConfigFileError::Missing`], [`ConfigFileError::Io`], [`ConfigFileError::TooLarge`] and
    /// [`ConfigFileError::Utf8`] when it has no text to give.
    pub fn load(path: &Path, bytes_max: u64) -> Result<Self, ConfigFileError> {
        let (mut file, found) = open(path)?;
        writable_by_us_alone(path, &found)?;
        // Who may write to a folder may put another file in the place of this one.
        let resolved = path.canonicalize().map_err(|source| ConfigFileError::io(path, source))?;
        for folder in [path, &resolved].into_iter().filter_map(Path::parent) {
            let found = folder.metadata().map_err(|source| ConfigFileError::io(folder, source))?;
            writable_by_us_alone(folder, &found)?;
        }
        let read = read(path, &mut file, &found, bytes_max);
        let after = file.metadata().map_err(|source| ConfigFileError::io(path, source))?;
        if version(&found) != version(&after) {
            return Err(ConfigFileError::BeingWritten { path: path.to_owned() });
        }
        read
    }

    /// Reads a file that is not in force, wherever it lies and whoever may write to it. Blocks.
    ///
    /// # Errors
    ///
    /// Those of [`ConfigFile::load`], but for [`ConfigFileError::BeingWritten`] and [`ConfigFileError::Writable`].
    pub fn load_candidate(path: &Path, bytes_max: u64) -> Result<Self, ConfigFileError> {
        let (mut file, found) = open(path)?;
        read(path, &mut file, &found, bytes_max)
    }
}

/// The file and what is known of it; both are of the one file that was opened.
fn open(path: &Path) -> Result<(File, Metadata), ConfigFileError> {
    let io_error = |source| ConfigFileError::io(path, source);
    let file = File::open(path).map_err(io_error)?;
    let found = file.metadata().map_err(io_error)?;
    Ok((file, found))
}

/// What of a file changes when it is written: its length, and when that was.
fn version(found: &Metadata) -> (u64, i64, i64) {
    (found.size(), found.mtime(), found.mtime_nsec())
}

fn writable_by_us_alone(path: &Path, found: &Metadata) -> Result<(), ConfigFileError> {
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(ConfigFileError::Writable { path: path.to_owned() });
    }
    Ok(())
}

fn read(
    path: &Path,
    file: &mut File,
    found: &Metadata,
    bytes_max: u64,
) -> Result<ConfigFile, ConfigFileError> {
    let mut bytes = Vec::new();
    let mut limited = file.take(bytes_max.saturating_add(1));
    limited.read_to_end(&mut bytes).map_err(|source| ConfigFileError::io(path, source))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(ConfigFileError::TooLarge { path: path.to_owned(), bytes_max });
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(ConfigFile { path: path.to_owned(), owner: found.uid(), text }),
        Err(error) => Err(ConfigFileError::Utf8 { path: path.to_owned(), error }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    const BYTES_MAX: u64 = 16;

    type Read = Result<ConfigFile, ConfigFileError>;

    /// A file with these modes.
    fn made(text: &[u8], file: u32, folder: u32) -> (TempDir, PathBuf) {
        let base = tempfile::tempdir().unwrap();
        let place = base.path().join("config");
        let path = place.join("daemon.toml");
        fs::create_dir(&place).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(file)).unwrap();
        fs::set_permissions(&place, Permissions::from_mode(folder)).unwrap();
        (base, path)
    }

    /// Reads a file with these modes as the one in force, and as a candidate.
    fn readings(text: &[u8], file: u32, folder: u32) -> [Read; 2] {
        let (_base, path) = made(text, file, folder);
        [ConfigFile::load(&path, BYTES_MAX), ConfigFile::load_candidate(&path, BYTES_MAX)]
    }

    #[test]
    fn a_file_that_others_may_write_is_refused_before_it_is_read() {
        for (file, folder) in [(0o620, 0o700), (0o602, 0o700), (0o600, 0o720), (0o600, 0o1777)] {
            let [in_force, _] = readings(b"\xff", file, folder);
            let error = in_force.unwrap_err();
            let what = format!("{file:o} {folder:o}: {error}");
            assert!(matches!(error, ConfigFileError::Writable { .. }), "{what}");
            assert!(error.to_string().contains("chmod go-w"), "{what}");
        }
        assert!(readings(b"good", 0o644, 0o755).iter().all(Result::is_ok));
    }

    #[test]
    fn a_link_is_no_way_around_the_folder_that_the_file_lies_in() {
        let (base, path) = made(b"", 0o600, 0o777);
        let link = base.path().join("link");
        symlink(&path, &link).unwrap();
        let error = ConfigFile::load(&link, BYTES_MAX).unwrap_err();
        let lies_in = path.canonicalize().unwrap().parent().map(Path::to_owned);
        assert!(
            matches!(&error, ConfigFileError::Writable { path } if Some(path) == lies_in.as_ref()),
            "{error}"
        );
    }

    #[test]
    fn a_candidate_may_lie_anywhere() {
        let [in_force, candidate] = readings(b"good", 0o666, 0o777);
        assert!(in_force.is_err());
        let ConfigFile { path, owner, text } = candidate.unwrap();
        assert_eq!(path.file_name().unwrap(), "daemon.toml");
        assert_eq!(owner, rustix::process::geteuid().as_raw());
        assert_eq!(text, "good");
    }

    #[test]
    fn what_is_no_file_or_no_text_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = ConfigFile::load(&folder.path().join("daemon.toml"), BYTES_MAX);
        assert!(matches!(missing, Err(ConfigFileError::Missing { .. })));
        let no_file = ConfigFile::load_candidate(folder.path(), BYTES_MAX);
        assert!(matches!(no_file, Err(ConfigFileError::Io { .. })));
        for reading in readings(b"\xff", 0o600, 0o700) {
            let Err(ConfigFileError::Utf8 { error, .. }) = reading else { panic!("{reading:?}") };
            assert_eq!(error.as_bytes(), b"\xff");
        }
    }

    #[test]
    fn the_largest_file_is_read_and_one_byte_more_is_not() {
        assert!(readings(&[b' '; 16], 0o600, 0o700).iter().all(Result::is_ok));
        for reading in readings(&[b' '; 17], 0o600, 0o700) {
            let error = reading.unwrap_err();
            assert!(matches!(error, ConfigFileError::TooLarge { bytes_max: BYTES_MAX, .. }));
            assert!(error.to_string().ends_with("has more than 16 bytes"), "{error}");
        }
    }
}
