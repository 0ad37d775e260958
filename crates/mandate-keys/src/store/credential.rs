//! A systemd credential: `$CREDENTIALS_DIRECTORY/<account>`, exactly 32 raw bytes.
//!
//! systemd decrypts it for the unit at each start, into memory that is never swapped. It is read only.

use std::fs::File;
use std::io::{Error as IoError, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::error::KeyStoreError;
use crate::location::{KeyLocation, StoreKind};
use crate::seed::Seed;
use crate::signer::SigningKey;

/// Set by systemd for a unit that has credentials.
const DIRECTORY_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
/// Permission bits of those who are neither the owner nor, by systemd's access list, the unit's user.
const MODE_OTHERS: u32 = 0o007;
/// The permission bits of a file mode.
const MODE_PERMISSIONS: u32 = 0o7777;

/// Reads the key from the credentials of this unit.
pub(super) fn load(location: &KeyLocation) -> Result<SigningKey, KeyStoreError> {
    match std::env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from) {
        Some(directory) if directory.is_absolute() => load_from(&directory, location),
        _ => Err(KeyStoreError::Unreachable {
            store: StoreKind::Credential,
            source: NoDirectory.into(),
        }),
    }
}

/// This process was not started by a unit with credentials.
#[derive(Debug, thiserror::Error)]
#[error("{DIRECTORY_VARIABLE} is not set; the unit needs a LoadCredentialEncrypted= line")]
struct NoDirectory;

fn load_from(directory: &Path, location: &KeyLocation) -> Result<SigningKey, KeyStoreError> {
    let malformed = || KeyStoreError::Malformed {
        store: StoreKind::Credential,
        account: location.account.clone(),
    };
    let failed = |source: IoError| KeyStoreError::Failed {
        store: StoreKind::Credential,
        source: source.into(),
    };
    let mut file =
        open(&directory.join(location.account.as_str())).map_err(|error| match error.kind() {
            ErrorKind::NotFound => KeyStoreError::Missing {
                store: StoreKind::Credential,
                service: location.service,
                account: location.account.clone(),
                unasked: None,
            },
            _ => failed(error),
        })?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(malformed());
    }
    let mode = metadata.mode() & MODE_PERMISSIONS;
    if mode & MODE_OTHERS != 0 {
        return Err(KeyStoreError::Permissions { account: location.account.clone(), mode });
    }
    let seed = Seed::fill(|bytes| match file.read_exact(bytes) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(malformed()),
        read => read.map_err(failed),
    })?;
    if file.read(&mut [0]).map_err(failed)? != 0 {
        return Err(malformed());
    }
    Ok(SigningKey::from_seed(seed))
}

/// Opens a file that is not a symbolic link, without waiting for a writer if it turns out to be a pipe.
fn open(path: &Path) -> Result<File, IoError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).map_err(IoError::other)?;
    File::options().read(true).custom_flags(flags).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::location::{Account, Service, StoreChoice};
    use crate::seed::SEED_BYTES;

    struct Fixture {
        directory: tempfile::TempDir,
        location: KeyLocation,
    }

    impl Fixture {
        fn new() -> Self {
            let location = KeyLocation {
                service: Service::Wallet,
                choice: StoreChoice::Credential,
                account: Account::default(),
            };
            Self { directory: tempfile::tempdir().unwrap(), location }
        }

        fn write(&self, bytes: &[u8], mode: u32) {
            let path = self.directory.path().join("default");
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }

        fn load(&self) -> Result<SigningKey, KeyStoreError> {
            load_from(self.directory.path(), &self.location)
        }
    }

    #[test]
    fn exactly_32_raw_bytes_are_a_key() {
        let fixture = Fixture::new();
        fixture.write(&[7; SEED_BYTES], 0o400);
        let expected = SigningKey::from_seed(Seed::copy_from(&[7; SEED_BYTES])).public_key();
        assert_eq!(fixture.load().unwrap().public_key(), expected);
    }

    #[test]
    fn any_other_length_is_malformed_and_not_shown() {
        for length in [0, 31, 33, 43, 64] {
            let fixture = Fixture::new();
            fixture.write(&b"canary!".repeat(10)[..length], 0o400);
            let error = fixture.load().unwrap_err();
            assert!(matches!(error, KeyStoreError::Malformed { .. }), "{length}: {error}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }

    #[test]
    fn a_credential_open_to_others_is_refused() {
        let fixture = Fixture::new();
        fixture.write(&[7; SEED_BYTES], 0o444);
        assert!(matches!(fixture.load(), Err(KeyStoreError::Permissions { mode: 0o444, .. })));
    }

    #[test]
    fn a_link_or_a_folder_is_no_credential() {
        let fixture = Fixture::new();
        let target = fixture.directory.path().join("target");
        fs::write(&target, [7; SEED_BYTES]).unwrap();
        symlink(&target, fixture.directory.path().join("default")).unwrap();
        assert!(matches!(fixture.load(), Err(KeyStoreError::Failed { .. })));

        let fixture = Fixture::new();
        fs::create_dir(fixture.directory.path().join("default")).unwrap();
        assert!(matches!(fixture.load(), Err(KeyStoreError::Malformed { .. })));
    }

    #[test]
    fn a_missing_credential_says_how_to_make_one() {
        let error = Fixture::new().load().unwrap_err();
        assert!(matches!(error, KeyStoreError::Missing { .. }));
        assert!(error.to_string().contains("systemd-creds encrypt --name=default"), "{error}");
    }
}
