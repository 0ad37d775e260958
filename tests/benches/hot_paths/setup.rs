//! The processes under measurement: the built daemon over a real key and a real ledger, its floor, and the agents.

use std::path::{Path, PathBuf};
use std::process::Command;

use mandate::key::Jwk;
use mandate::{KeySet, PrincipalRole, PublicKey};
use mandate_host::clock::wall_clock;
use mandate_journal::Entry;
use mandate_keys::{Seed, SigningKey};
use mandate_ledger::StoppedLedger;
use mandate_tests::{Home, LUX, Merchant, OUT_OF_REACH, Process};

use crate::calls::{Ask, Burst, Places, Times, Tokens};
use crate::child::Part;
use crate::local::Entries;
use crate::{client, floor_server};

/// Caps that nobody reaches, one of which names the merchant and so stands in each payment.
const CAPS: &str = r#"
[[cap]]
per = "month"
spend = "100000000.00 EUR"

[[cap]]
per = "day"
spend = "50000000.00 EUR"

[[cap]]
per = "day"
spend = "40000000.00 EUR"
merchant = "lux-hotels"
"#;

/// Entries read at a time.
const PAGE: usize = 256;

/// The programs as they ship: built here with cargo, unless a variable names them.
pub fn built(program: &str) -> PathBuf {
    let variable = format!("MANDATE_BENCH_{}", program.to_uppercase().replace('-', "_"));
    if let Some(given) = std::env::var_os(variable) {
        return given.into();
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Both at once, as one question to cargo has one set of features.
    cargo.args(["build", "--quiet", "--release", "--locked"]);
    cargo.args(["--package", "mandated", "--package", "mandate-gateway"]);
    // What cargo tells this program of its own package would have others built anew.
    for (name, _) in std::env::vars_os() {
        let is_own =
            |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|it| name.starts_with(it));
        if name.to_str().is_some_and(is_own) {
            cargo.env_remove(name);
        }
    }
    let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo");
    assert!(status.success(), "{program} was not built");
    // This program is in `deps` of the same folder.
    let own = std::env::current_exe().expect("this program");
    let target = own.ancestors().nth(3).expect("the target folder");
    target.join("release").join(program)
}

/// Everything that answers a wallet's call, and those who call.
pub struct Stage {
    client: Part,
    _floor: Part,
    _daemon: Process,
    home: Home,
    pub tokens: Tokens,
    pub entries: Entries,
}

impl Stage {
    /// Starts all of it; one purchase is made on the way, for what the floors are to be like.
    pub fn start(daemon: &Path) -> Self {
        let home = home(&format!("{OUT_OF_REACH}{CAPS}"));
        let daemon = daemon.to_str().expect("a path in UTF-8");
        let first = home.spawn(daemon);
        let floor_socket = home.folder().join("floor.sock");
        let mut client = client(&home, &floor_socket);
        let tokens: Tokens = client.ask(&Ask::Sample);
        first.stop();
        let entries = entries(home.paths.state_dir());
        let mut floor = Part::start("floor", [floor_socket]);
        let ready: String = floor.ask(&tokens);
        assert_eq!(ready, "ready");
        Self { _daemon: home.spawn(daemon), _floor: floor, client, home, tokens, entries }
    }

    /// Has the agents make calls.
    pub fn burst(&mut self, burst: Burst) -> Times {
        self.client.ask(&Ask::Burst(burst))
    }

    /// The folder that the ledger is in.
    pub fn folder(&self) -> &Path {
        self.home.folder()
    }

    /// The wallet's key.
    pub fn key(&self) -> PublicKey {
        self.home.key
    }

    /// What its mandates are verified under.
    pub fn keys(&self) -> KeySet<PrincipalRole> {
        KeySet::new([self.home.key])
    }
}

/// A principal with a real key and an empty ledger, whose rules list the agents' merchant.
pub fn home(rules: &str) -> Home {
    let home = Home::made_at(wall_clock().seconds()).expect("a kernel keyring");
    let merchant = Merchant::from_seed(LUX.parse().expect("an id"), client::MERCHANT_SEED);
    home.write(&home.toml(rules).replace(&home.lux.toml_key(), &merchant.toml_key()));
    home
}

/// The agents of a home, who know of a floor as well.
pub fn client(home: &Home, floor_socket: &Path) -> Part {
    let floor_key = SigningKey::from_seed(Seed::copy_from(&floor_server::SEED));
    let places = Places {
        wallet: (home.paths.wallet_socket(), x(&home.key)),
        floor: (floor_socket.to_owned(), x(&floor_key.public_key())),
    };
    Part::start("client", [serde_json::to_string(&places).expect("JSON")])
}

fn x(key: &PublicKey) -> String {
    Jwk::from(key).x
}

/// The newest intent and payment in a journal.
fn entries(state_dir: &Path) -> Entries {
    let ledger = StoppedLedger::open(state_dir).expect("a ledger");
    let all = ledger.entries(0, PAGE).expect("entries");
    let newest = |kind: &str| {
        let is_it = |bytes: &&Vec<u8>| Entry::parse(bytes).expect("an entry").kind == kind;
        all.iter().rev().find(is_it).expect("an entry of that kind").clone()
    };
    Entries { intent: newest("intent"), payment: newest("payment") }
}
