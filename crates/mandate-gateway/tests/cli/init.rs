//! `mandate-gateway init`: what is made, with which modes, and that nothing is ever made twice.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use mandate_host::clock::wall_clock;
use mandate_keys::StoreKind;
use mandate_tests::{Said, alone, bare, said};
use tempfile::TempDir;

use crate::shop::{BINARY, TestKey, assert_golden};

/// A place for a gateway that is not made yet.
struct Fresh {
    folder: TempDir,
    key: TestKey,
}

impl Fresh {
    /// `None` where the kernel has no keyring.
    fn new() -> Option<Self> {
        let key = TestKey::unmade()?;
        Some(Self { folder: TempDir::with_prefix("gateway-").expect("a temporary folder"), key })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn places(&self, mut command: Command) -> Command {
        command
            .env("CONFIGURATION_DIRECTORY", self.path("config"))
            .env("STATE_DIRECTORY", self.path("state"));
        command
    }

    fn gateway(&self, arguments: &str) -> Said {
        let mut command = self.places(bare(BINARY));
        command.args(arguments.split_whitespace());
        said(command)
    }

    fn init(&self, options: &str) -> Said {
        self.gateway(&format!("init --store keyutils --account {} {options}", self.key.account()))
    }

    /// Every file and folder, with its mode and what is in it.
    fn everything(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let mut found = Vec::new();
        for folder in ["config", "state"].map(|name| self.path(name)) {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.expect("an entry").path();
                let mode = fs::metadata(&path).expect("metadata").permissions().mode() & 0o7777;
                let bytes = fs::read(&path).expect("a file");
                found.push((path, mode, bytes));
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

    fn masked(&self, text: &str) -> String {
        let text = text.replace(&self.folder.path().display().to_string(), "/srv/lux");
        mandate_tests::golden::masked(&text.replace(&self.key.account(), "ACCOUNT"))
    }
}

#[test]
fn a_new_gateway_is_whole_and_its_users_alone() {
    let Some(fresh) = Fresh::new() else { return };
    // Also where a careless shell would let everybody in.
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", "umask 0; exec \"$0\" \"$@\"", BINARY]);
    let mut command = fresh.places(command);
    let account = fresh.key.account();
    command.args(["init", "--store", "keyutils", "--account", &account]);
    command.args(["--id", "lux-hotels", "--name", "Hôtel \"Lux\""]);
    command.args(["--upstream", "http://127.0.0.1:9000/api", "--listen", "[::1]:8500"]);
    assert_golden("init.txt", &fresh.masked(&said(command).yes()));
    for (path, mode, _) in fresh.everything() {
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    for folder in ["config", "state"] {
        let mode = fs::metadata(fresh.path(folder)).expect("a folder").permissions().mode();
        assert_eq!(mode & 0o7777, 0o700, "{folder}");
    }
    let checked = fresh.gateway("config check").yes();
    assert!(checked.ends_with("is good: 0 actions, 0 principals\n"), "{checked}");
    let text = fs::read_to_string(fresh.path("config/gateway.toml")).expect("a file");
    assert!(text.contains("http://127.0.0.1:9000/api") && text.contains("[::1]:8500"), "{text}");
    let verified = fresh.gateway("audit verify").yes();
    assert!(verified.starts_with("the journal is whole: 1 entry, root "), "{verified}");
}

#[test]
fn a_second_init_changes_nothing() {
    let Some(fresh) = Fresh::new() else { return };
    let first = fresh.init("--id lux-hotels --json").json(0);
    assert_eq!(first["made"], serde_json::json!(["key", "book", "config"]));
    assert_eq!(first["merchant"], "lux-hotels");
    let before = fresh.everything();
    let second = fresh.init("--id lux-hotels --json").json(0);
    assert_eq!(second["made"], serde_json::json!([]));
    for same in ["merchant", "kid", "jwk", "store", "account", "book", "config", "durability"] {
        assert_eq!(second[same], first[same], "{same}");
        assert!(!second[same].is_null(), "{same}");
    }
    // Also without its options, and with others.
    let said = fresh.gateway("init").yes();
    assert!(said.starts_with("everything is there already; nothing was changed\n"), "{said}");
    let others = [
        "--account other",
        "--store auto",
        "--name Eve",
        "--id other",
        "--upstream http://127.0.0.1:1",
        "--listen 127.0.0.1:1",
    ];
    for other in others {
        let option = other.split(' ').next().expect("an option");
        let err = fresh.gateway(&format!("init {other}")).refused(2);
        assert!(err.contains(&format!("says something else than {option}")), "{err}");
    }
    assert!(fresh.everything() == before, "something was changed");
}

#[test]
fn a_gateway_without_its_file_gets_one_for_the_merchant_of_its_book() {
    let Some(fresh) = Fresh::new() else { return };
    let err = fresh.init("").refused(2);
    assert!(err.contains("pass --id"), "{err}");
    fresh.init("--id lux-hotels").yes();
    fs::remove_file(fresh.path("config/gateway.toml")).expect("a file");
    let err = fresh.init("--id other").refused(2);
    assert!(err.contains("its id cannot be changed"), "{err}");
    let made = fresh.init("--json").json(0);
    assert_eq!((&made["made"][0], &made["merchant"]), (&"config".into(), &"lux-hotels".into()));
}

#[test]
fn a_key_whose_book_is_gone_gets_no_new_one() {
    let Some(fresh) = Fresh::new() else { return };
    fresh.init("--id lux-hotels").yes();
    fs::remove_dir_all(fresh.path("state")).expect("a folder");
    for options in ["", "--json"] {
        let err = fresh.init(options).refused(2);
        for part in ["used a second time", "Restore a backup", "Nothing was changed"] {
            assert!(err.contains(part), "{part} is not in {err}");
        }
    }
}

#[test]
fn a_key_that_had_a_book_is_not_new_whoever_says_so() {
    let Some(fresh) = Fresh::new() else { return };
    fresh.init("--id lux-hotels").yes();
    let lose = || fs::remove_dir_all(fresh.path("state")).expect("a folder");
    lose();
    let said = fresh.init("--key-is-new").yes();
    assert!(said.starts_with("made: book\n"), "{said}");
    mandate_keys::remember(&fresh.key.0, StoreKind::Keyutils, "a head").expect("a keyring");
    lose();
    let err = fresh.init("--key-is-new").refused(2);
    for part in ["remembered beside it", "Restore a backup", "--account", "Nothing was changed"] {
        assert!(err.contains(part), "{part} is not in {err}");
    }
    assert!(!fresh.path("state/gateway.db").exists());
}

#[test]
fn a_book_takes_no_other_key() {
    let Some(fresh) = Fresh::new() else { return };
    fresh.init("--id lux-hotels").yes();
    {
        let _alone = alone();
        mandate_keys::delete(&fresh.key.0).expect("a key");
    }
    let err = fresh.init("").refused(2);
    assert!(err.contains("is missing") && err.contains("Nothing was changed"), "{err}");
}

#[test]
fn an_init_that_was_cut_off_goes_on() {
    let Some(fresh) = Fresh::new() else { return };
    // What one leaves that ended after the key was drawn.
    let account = fresh.key.account();
    fs::create_dir(fresh.path("state")).expect("a folder");
    let started = wall_clock();
    let note = format!(r#"{{"store":"keyutils","account":"{account}","started":{started}}}"#);
    fs::write(fresh.path("state/gateway.init"), note).expect("a note");
    mandate_keys::create(&fresh.key.0).expect("a key");
    let other = fresh.gateway("init --id lux-hotels --store keyutils --account other").refused(2);
    assert!(other.contains("finish it with `mandate-gateway init --store keyutils"), "{other}");
    let made = fresh.init("--id lux-hotels --json").json(0);
    assert_eq!(made["made"], serde_json::json!(["book", "config"]));
    assert!(!fresh.path("state/gateway.init").exists());
}
