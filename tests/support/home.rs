//! A principal's home in a temporary folder: a real key in the kernel keyring, a ledger, a wallet.toml.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use mandate::{MerchantId, PrincipalId, PublicKey, UnixSeconds};
use mandate_keys::{
    Account, KeyLocation, KeyStoreError, Remembered, Service, StoreChoice, StoreKind,
};
use mandate_ledger::{Genesis, Ledger};
use mandate_proto::paths::{Overrides, Paths};
use tempfile::TempDir;

use crate::{Merchant, alone, canary};

/// The merchant that most rules list.
pub const LUX: &str = "lux-hotels";
/// A second one.
pub const RIVAL: &str = "rival-air";

/// Tables of wallet.toml with limits that nobody reaches, and lives that a busy machine does not outlast.
pub const OUT_OF_REACH: &str = r#"
[mandates]
intent_ttl = "300s"
payment_ttl = "300s"

[limits]
requests_per_s = 1000000
burst = 1000000
in_flight = 1000000
unsettled = 1000000

"#;

/// When a home was made, unless a test says otherwise: 2026-11-24T10:00:00Z.
const MADE_AT: u64 = 1_795_514_400;

/// Where the suite must be complete: a test that cannot run is a failure there.
#[must_use]
pub fn must_not_skip() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// A principal, and two merchants.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    location: KeyLocation,
    /// The places of a wallet in this home.
    pub paths: Paths,
    /// The principal's key.
    pub key: PublicKey,
    /// [`LUX`].
    pub lux: Merchant,
    /// [`RIVAL`].
    pub rival: Merchant,
}

impl Home {
    /// Makes a home; `None`, with a word about it, where the kernel has no keyring.
    ///
    /// # Panics
    ///
    /// If anything else fails; under CI also without a keyring.
    #[must_use]
    pub fn new() -> Option<Self> {
        Self::made_at(MADE_AT)
    }

    /// Makes a home whose ledger begins at this second.
    ///
    /// # Panics
    ///
    /// As [`Home::new`].
    #[must_use]
    pub fn made_at(seconds: u64) -> Option<Self> {
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let mut bits = [0; 8];
        getrandom::fill(&mut bits).expect("random bytes");
        let account = format!("test-{:016x}", u64::from_le_bytes(bits));
        let account: Account = account.parse().expect("an account");
        let location =
            KeyLocation { service: Service::Wallet, choice: StoreChoice::Keyutils, account };
        let key = match mandate_keys::create(&location) {
            Ok(created) => created.key.public_key(),
            Err(error @ KeyStoreError::Unreachable { .. }) => {
                assert!(!must_not_skip(), "under CI nothing is skipped: {error}");
                eprintln!("not run: no kernel keyring here: {error}");
                return None;
            }
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        };
        let place = |name: &str| Some(folder.path().join(name));
        let paths = Paths::resolve(Overrides {
            config: place("config/wallet.toml"),
            state_dir: place("state"),
            runtime_dir: place("run"),
        });
        let merchant =
            |id: &str| Merchant::new(id.parse::<MerchantId>().expect("an id")).expect("a merchant");
        let home = Self {
            paths: paths.expect("all places are given"),
            location,
            key,
            lux: merchant(LUX),
            rival: merchant(RIVAL),
            folder,
        };
        let genesis = Genesis {
            principal: home.principal(),
            key,
            time: UnixSeconds::new(seconds).expect("a moment"),
        };
        let locking = alone();
        Ledger::create(home.paths.state_dir(), &genesis).expect("a new ledger");
        drop(locking);
        fs::create_dir(home.paths.config().parent().expect("a folder")).expect("a new folder");
        Some(home)
    }

    /// What the key's store remembers of the ledger.
    ///
    /// # Panics
    ///
    /// If it remembers nothing.
    #[must_use]
    pub fn remembered(&self) -> String {
        match mandate_keys::load(&self.location).expect("the key").remembered {
            Remembered::Text(note) => note,
            other => panic!("{other:?}"),
        }
    }

    /// Has the key's store remember something else.
    ///
    /// # Panics
    ///
    /// If it does not.
    pub fn remember(&self, note: &str) {
        mandate_keys::remember(&self.location, StoreKind::Keyutils, note).expect("a keyring");
    }

    /// Takes the key from its store, as a reboot takes it from the kernel.
    ///
    /// # Panics
    ///
    /// If it is not there.
    pub fn lose_the_key(&self) {
        mandate_keys::delete(&self.location).expect("a key");
    }

    /// The principal's id.
    #[must_use]
    pub fn principal(&self) -> PrincipalId {
        PrincipalId::from_key(&self.key)
    }

    /// The folder that everything is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The uid that tests run as: the principal's and the agent's.
    #[must_use]
    pub fn uid(&self) -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// The private key as the kernel keeps it, past everything that guards it: to look for it where it must not be.
    ///
    /// # Panics
    ///
    /// If it is not there.
    #[must_use]
    pub fn seed(&self) -> Vec<u8> {
        canary::kept(&self.location)
    }

    /// The key's name in its store.
    #[must_use]
    pub fn account(&self) -> &str {
        self.location.account.as_str()
    }

    /// A wallet.toml that lists the agent `travel` and both merchants, with these rules beside them.
    #[must_use]
    pub fn toml(&self, rules: &str) -> String {
        format!(
            r#"[principal]
name = "Ada"
timezone = "Europe/Paris"

[key]
store = "keyutils"
account = "{account}"

[[agent]]
name = "travel"
uid = {uid}

[[merchant]]
id = "{LUX}"
keys = [{lux}]
free = ["search_rooms"]
paid = ["book_room", "cancel_room"]

[[merchant]]
id = "{RIVAL}"
keys = [{rival}]
paid = ["book_flight"]

{rules}
"#,
            account = self.location.account,
            uid = self.uid(),
            lux = self.lux.toml_key(),
            rival = self.rival.toml_key(),
        )
    }

    /// Puts a wallet.toml in its place, as an editor that renames does.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    pub fn write(&self, text: &str) {
        let path = self.paths.config();
        let new = path.with_extension("new");
        fs::write(&new, text).expect("a new file");
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("a mode");
        fs::rename(&new, path).expect("a rename");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = mandate_keys::delete(&self.location) {
            eprintln!("the key of a test was left behind: {error}");
        }
    }
}
