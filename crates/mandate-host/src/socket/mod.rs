//! Socket files: made, guarded and removed.
//!
//! Never takes over a path that is not a dead socket of this user, and never follows a symlink.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::geteuid;
use thiserror::Error;

/// Longest path of a Unix socket, in bytes, without the final NUL (`sun_path` in unix(7)).
pub const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The bits of a mode that let the group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// The permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// Who may reach the sockets through the file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Who serves and who calls share one uid: nobody else reaches the sockets.
    OneUser,
    /// Callers have uids of their own: everybody reaches the sockets and the peer check decides.
    System,
}

impl Access {
    fn folder_mode(self) -> u32 {
        match self {
            Self::OneUser => 0o700,
            Self::System => 0o755,
        }
    }

    fn socket_mode(self) -> u32 {
        match self {
            Self::OneUser => 0o600,
            Self::System => 0o666,
        }
    }
}

/// Why a socket cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another daemon accepts there.
    #[error("{} is in use: somebody is already serving there", path.display())]
    AlreadyRunning {
        /// The socket.
        path: PathBuf,
    },
    /// The folder of the sockets is no folder.
    #[error("{} is not a folder (a symlink is not followed); remove it", path.display())]
    FolderKind {
        /// The path.
        path: PathBuf,
    },
    /// Others may write to the folder and so replace the sockets.
    #[error("others may write to {}; run: chmod go-w {}", path.display(), path.display())]
    FolderWritable {
        /// The folder.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// Something that is no socket stands in the way.
    #[error("{} is not a socket; it is left alone: remove it, or choose another folder", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// It belongs to another user.
    #[error("{} belongs to uid {owner}, not to uid {uid}; choose another folder", path.display())]
    Owner {
        /// The path.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who this process runs as.
        uid: u32,
    },
    /// The path does not fit into a socket address.
    #[error("{} has {actual} bytes; a socket's path has at most {SOCKET_PATH_BYTES_MAX}: choose a folder with a shorter name", path.display())]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length in bytes.
        actual: usize,
    },
}

impl SocketError {
    /// A listener that the runtime did not take.
    #[must_use]
    pub fn listener(source: io::Error) -> Self {
        Self::Io { what: "serve", path: PathBuf::from("the socket"), source }
    }
}

/// A failed operation on a path, as an error.
fn io_error<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> SocketError + 'p {
    move |source| SocketError::Io { what, path: path.to_owned(), source }
}

/// The folder of the sockets, this user's own.
#[derive(Debug)]
pub struct SocketFolder {
    path: PathBuf,
}

impl SocketFolder {
    /// Makes the folder, or takes one that is this user's and that nobody else may write to.
    ///
    /// # Errors
    ///
    /// [`SocketError`] when it is another user's, a symlink, no folder, or open to others.
    pub fn open(path: &Path, access: Access) -> Result<Self, SocketError> {
        let mut builder = DirBuilder::new();
        match builder.mode(access.folder_mode()).create(path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_error("make the folder", path)(error)),
        }
        let found = fs::symlink_metadata(path).map_err(io_error("look at", path))?;
        if !found.is_dir() {
            return Err(SocketError::FolderKind { path: path.to_owned() });
        }
        owned_by_us(path, &found)?;
        // A folder like /tmp is not ours to close: refuse it instead of changing its mode.
        if found.mode() & WRITABLE_BY_OTHERS != 0 {
            return Err(SocketError::FolderWritable { path: path.to_owned() });
        }
        let folder = Self { path: path.to_owned() };
        folder.allow(access)?;
        Ok(folder)
    }

    /// Sets the folder's mode.
    ///
    /// # Errors
    ///
    /// [`SocketError::Io`] when the operating system refuses.
    pub fn allow(&self, access: Access) -> Result<(), SocketError> {
        set_mode(&self.path, access.folder_mode())
    }
}

/// A socket file made by this process; removed on drop, if it is still the same file.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Binds a listening socket, replacing a dead one of this user.
    ///
    /// # Errors
    ///
    /// [`SocketError`] when the path is taken by anything else: a symlink, a file, another user's socket or a
    /// daemon that still accepts.
    pub fn bind(path: &Path, access: Access) -> Result<(Self, UnixListener), SocketError> {
        let actual = path.as_os_str().len();
        if actual > SOCKET_PATH_BYTES_MAX {
            return Err(SocketError::PathTooLong { path: path.to_owned(), actual });
        }
        clear(path)?;
        Self::bind_cleared(path, access)
    }

    /// Binds where nothing is. What came there meanwhile stays: the kernel binds no path that exists, nor through a link.
    ///
    /// Nobody but this user may write to the folder, so no other can replace the file between the bind and the mode.
    ///
    /// Source: unix(7), `EADDRINUSE`.
    fn bind_cleared(path: &Path, access: Access) -> Result<(Self, UnixListener), SocketError> {
        let listener = UnixListener::bind(path).map_err(io_error("bind", path))?;
        let made = fs::symlink_metadata(path).map_err(io_error("look at", path))?;
        let file = Self { path: path.to_owned(), device: made.dev(), inode: made.ino() };
        file.allow(access)?;
        listener.set_nonblocking(true).map_err(io_error("prepare", path))?;
        Ok((file, listener))
    }

    /// Sets the socket's mode.
    ///
    /// # Errors
    ///
    /// [`SocketError::Io`] when the operating system refuses.
    pub fn allow(&self, access: Access) -> Result<(), SocketError> {
        set_mode(&self.path, access.socket_mode())
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let still_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| found.dev() == self.device && found.ino() == self.inode);
        if still_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

/// Removes a dead socket of ours; refuses anything else that exists.
fn clear(path: &Path) -> Result<(), SocketError> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("look at", path)(error)),
    };
    if !found.file_type().is_socket() {
        return Err(SocketError::NotASocket { path: path.to_owned() });
    }
    owned_by_us(path, &found)?;
    match probe(path) {
        Err(Errno::CONNREFUSED) => {}
        // Connected, or a full backlog: in both cases somebody listens.
        Ok(()) | Err(Errno::AGAIN) => {
            return Err(SocketError::AlreadyRunning { path: path.to_owned() });
        }
        Err(error) => return Err(io_error("probe", path)(error.into())),
    }
    fs::remove_file(path).map_err(io_error("remove", path))
}

/// Connects without waiting: a peer that no longer accepts must not hold up the start.
fn probe(path: &Path) -> Result<(), Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)
}

fn owned_by_us(path: &Path, found: &Metadata) -> Result<(), SocketError> {
    let uid = geteuid().as_raw();
    if found.uid() != uid {
        return Err(SocketError::Owner { path: path.to_owned(), owner: found.uid(), uid });
    }
    Ok(())
}

fn set_mode(path: &Path, mode: u32) -> Result<(), SocketError> {
    let current = fs::symlink_metadata(path).map_err(io_error("look at", path))?.mode();
    if current & PERMISSIONS == mode {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(io_error("set the mode of", path))
}

#[cfg(test)]
mod tests;
