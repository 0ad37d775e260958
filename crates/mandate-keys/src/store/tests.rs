//! The same contract against every keyring: the kernel's, and a GNOME Keyring started for the test.

use std::sync::Barrier;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use mandate::Signer;

use super::*;
use crate::location::{Account, Service};
use crate::seed::SEED_BYTES;
use crate::testing::{Rerun, skip};

/// A location that no other test uses, whose key is removed from the kernel at the end.
pub(super) struct Place(pub(super) KeyLocation);

impl Place {
    pub(super) fn new(test: &str, choice: StoreChoice) -> Self {
        let account: Account = format!("test-{}-{test}", std::process::id()).parse().unwrap();
        Self(KeyLocation { service: Service::Wallet, choice, account })
    }

    fn asking(&self, choice: StoreChoice) -> KeyLocation {
        KeyLocation { choice, ..self.0.clone() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        match delete(&self.asking(StoreChoice::Keyutils)) {
            Ok(()) | Err(KeyStoreError::Missing { .. } | KeyStoreError::Unreachable { .. }) => {}
            Err(error) => eprintln!("left behind: {error}"),
        }
    }
}

pub(super) fn keyutils_absent() -> bool {
    match load(&Place::new("probe", StoreChoice::Keyutils).0) {
        Err(KeyStoreError::Unreachable { source, .. }) => {
            skip(&format!("the kernel keyring cannot be reached: {source}"));
            true
        }
        _ => false,
    }
}

/// What every keyring promises.
fn keeps_one_key_per_account(place: &Place, store: StoreKind) {
    let location = &place.0;
    let missing = load(location).unwrap_err();
    assert!(matches!(missing, KeyStoreError::Missing { .. }), "{missing:?}");
    assert!(missing.to_string().contains("run `mandate init`"), "{missing}");

    let created = create(location).unwrap();
    assert_eq!(created.store, store);
    let loaded = load(location).unwrap();
    assert_eq!(loaded.store, store);
    assert_eq!(loaded.key.public_key(), created.key.public_key());
    let signature = created.key.sign(b"message").unwrap();
    loaded.key.public_key().verify_strict(b"message", &signature).unwrap();

    assert_eq!(loaded.remembered, Remembered::Nothing);
    remember(location, store, "first").unwrap();
    let text = "mandate/wallet/ada\n7\n\u{2014}\n";
    remember(location, store, text).unwrap();
    assert_eq!(load(location).unwrap().remembered, Remembered::Text(text.to_owned()));
    let long = "x".repeat(REMEMBERED_BYTES_MAX + 1);
    assert!(matches!(remember(location, store, &long), Err(KeyStoreError::Failed { .. })));

    let exists = create(location).unwrap_err();
    assert!(matches!(exists, KeyStoreError::Exists { .. }), "{exists:?}");
    assert_eq!(load(location).unwrap().key.public_key(), created.key.public_key());

    let gateway = KeyLocation { service: Service::Gateway, ..location.clone() };
    let missing = load(&gateway).unwrap_err();
    assert!(missing.to_string().contains("run `mandate-gateway init`"), "{missing}");

    delete(location).unwrap();
    assert!(matches!(load(location), Err(KeyStoreError::Missing { .. })));
    assert!(matches!(delete(location), Err(KeyStoreError::Missing { .. })));

    assert_eq!(create(location).unwrap().remembered, Remembered::Nothing);
    remember(location, store, "of a key that is lost").unwrap();
    find(location, Slot::remove).unwrap();
    let anew = create(location).unwrap();
    assert_eq!(anew.remembered, Remembered::Nothing, "another key has another journal");
    delete(location).unwrap();
}

#[test]
fn a_thread_that_never_asked_the_kernel_keyring_can_keep_a_key() {
    let place = Place::new("first-access", StoreChoice::Keyutils);
    let location = place.0.clone();
    // Nothing may look first: the first access is what gives a thread its session keyring.
    match std::thread::spawn(move || create(&location)).join().unwrap() {
        Ok(created) => {
            let loaded = load(&place.0).unwrap();
            assert_eq!(loaded.key.public_key(), created.key.public_key());
        }
        Err(KeyStoreError::Unreachable { source, .. }) => {
            skip(&format!("the kernel keyring cannot be reached: {source}"));
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// Whatever is not 32 bytes is no key, and shows up nowhere.
fn refuses_what_is_no_key(slot: &Slot) {
    let canary: [u8; SEED_BYTES] = std::array::from_fn(|index| 0xd0 ^ u8::try_from(index).unwrap());
    let long = [canary.as_slice(), &[1]].concat();
    slot.write_raw(&long);
    let error = slot.read().unwrap_err();
    assert!(matches!(error, KeyStoreError::Malformed { .. }), "{error:?}");
    assert_hidden(&canary, &format!("{error} {error:?}"));

    slot.write(&Seed::copy_from(&canary)).unwrap();
    let loaded = Loaded {
        key: slot.read().unwrap().unwrap(),
        store: slot.kind(),
        remembered: Remembered::Nothing,
    };
    assert_hidden(&canary, &format!("{loaded:?} {loaded:#?} {}", slot.exists()));
    slot.remove().unwrap();
}

fn assert_hidden(canary: &[u8; SEED_BYTES], shown: &str) {
    let start = &canary[..9];
    let list = format!("{start:?}");
    for form in [
        HEXLOWER.encode(start),
        HEXUPPER.encode(start),
        BASE64.encode(start),
        BASE64URL_NOPAD.encode(start),
        list.trim_matches(['[', ']']).to_owned(),
    ] {
        assert!(!shown.contains(&form), "{shown}");
    }
}

#[test]
fn the_kernel_keyring_keeps_one_key_per_account() {
    if keyutils_absent() {
        return;
    }
    keeps_one_key_per_account(&Place::new("keeps", StoreChoice::Keyutils), StoreKind::Keyutils);
    let place = Place::new("refuses", StoreChoice::Keyutils);
    refuses_what_is_no_key(&keyutils::open(&place.0, Part::Key).unwrap());
}

#[test]
fn of_many_threads_one_creates() {
    if keyutils_absent() {
        return;
    }
    let place = Place::new("threads", StoreChoice::Keyutils);
    for _ in 0..64 {
        let together = Barrier::new(4);
        let race = || {
            together.wait();
            create(&place.0)
        };
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(race)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (created, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        let [Ok(created)] = created.as_slice() else { panic!("{created:?} {refused:?}") };
        assert_eq!(load(&place.0).unwrap().key.public_key(), created.key.public_key());
        let exists = |outcome: &_| matches!(outcome, Err(KeyStoreError::Exists { .. }));
        assert!(refused.iter().all(exists), "{refused:?}");
        delete(&place.0).unwrap();
    }
}

#[test]
fn a_credential_is_read_only_and_says_who_makes_it() {
    let place = Place::new("credential", StoreChoice::Credential);
    for refused in [create(&place.0).unwrap_err(), delete(&place.0).unwrap_err()] {
        assert!(matches!(refused, KeyStoreError::ReadOnly { .. }));
        assert!(refused.to_string().contains("systemd-creds encrypt --name=test-"), "{refused}");
    }
}

#[test]
fn a_credential_comes_from_the_folder_that_systemd_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("default");
    std::fs::write(&path, [7; SEED_BYTES]).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o400);
    std::fs::set_permissions(&path, private).unwrap();
    Rerun::test("store::tests::inner_credential").env("CREDENTIALS_DIRECTORY", folder.path()).run();
    let printed =
        Rerun::test("store::tests::inner_no_credentials").without("CREDENTIALS_DIRECTORY").run();
    assert!(printed.contains("CREDENTIALS_DIRECTORY is not set"), "{printed}");
}

fn default_credential() -> KeyLocation {
    KeyLocation {
        service: Service::Wallet,
        choice: StoreChoice::Credential,
        account: Account::default(),
    }
}

#[test]
#[ignore = "needs an environment; run by a_credential_comes_from_the_folder_that_systemd_names"]
fn inner_credential() {
    if Rerun::is_inside() {
        let expected = SigningKey::from_seed(Seed::copy_from(&[7; SEED_BYTES])).public_key();
        let loaded = load(&default_credential()).unwrap();
        assert_eq!(loaded.store, StoreKind::Credential);
        assert_eq!(loaded.key.public_key(), expected);
        assert_eq!(loaded.remembered, Remembered::Never);
        let refused = remember(&default_credential(), loaded.store, "text").unwrap_err();
        assert!(matches!(refused, KeyStoreError::ReadOnly { .. }), "{refused:?}");
    }
}

#[test]
#[ignore = "needs an environment; run by a_credential_comes_from_the_folder_that_systemd_names"]
fn inner_no_credentials() {
    if Rerun::is_inside() {
        match load(&default_credential()).unwrap_err() {
            KeyStoreError::Unreachable { store: StoreKind::Credential, source } => {
                println!("{source}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn without_a_session_bus_auto_takes_the_kernel_keyring() {
    if keyutils_absent() {
        return;
    }
    let nowhere = tempfile::tempdir().unwrap();
    let address = format!("unix:path={}", nowhere.path().join("bus").display());
    Rerun::test("store::tests::inner_no_bus").env("DBUS_SESSION_BUS_ADDRESS", address).run();
}

#[test]
#[ignore = "needs an environment; run by without_a_session_bus_auto_takes_the_kernel_keyring"]
fn inner_no_bus() {
    if !Rerun::is_inside() {
        return;
    }
    let place = Place::new("no-bus", StoreChoice::SecretService);
    for refused in [load(&place.0).map(drop), create(&place.0).map(drop), delete(&place.0)] {
        let error = refused.unwrap_err();
        let expected =
            matches!(error, KeyStoreError::Unreachable { store: StoreKind::SecretService, .. });
        assert!(expected, "{error:?}");
    }
    let place = Place::new("no-bus-auto", StoreChoice::Auto);
    let missing = load(&place.0).unwrap_err().to_string();
    assert!(missing.contains("(the Secret Service could not be asked)"), "{missing}");
    keeps_one_key_per_account(&place, StoreKind::Keyutils);
}

/// Has a session's GNOME Keyring make a login keyring, unlocked.
pub(super) const UNLOCK: &str =
    "printf password | gnome-keyring-daemon --unlock --components=secrets >/dev/null";

/// Runs a test beside a fresh GNOME Keyring, once a shell ran `prepare` on its bus.
pub(super) fn beside_gnome_keyring(test: &str, prepare: &str) {
    for program in ["dbus-run-session", "gnome-keyring-daemon"] {
        if std::process::Command::new(program).arg("--version").output().is_err() {
            skip(&format!("{program} is not installed"));
            return;
        }
    }
    let home = tempfile::tempdir().unwrap();
    let runtime = tempfile::tempdir().unwrap();
    Rerun::test_on_a_bus(test, prepare)
        .env("HOME", home.path())
        .env("XDG_RUNTIME_DIR", runtime.path())
        .without("DBUS_SESSION_BUS_ADDRESS")
        .without("GNOME_KEYRING_CONTROL")
        .without("XDG_CONFIG_HOME")
        .without("XDG_DATA_HOME")
        .run();
}

#[test]
fn the_secret_service_keeps_one_key_per_account() {
    beside_gnome_keyring("store::tests::inner_unlocked", UNLOCK);
}

#[test]
#[ignore = "needs a Secret Service; run by the_secret_service_keeps_one_key_per_account"]
fn inner_unlocked() {
    if !Rerun::is_inside() {
        return;
    }
    let place = Place::new("keeps", StoreChoice::SecretService);
    keeps_one_key_per_account(&place, StoreKind::SecretService);
    refuses_what_is_no_key(&secret_service::open(&place.0, Part::Key).unwrap());
    keeps_one_key_per_account(&Place::new("auto", StoreChoice::Auto), StoreKind::SecretService);
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let from_async = runtime.spawn(async {
        tokio::task::spawn_blocking(|| {
            let place = Place::new("tokio", StoreChoice::SecretService);
            keeps_one_key_per_account(&place, StoreKind::SecretService);
        })
        .await
    });
    runtime.block_on(from_async).unwrap().unwrap();
}

#[test]
fn a_secret_service_without_a_keyring_is_passed_over() {
    if !keyutils_absent() {
        beside_gnome_keyring("store::tests::inner_no_keyring", "true");
    }
}

#[test]
#[ignore = "needs a Secret Service; run by a_secret_service_without_a_keyring_is_passed_over"]
fn inner_no_keyring() {
    if !Rerun::is_inside() {
        return;
    }
    let place = Place::new("no-keyring", StoreChoice::SecretService);
    match create(&place.0).unwrap_err() {
        KeyStoreError::Unreachable { source, .. } => {
            assert!(source.to_string().contains("no default keyring"), "{source}");
        }
        other => panic!("{other:?}"),
    }
    keeps_one_key_per_account(&Place::new("passed-over", StoreChoice::Auto), StoreKind::Keyutils);
}

#[test]
fn auto_never_hides_a_key_behind_another() {
    if !keyutils_absent() {
        beside_gnome_keyring("store::tests::inner_both_stores", UNLOCK);
    }
}

#[test]
#[ignore = "needs a Secret Service; run by auto_never_hides_a_key_behind_another"]
fn inner_both_stores() {
    if !Rerun::is_inside() {
        return;
    }
    let place = Place::new("both", StoreChoice::Auto);
    let kernel = create(&place.asking(StoreChoice::Keyutils)).unwrap();
    let error = create(&place.0).unwrap_err();
    assert!(matches!(error, KeyStoreError::Exists { store: StoreKind::Keyutils, .. }), "{error:?}");
    let loaded = load(&place.0).unwrap();
    assert_eq!(loaded.store, StoreKind::Keyutils);
    assert_eq!(loaded.key.public_key(), kernel.key.public_key());

    create(&place.asking(StoreChoice::SecretService)).unwrap();
    assert_eq!(load(&place.0).unwrap().store, StoreKind::SecretService, "it comes first");
    delete(&place.0).unwrap();
    assert_eq!(load(&place.0).unwrap().store, StoreKind::Keyutils);
}

#[test]
fn a_locked_secret_service_is_told_apart_and_prompts_nobody() {
    beside_gnome_keyring("store::tests::inner_locked", UNLOCK);
}

#[test]
#[ignore = "needs a Secret Service; run by a_locked_secret_service_is_told_apart_and_prompts_nobody"]
fn inner_locked() {
    if !Rerun::is_inside() {
        return;
    }
    let place = Place::new("locked", StoreChoice::SecretService);
    create(&place.0).unwrap();
    let service =
        ::secret_service::blocking::SecretService::connect(::secret_service::EncryptionType::Plain)
            .unwrap();
    service.get_default_collection().unwrap().lock().unwrap();

    let other = Place::new("locked-other", StoreChoice::SecretService);
    for asked in [place, other] {
        for choice in [StoreChoice::SecretService, StoreChoice::Auto] {
            let asked = asked.asking(choice);
            for refused in [load(&asked).map(drop), create(&asked).map(drop), delete(&asked)] {
                let error = refused.unwrap_err();
                let expected =
                    matches!(error, KeyStoreError::Locked { store: StoreKind::SecretService });
                assert!(expected, "{error:?}");
            }
        }
    }
}
