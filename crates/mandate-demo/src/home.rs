//! A principal and two merchants for a few seconds: a folder, keys in the system's keyring, their journals and files.
//!
//! All of it is gone when the value is, whatever happened in between.

use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mandate::digest::PolicyDigest;
use mandate::{PrincipalId, UnixSeconds};
use mandate_keys::Service;
use mandate_ledger::{Genesis, Ledger};
use mandate_proto::paths::{Overrides, Paths};
use mandated::SOCKET_PATH_BYTES_MAX;
use tempfile::TempDir;

use crate::error::{DemoError, same};
use crate::key::Key;
use crate::shop::Shop;

/// A principal, and the merchants that sell to her agent.
#[derive(Debug)]
pub(crate) struct Home {
    /// The places of her wallet.
    pub(crate) paths: Paths,
    /// Her key.
    pub(crate) key: Key,
    /// Rents rooms; where the agent means to book.
    pub(crate) lux: Shop,
    /// Rents rooms, too.
    pub(crate) sea: Shop,
    folder: TempDir,
}

impl Home {
    /// Makes the keys, and a journal for each of the three. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError::Key`] if no keyring takes a key; [`DemoError`] otherwise. Nothing is left then.
    pub(crate) fn new(now: UnixSeconds) -> Result<Self, DemoError> {
        let parent = std::env::temp_dir();
        let folder = TempDir::with_prefix("mandate-demo-")
            .map_err(DemoError::io("make a folder in", &parent))?;
        let place = |name: &str| Some(folder.path().join(name));
        let paths = Paths::resolve(Overrides {
            config: place("config/wallet.toml"),
            state_dir: place("state"),
            runtime_dir: place("run"),
        })?;
        let longest = paths.control_socket();
        if longest.as_os_str().as_bytes().len() > SOCKET_PATH_BYTES_MAX {
            return Err(DemoError::TemporaryFolder { path: longest });
        }
        let account = format!("demo-{:016x}", getrandom::u64()?);
        let key = Key::create(Service::Wallet, account.parse()?)?;
        let principal = PrincipalId::from_key(&key.public);
        Ledger::create(paths.state_dir(), &Genesis { principal, key: key.public, time: now })?;
        let shop = |id: &str, name| {
            Shop::new(id, name, format!("{account}-{id}").parse()?, folder.path(), now)
        };
        let (lux, sea) = (shop("lux-hotels", "Lux Hotels")?, shop("sea-view", "Sea View")?);
        Ok(Self { paths, key, lux, sea, folder })
    }

    /// Who she is.
    pub(crate) fn principal(&self) -> PrincipalId {
        PrincipalId::from_key(&self.key.public)
    }

    /// Where everything is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The wallet's log file.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("mandated.log")
    }

    /// Every log file, with the program that writes it.
    pub(crate) fn logs(&self) -> [(&str, PathBuf); 3] {
        [
            ("wallet", self.log()),
            (self.lux.id.as_str(), self.lux.log()),
            (self.sea.id.as_str(), self.sea.log()),
        ]
    }

    /// Deletes the keys and the folder, and looks whether they are gone. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError`] with the first thing that is left.
    pub(crate) fn remove(self) -> Result<(), DemoError> {
        let Self { folder, key, lux, sea, .. } = self;
        // One that fails does not keep the others.
        let keys = [key.remove(), lux.key.remove(), sea.key.remove()];
        let path = folder.path().to_owned();
        folder.close().map_err(DemoError::io("remove", &path))?;
        same(&"no folder", &if path.exists() { "a folder" } else { "no folder" })?;
        keys.into_iter().collect()
    }
}

/// Puts a configuration file in its place, as an editor that renames does; gives its digest. Blocks.
///
/// # Errors
///
/// [`DemoError::Io`] when the disk fails.
pub(crate) fn write(path: &Path, text: &str) -> Result<PolicyDigest, DemoError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(DemoError::io("make the folder", folder))?;
    }
    let new = path.with_extension("new");
    fs::write(&new, text).map_err(DemoError::io("write", &new))?;
    let mode = Permissions::from_mode(0o600);
    fs::set_permissions(&new, mode).map_err(DemoError::io("guard", &new))?;
    fs::rename(&new, path).map_err(DemoError::io("put in place", path))?;
    Ok(PolicyDigest::of(text.as_bytes()))
}
