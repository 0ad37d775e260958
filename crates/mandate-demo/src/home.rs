//! A principal for a few seconds: a folder, a key in the system's keyring, a ledger, a wallet.toml.
//!
//! All of it is gone when the value is, whatever happened in between.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mandate::digest::PolicyDigest;
use mandate::{Money, PrincipalId, PublicKey, UnixSeconds};
use mandate_keys::{Account, KeyLocation, KeyStoreError, Service, StoreChoice, StoreKind};
use mandate_ledger::{Genesis, Ledger};
use mandate_proto::paths::{Overrides, Paths};
use mandated::SOCKET_PATH_BYTES_MAX;
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::error::{DemoError, same};
use crate::merchant::Merchant;

/// Seconds of a day.
const DAY_S: u64 = 86_400;
/// A day that ends within this time would end in the middle of the demonstration, and its caps start anew.
const NEAR_MIDNIGHT_S: u64 = 600;

/// The key, deleted with this value.
#[derive(Debug)]
struct Key {
    location: KeyLocation,
    deleted: bool,
}

/// A principal, and the merchants that sell to her agent.
#[derive(Debug)]
pub(crate) struct Home {
    /// The places of her wallet.
    pub(crate) paths: Paths,
    /// The public half of her key.
    pub(crate) public_key: PublicKey,
    /// The keyring that took the key.
    pub(crate) store: StoreKind,
    /// Sells train tickets; listed.
    pub(crate) rail: Merchant,
    /// Rents rooms; listed.
    pub(crate) hotels: Merchant,
    /// Wants to be paid; not listed.
    pub(crate) refunds: Merchant,
    timezone: &'static str,
    folder: TempDir,
    key: Key,
}

impl Home {
    /// Makes a key, and a ledger of its own. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError::Key`] if no keyring takes the key; [`DemoError`] otherwise. Nothing is left then.
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
        let account: Account = format!("demo-{:016x}", getrandom::u64()?).parse()?;
        let location = KeyLocation { service: Service::Wallet, choice: StoreChoice::Auto, account };
        let created = mandate_keys::create(&location)?;
        let key = Key { location, deleted: false };
        let public_key = created.key.public_key();
        let principal = PrincipalId::from_key(&public_key);
        let genesis = Genesis { principal, key: public_key, time: now };
        Ledger::create(paths.state_dir(), &genesis)?;
        let near_midnight = now.seconds() % DAY_S > DAY_S - NEAR_MIDNIGHT_S;
        Ok(Self {
            paths,
            public_key,
            store: created.store,
            rail: Merchant::new("city-rail".parse()?)?,
            hotels: Merchant::new("lux-hotels".parse()?)?,
            refunds: Merchant::new("quick-refunds".parse()?)?,
            timezone: if near_midnight { "Asia/Tokyo" } else { "UTC" },
            folder,
            key,
        })
    }

    /// Where everything is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of the key in its keyring.
    pub(crate) fn account(&self) -> &Account {
        &self.key.location.account
    }

    /// The wallet's log file.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.path().join("mandated.log")
    }

    /// Her wallet.toml: two merchants, so much a day, and three bookings a day at the hotels.
    pub(crate) fn toml(&self, per_day: Money) -> String {
        format!(
            r#"[principal]
name = "Ada"
timezone = "{timezone}"

[key]
store = "auto"
account = "{account}"

[limits]                # this demonstration is in a hurry; the defaults are 50 and 100
requests_per_s = 1000
burst = 1000

[[agent]]
name = "travel"
uid = {uid}

[[merchant]]
id = "{rail}"
keys = [{rail_key}]
free = ["search_trains"]
paid = ["buy_ticket"]

[[merchant]]
id = "{hotels}"
keys = [{hotels_key}]
paid = ["book_room", "book_suite"]

[[cap]]                 # all merchants together
per = "day"
spend = "{per_day}"

[[cap]]
per = "day"
count = 3
merchant = "{hotels}"
"#,
            timezone = self.timezone,
            account = self.key.location.account,
            uid = geteuid().as_raw(),
            rail = self.rail.id(),
            rail_key = self.rail.toml_key(),
            hotels = self.hotels.id(),
            hotels_key = self.hotels.toml_key(),
        )
    }

    /// Puts a wallet.toml in its place, as an editor that renames does; gives its digest. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError::Io`] when the disk fails.
    pub(crate) fn write(&self, text: &str) -> Result<PolicyDigest, DemoError> {
        let path = self.paths.config();
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

    /// Deletes the key and the folder, and looks whether they are gone. Blocks.
    ///
    /// # Errors
    ///
    /// [`DemoError`] with what is left.
    pub(crate) fn remove(self) -> Result<(), DemoError> {
        let Self { folder, mut key, .. } = self;
        let path = folder.path().to_owned();
        key.delete()?;
        folder.close().map_err(DemoError::io("remove", &path))?;
        same(&"no folder", &if path.exists() { "a folder" } else { "no folder" })?;
        match mandate_keys::load(&key.location) {
            Err(KeyStoreError::Missing { .. }) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Err(DemoError::differs(&"no key", &key.location.account)),
        }
    }
}

impl Key {
    fn delete(&mut self) -> Result<(), KeyStoreError> {
        mandate_keys::delete(&self.location)?;
        self.deleted = true;
        Ok(())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if !self.deleted
            && let Err(error) = self.delete()
        {
            let account = &self.location.account;
            writeln!(io::stderr(), "the key {account} was left behind: {error}")
                .unwrap_or_default();
        }
    }
}
