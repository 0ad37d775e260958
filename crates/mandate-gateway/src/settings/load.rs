//! `gateway.toml` on disk: read with care, whole, or not at all.

use std::path::{Path, PathBuf};

use mandate::{MerchantId, PolicyDigest};
use mandate_host::config::{ConfigFile, ConfigFileError};
use rustix::process::geteuid;
use thiserror::Error;

use super::{Faults, Settings};

/// Largest gateway.toml, in bytes: ten thousand principals fit.
pub const CONFIG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Why a gateway.toml cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It says something wrong; all of it is listed.
    #[error("{}", faults.display(path))]
    Faults {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong with it.
        faults: Faults,
        /// The digest of its bytes.
        digest: PolicyDigest,
    },
    /// It cannot be read, or others could have written it.
    #[error(transparent)]
    File(ConfigFileError),
    /// A change that only a restart may bring.
    #[error("{}: `{field}` changed; restart mandate-gateway for that, or change it back", path.display())]
    Fixed {
        /// The file.
        path: PathBuf,
        /// What changed.
        field: &'static str,
        /// The digest of its bytes.
        digest: PolicyDigest,
    },
    /// It is another merchant's than the journal.
    #[error("{}: `[merchant] id` is {config}, and the journal is {journal}'s; name the journal's own id, or another --state-dir", path.display())]
    Merchant {
        /// The file.
        path: PathBuf,
        /// Whose file it is.
        config: MerchantId,
        /// Whose journal it is.
        journal: MerchantId,
    },
    /// There is none.
    #[error("{} does not exist; run `mandate-gateway init`, or name another with --config", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It came to belong to somebody else than the operator.
    #[error("{} now belongs to uid {owner}, and it was uid {before}'s; run: chown {before} {}, or restart mandate-gateway if the operator is another one", path.display(), path.display())]
    OwnerChanged {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it was.
        before: u32,
    },
}

impl From<ConfigFileError> for ConfigError {
    fn from(error: ConfigFileError) -> Self {
        match error {
            ConfigFileError::Missing { path } => Self::Missing { path },
            error => Self::File(error),
        }
    }
}

impl ConfigError {
    /// The digest of what was refused and how many faults it has; `None` when nothing could be read.
    pub(crate) fn refused(&self) -> Option<(PolicyDigest, u64)> {
        match self {
            Self::Faults { digest, faults, .. } => {
                Some((*digest, u64::try_from(faults.len()).unwrap_or(u64::MAX)))
            }
            Self::File(ConfigFileError::Utf8 { error, .. }) => {
                Some((PolicyDigest::of(error.as_bytes()), 1))
            }
            Self::Fixed { digest, .. } => Some((*digest, 1)),
            _ => None,
        }
    }
}

/// A good gateway.toml, and whose it is.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// Who owns the file.
    pub owner: u32,
}

/// Reads and checks a gateway.toml that is to be in force, and who could have written it. Blocks.
///
/// # Errors
///
/// [`ConfigError`] with everything that is wrong with it.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let file = ConfigFile::load(path, CONFIG_BYTES_MAX)?;
    let owner = file.owner;
    Ok(Loaded { settings: parse(file)?, owner })
}

/// Reads and checks a gateway.toml that is not in force, wherever it lies and whoever may write to it. Blocks.
///
/// # Errors
///
/// [`ConfigError`] with everything that is wrong with its text.
pub fn load_candidate(path: &Path) -> Result<Settings, ConfigError> {
    parse(ConfigFile::load_candidate(path, CONFIG_BYTES_MAX)?)
}

fn parse(file: ConfigFile) -> Result<Settings, ConfigError> {
    let ConfigFile { path, owner: _, text } = file;
    let digest = PolicyDigest::of(text.as_bytes());
    Settings::parse(&text).map_err(|faults| ConfigError::Faults { path, faults, digest })
}

/// Holds a file that was read again against what only a restart may change, and against whose it was.
pub(crate) fn check_reload(
    path: &Path,
    now: &Settings,
    owner_before: u32,
    loaded: &Loaded,
) -> Result<(), ConfigError> {
    let Loaded { settings, owner } = loaded;
    let changed = [
        ("[merchant] id", settings.merchant.id != now.merchant.id),
        ("[key]", settings.key != now.key),
        ("listen", settings.listen != now.listen),
        ("[limits] connections", settings.limits.connections != now.limits.connections),
        ("[limits] client_timeout", settings.limits.client_timeout != now.limits.client_timeout),
    ];
    let path = path.to_owned();
    if let Some((field, _)) = changed.into_iter().find(|(_, changed)| *changed) {
        return Err(ConfigError::Fixed { path, field, digest: settings.digest });
    }
    // Handed to root or to the gateway's own user, and to nobody else.
    if [owner_before, 0, geteuid().as_raw()].contains(owner) {
        return Ok(());
    }
    Err(ConfigError::OwnerChanged { path, owner: *owner, before: owner_before })
}
