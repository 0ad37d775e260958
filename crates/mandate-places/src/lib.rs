//! Which folders are a program's own: by systemd, else by the XDG base folders.
//!
//! Resolves names only; nothing is created, opened or checked here. It stands alone, small as it is, because an agent
//! links `mandate-proto` to find the wallet's socket and must get nothing else with it,
//! while the gateway looks its folders up by the same rules and knows no wallet.

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::{env, fmt, io};

/// The folder of this product below each XDG base folder.
const FOLDER: &str = "mandate";

/// Why a path cannot be told.
#[derive(Debug)]
#[non_exhaustive]
pub enum PathError {
    /// A relative path was given and the working folder cannot be read.
    Absolute {
        /// The path as given.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Nothing says where the folder is.
    Unknown {
        /// What was looked for: `config`, `state-dir` or `runtime-dir`.
        option: &'static str,
        /// The environment variable that would have told it.
        variable: &'static str,
    },
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute { path, .. } => {
                write!(f, "{} is relative and the working folder is unknown", path.display())
            }
            Self::Unknown { option, variable } => {
                write!(f, "neither --{option} nor {variable} is set; pass --{option}")
            }
        }
    }
}

impl Error for PathError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Absolute { source, .. } => Some(source),
            Self::Unknown { .. } => None,
        }
    }
}

/// A path that does not change its meaning with the working folder.
///
/// # Errors
///
/// [`PathError::Absolute`] when the working folder cannot be read.
pub fn absolute(path: PathBuf) -> Result<PathBuf, PathError> {
    std::path::absolute(&path).map_err(|source| PathError::Absolute { path, source })
}

/// The environment that folders are looked up in. An empty variable counts as unset.
#[derive(Clone, Copy)]
pub struct Environment<F> {
    variable: F,
}

impl<F> fmt::Debug for Environment<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// An environment in which `variable` finds what a name holds.
    pub fn new(variable: F) -> Self {
        Self { variable }
    }

    /// What a variable names, unless it is empty.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        (self.variable)(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// systemd passes a list joined by colons when a unit names several folders; the first is ours.
    fn systemd(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.path(name)?).next()
    }

    /// The folder of configuration files: systemd's, else `mandate` in the XDG one.
    ///
    /// # Errors
    ///
    /// [`PathError::Unknown`] when nothing tells it.
    pub fn config_dir(&self) -> Result<PathBuf, PathError> {
        if let Some(folder) = self.systemd("CONFIGURATION_DIRECTORY") {
            return Ok(folder);
        }
        self.xdg("XDG_CONFIG_HOME", ".config")
            .ok_or(PathError::Unknown { option: "config", variable: "HOME" })
    }

    /// The folder of what must not be lost: systemd's, else `mandate` in the XDG one.
    ///
    /// # Errors
    ///
    /// [`PathError::Unknown`] when nothing tells it.
    pub fn state_dir(&self) -> Result<PathBuf, PathError> {
        if let Some(folder) = self.systemd("STATE_DIRECTORY") {
            return Ok(folder);
        }
        self.xdg("XDG_STATE_HOME", ".local/state")
            .ok_or(PathError::Unknown { option: "state-dir", variable: "HOME" })
    }

    /// The folder of sockets: systemd's, else `mandate` in the XDG one.
    ///
    /// There is no default below the home folder: sockets must vanish with the session.
    ///
    /// # Errors
    ///
    /// [`PathError::Unknown`] when nothing tells it.
    pub fn runtime_dir(&self) -> Result<PathBuf, PathError> {
        if let Some(folder) = self.systemd("RUNTIME_DIRECTORY") {
            return Ok(folder);
        }
        self.path("XDG_RUNTIME_DIR")
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(FOLDER))
            .ok_or(PathError::Unknown { option: "runtime-dir", variable: "XDG_RUNTIME_DIR" })
    }

    /// A relative XDG folder is ignored.
    ///
    /// Source: XDG Base Directory Specification, section "Environment variables".
    fn xdg(&self, name: &str, below_home: &str) -> Option<PathBuf> {
        let base = self
            .path(name)
            .filter(|folder| folder.is_absolute())
            .or_else(|| self.path("HOME").map(|home| home.join(below_home)))?;
        Some(base.join(FOLDER))
    }
}
