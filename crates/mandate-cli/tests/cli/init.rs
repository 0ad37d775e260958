//! `mandate init` and `mandate key show`: what is made, with which modes, and that nothing is ever made twice.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use mandate_keys::{Account, KeyLocation, Service, StoreChoice, StoreKind};
use tempfile::TempDir;

use crate::desk::{BINARY, Desk, Said, bare, home, said};

/// A place for a wallet that is not made yet; its key is removed in the end.
struct Fresh {
    folder: TempDir,
    location: KeyLocation,
}

impl Fresh {
    /// `None` where the kernel has no keyring.
    fn new() -> Option<Self> {
        drop(home()?);
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let name = folder.path().file_name().expect("a name").to_string_lossy().to_lowercase();
        let account: Account = format!("test-{name}-{}", std::process::id()).parse().expect("one");
        let location =
            KeyLocation { service: Service::Wallet, choice: StoreChoice::Keyutils, account };
        Some(Self { folder, location })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn places(&self, mut command: Command) -> Command {
        command
            .env("MANDATE_CONFIG", self.path("config/mandate/wallet.toml"))
            .env("MANDATE_STATE_DIR", self.path("state/mandate"))
            .env("MANDATE_RUNTIME_DIR", self.path("run"))
            .env("USER", "ada");
        command
    }

    fn mandate(&self, arguments: &str) -> Said {
        let mut command = self.places(bare());
        command.args(arguments.split_whitespace());
        said(command)
    }

    fn init(&self, options: &str) -> Said {
        let account = &self.location.account;
        self.mandate(&format!("init --store keyutils --account {account} {options}"))
    }

    /// Every file and folder, with its mode and what is in it.
    fn everything(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let entry = entry.expect("an entry");
                let metadata = entry.metadata().expect("metadata");
                let mode = metadata.permissions().mode() & 0o7777;
                if metadata.is_dir() {
                    folders.push(entry.path());
                    found.push((entry.path(), mode, Vec::new()));
                } else {
                    found.push((entry.path(), mode, fs::read(entry.path()).expect("a file")));
                }
            }
        }
        // Reading a database makes and drops its shared memory and an empty log.
        found.retain(|(path, _, bytes)| {
            let path = path.to_string_lossy();
            !(path.ends_with("-shm") || path.ends_with("-wal") && bytes.is_empty())
        });
        found.sort();
        found
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        // A test that failed early may have made no key.
        drop(mandate_keys::delete(&self.location));
    }
}

#[test]
fn a_new_wallet_is_whole_and_the_owners_alone() {
    let Some(fresh) = Fresh::new() else { return };
    // Also where a careless shell would let everybody in.
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", "umask 0; exec \"$0\" \"$@\"", BINARY]);
    let mut command = fresh.places(command);
    let account = fresh.location.account.to_string();
    command.args(["init", "--store", "keyutils", "--name", "Ada", "--account", &account]);
    let said = said(command).yes();
    assert!(said.starts_with("made: key, ledger, config\n"), "{said}");
    for part in
        ["did:key:z6Mk", "kernel keyring", "wallet.db", "wallet.toml", "mandate config check"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let files = ["wallet.toml", "wallet.db", "wallet.db-wal", "wallet.lock"];
    for (path, mode, _) in fresh.everything() {
        let is_file = path.is_file();
        assert_eq!(mode, if is_file { 0o600 } else { 0o700 }, "{}", path.display());
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(!is_file || files.contains(&name.as_str()), "{name}");
    }
    let checked = fresh.mandate("config check").yes();
    assert!(checked.ends_with("is good: 1 agent, 0 merchants, 0 caps\n"), "{checked}");
    let key = fresh.mandate("key show --json").json(0);
    assert_eq!(key["principal"], key["did"]);
    assert_eq!(key["store"], "kernel keyring (keyutils)");
    let verified = fresh.mandate("audit verify").yes();
    assert!(verified.starts_with("the journal is whole: 1 entry, root "), "{verified}");
}

#[test]
fn a_second_init_changes_nothing() {
    let Some(fresh) = Fresh::new() else { return };
    let first = fresh.init("--id ada --json").json(0);
    assert_eq!(first["made"], serde_json::json!(["key", "ledger", "config"]));
    assert_eq!(first["principal"], "ada");
    let before = fresh.everything();
    let second = fresh.init("--id ada --json").json(0);
    assert_eq!(second["made"], serde_json::json!([]));
    for same in ["principal", "kid", "jwk", "store", "account", "ledger", "config", "durability"] {
        assert_eq!(second[same], first[same], "{same}");
        assert!(!second[same].is_null(), "{same}");
    }
    // Also without its options, and with others.
    let said = fresh.mandate("init").yes();
    assert!(said.starts_with("everything is there already; nothing was changed\n"), "{said}");
    let others = ["--account other", "--store auto", "--name Eve", "--id eve"];
    for other in others {
        let option = other.split(' ').next().expect("an option");
        let err = fresh.mandate(&format!("init {other}")).refused(2);
        assert!(err.contains(&format!("says something else than {option}")), "{err}");
    }
    assert!(fresh.everything() == before, "something was changed");
}

#[test]
fn a_key_whose_ledger_is_gone_gets_no_new_one() {
    let Some(fresh) = Fresh::new() else { return };
    fresh.init("").yes();
    fs::remove_dir_all(fresh.path("state")).expect("a folder");
    let config = fs::read(fresh.path("config/mandate/wallet.toml")).expect("a file");
    for options in ["", "--json"] {
        let err = fresh.init(options).refused(2);
        for part in ["start every cap at zero", "Restore a backup", "Nothing was changed"] {
            assert!(err.contains(part), "{part} is not in {err}");
        }
    }
    let files = fresh.everything().into_iter().filter(|(path, ..)| path.is_file());
    let files: Vec<_> = files.map(|(path, _, bytes)| (path, bytes)).collect();
    assert_eq!(files, [(fresh.path("config/mandate/wallet.toml"), config)]);
    let err = fresh.mandate("key show").refused(2);
    assert!(err.contains("there is no ledger at"), "{err}");
}

#[test]
fn a_key_that_had_a_ledger_is_not_new_whoever_says_so() {
    let Some(fresh) = Fresh::new() else { return };
    fresh.init("").yes();
    let lose = || fs::remove_dir_all(fresh.path("state")).expect("a folder");
    lose();
    let said = fresh.init("--key-is-new").yes();
    assert!(said.starts_with("made: ledger\n"), "{said}");
    mandate_keys::remember(&fresh.location, StoreKind::Keyutils, "a head").expect("a keyring");
    lose();
    let err = fresh.init("--key-is-new").refused(2);
    for part in ["remembered beside it", "Restore a backup", "--account", "Nothing was changed"] {
        assert!(err.contains(part), "{part} is not in {err}");
    }
    assert!(!fresh.path("state/mandate/wallet.db").exists());
}

#[test]
fn a_lost_wallet_toml_is_written_again_for_the_same_wallet() {
    let Some(fresh) = Fresh::new() else { return };
    let first = fresh.init("--id ada --json").json(0);
    fs::remove_file(fresh.path("config/mandate/wallet.toml")).expect("a file");
    let again = fresh.init("--json").json(0);
    assert_eq!(again["made"], serde_json::json!(["config"]));
    assert_eq!((&again["kid"], &again["principal"]), (&first["kid"], &first["principal"]));
}

#[test]
fn a_ledger_without_its_key_is_refused() {
    let Some(fresh) = Fresh::new() else { return };
    fresh.init("").yes();
    mandate_keys::delete(&fresh.location).expect("a key");
    let before = fresh.everything();
    let err = fresh.init("").refused(2);
    assert!(err.contains("no other key can take its place"), "{err}");
    assert!(fresh.everything() == before, "something was changed");
    let said = fresh.mandate("key show");
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("did:key:") && said.out.contains("not there"), "{}", said.out);
    assert!(said.err.contains("no key named"), "{}", said.err);
    let document = fresh.mandate("key show --json").json(1);
    assert!(document["problem"].is_string() && document["store"].is_null(), "{document}");
}

#[test]
fn a_bad_wallet_toml_is_told_before_anything_is_made() {
    let Some(fresh) = Fresh::new() else { return };
    let config = fresh.path("config/mandate/wallet.toml");
    fs::create_dir_all(config.parent().expect("a folder")).expect("a folder");
    fs::write(&config, "[principal]\nname = \"Ada\"\ntimezoone = \"UTC\"\n").expect("a file");
    fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).expect("a mode");
    let err = fresh.init("").refused(2);
    assert!(err.contains("wallet.toml:3:1") && err.contains("timezone"), "{err}");
    assert!(!Path::new(&fresh.path("state")).exists());
    mandate_keys::create(&fresh.location).expect("no key was made");
}

#[test]
fn init_beside_a_running_wallet_changes_nothing() {
    let Some(desk) = Desk::open("") else { return };
    let said = desk.mandate("init").yes();
    assert!(said.starts_with("everything is there already; nothing was changed\n"), "{said}");
}
