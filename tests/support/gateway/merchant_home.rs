//! A merchant's home on disk: a real key in the kernel keyring, a book, a gateway.toml; and the gateway over it as a
//! process of its own.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use mandate::key::Jwk;
use mandate::{KeySet, MerchantId, MerchantRole, PublicKey};
use mandate_gateway::book::{Book, Genesis, StoppedBook};
use mandate_gateway::{RunConfig, run};
use mandate_host::clock::wall_clock;
use mandate_journal::{Hooks, Options};
use mandate_keys::{Account, KeyLocation, KeyStoreError, Service, SigningKey, StoreChoice};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::api::QUOTE_PATH;
use crate::rerun::{Rerun, log_to_stderr, say, standing, told_to_end};
use crate::{LUX, alone, must_not_skip};

/// The folder of the home that a child serves; without it the child's test does nothing.
const FOLDER: &str = "MANDATE_GATEWAY_FOLDER";
/// The commit at which the child's writer stands still, as in `before 7`.
const STAND: &str = "MANDATE_GATEWAY_STAND";

/// A merchant's home; its key goes with it.
#[derive(Debug)]
pub struct MerchantHome {
    folder: TempDir,
    location: KeyLocation,
    key: PublicKey,
}

impl MerchantHome {
    /// Makes a home with an empty book; `None`, with a word about it, where the kernel has no keyring.
    ///
    /// # Panics
    ///
    /// If anything else fails; under CI also without a keyring.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut bits = [0; 8];
        getrandom::fill(&mut bits).expect("random bytes");
        let account = format!("test-{:016x}", u64::from_le_bytes(bits));
        let account: Account = account.parse().expect("an account");
        let location =
            KeyLocation { service: Service::Gateway, choice: StoreChoice::Keyutils, account };
        let key = match mandate_keys::create(&location) {
            Ok(created) => created.key.public_key(),
            Err(error @ KeyStoreError::Unreachable { .. }) => {
                assert!(!must_not_skip(), "under CI nothing is skipped: {error}");
                eprintln!("not run: no kernel keyring here: {error}");
                return None;
            }
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        };
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let home = Self { folder, location, key };
        let genesis = Genesis { merchant: home.merchant(), key, time: wall_clock() };
        let locking = alone();
        Book::create(&home.state_dir(), &genesis).expect("a new book");
        drop(locking);
        Some(home)
    }

    /// Who sells.
    ///
    /// # Panics
    ///
    /// Never: it is an id.
    #[must_use]
    pub fn merchant(&self) -> MerchantId {
        LUX.parse().expect("an id")
    }

    /// What carts and receipts are verified under.
    #[must_use]
    pub fn keys(&self) -> KeySet<MerchantRole> {
        KeySet::new([self.key])
    }

    /// The private key, past everything that guards it: for a merchant that signs what no gateway would.
    ///
    /// # Panics
    ///
    /// If it is not there.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        mandate_keys::load(&self.location).expect("the key").key
    }

    /// Its key as it stands in `wallet.toml`.
    #[must_use]
    pub fn toml_key(&self) -> String {
        let Jwk { kty, crv, x } = Jwk::from(&self.key);
        format!(r#"{{ kty = "{kty}", crv = "{crv}", x = "{x}" }}"#)
    }

    /// Its gateway.toml.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        config(self.folder.path())
    }

    /// The folder of the book.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        state_dir(self.folder.path())
    }

    /// A gateway.toml before this API, open to any `did:key`, with these limits beside those that nobody reaches.
    ///
    /// | action | call | price |
    /// |---|---|---|
    /// | `search_rooms` | `GET /rooms` | free |
    /// | `book_room` | `POST /bookings` | quoted |
    /// | `cancel_room` | `POST /cancellations` | 5.00 EUR a unit |
    #[must_use]
    pub fn toml(&self, upstream: SocketAddr, limits: &str) -> String {
        format!(
            r#"listen = "127.0.0.1:0"
upstream = "http://{upstream}"
enrolment = "open"

[merchant]
id = "{LUX}"
name = "Lux Hotels"

[key]
store = "keyutils"
account = "{account}"

[limits]
requests_per_s = 1000000
burst = 1000000
in_flight = 10000
{limits}

[[action]]
sku = "search_rooms"
route = "GET /rooms"
price = "free"

[[action]]
sku = "book_room"
route = "POST /bookings"
price = {{ quote = "POST {QUOTE_PATH}" }}

[[action]]
sku = "cancel_room"
route = "POST /cancellations"
price = "5.00 EUR"
"#,
            account = self.location.account,
        )
    }

    /// Puts a gateway.toml in its place, as an editor that renames does.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    pub fn write(&self, text: &str) {
        let path = config(self.folder.path());
        let new = path.with_extension("new");
        fs::write(&new, text).expect("a new file");
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("a mode");
        fs::rename(&new, path).expect("a rename");
    }

    /// Runs the gateway of this home in `test` of this binary, which has to call [`serve_as_child`].
    ///
    /// It says `ready` and its address. With `stand` it says `stands` when its book's writer reached that commit, as in
    /// `before 7` or `after 7`, and stands there.
    #[must_use]
    pub fn start(&self, test: &str, stand: Option<&str>) -> Rerun {
        let mut environment = vec![(FOLDER, self.folder.path().as_os_str())];
        environment.extend(stand.map(|stand| (STAND, OsStr::new(stand))));
        Rerun::start(test, &environment, &self.folder.path().join("gateway.log"))
    }

    /// The book, while no gateway runs.
    ///
    /// # Panics
    ///
    /// If it does not open.
    #[must_use]
    pub fn stopped(&self) -> StoppedBook {
        let _locking = alone();
        StoppedBook::open(&self.state_dir()).expect("a book")
    }
}

impl Drop for MerchantHome {
    fn drop(&mut self) {
        if let Err(error) = mandate_keys::delete(&self.location) {
            eprintln!("the key of a test was left behind: {error}");
        }
    }
}

fn state_dir(folder: &Path) -> PathBuf {
    folder.join("state")
}

fn config(folder: &Path) -> PathBuf {
    folder.join("gateway.toml")
}

/// The child's whole work: the gateway as it ships, until the parent ends it. Does nothing in any other process.
///
/// # Panics
///
/// If the gateway does not start, or ends badly.
pub fn serve_as_child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let (ready, told) = oneshot::channel();
        let hooks = std::env::var(STAND).map_or_else(|_| Hooks::default(), |at| standing(&at));
        let config = RunConfig {
            book: Options { hooks, ..Options::default() },
            ready: Some(ready),
            ..RunConfig::new(config(&folder), state_dir(&folder))
        };
        tokio::spawn(async move {
            if let Ok(address) = told.await {
                say(&format!("ready {address}"));
            }
        });
        if let Err(error) = run(config, told_to_end()).await {
            say(&format!("failed {error:?}"));
            panic!("{error}");
        }
    });
}
