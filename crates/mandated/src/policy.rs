//! wallet.toml as this process holds it: read with care, put in force whole, or not at all.
//!
//! Never lets go of the last good file, and never takes a file that somebody else could have written.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::{AgentName, PrincipalId, UnixSeconds};
use mandate_host::config::{ConfigFile, ConfigFileError, InForce};
use mandate_host::watch::Watched;
use mandate_policy::{Faults, KeyReference, PolicyDigest, Rules};
use rustix::process::geteuid;
use thiserror::Error;
use tokio::sync::Mutex;

use crate::users::SystemUsers;

/// Largest wallet.toml, in bytes: ten thousand merchants fit.
pub const CONFIG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Why a wallet.toml cannot be used.
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
    #[error("{}: `{field}` changed; restart mandated for that, or change it back", path.display())]
    Fixed {
        /// The file.
        path: PathBuf,
        /// What changed.
        field: &'static str,
        /// The digest of its bytes.
        digest: PolicyDigest,
    },
    /// There is none.
    #[error("{} does not exist; run `mandate init`, or name another with --config", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It came to belong to somebody else than the principal.
    #[error("{} now belongs to uid {owner}, and it was uid {principal}'s; run: chown {principal} {}, or restart mandated if the principal is another one", path.display(), path.display())]
    OwnerChanged {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it was.
        principal: u32,
    },
    /// It belongs to an agent, who could write itself any cap.
    #[error("{} belongs to uid {owner}, which is the agent {agent}; give it to the principal: run: chown root {}", path.display(), path.display())]
    OwnerIsAgent {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// The agent of that uid.
        agent: AgentName,
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
            Self::File(_)
            | Self::Missing { .. }
            | Self::OwnerChanged { .. }
            | Self::OwnerIsAgent { .. } => None,
        }
    }
}

/// A good wallet.toml, and whose it is.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub rules: Arc<Rules>,
    /// Who owns the file: the principal.
    pub owner: u32,
}

/// Reads and checks a wallet.toml that is to be in force, and who could have written it. Blocks.
///
/// # Errors
///
/// [`ConfigError`] with everything that is wrong with it.
pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
    let file = ConfigFile::load(path, CONFIG_BYTES_MAX)?;
    let owner = file.owner;
    let rules = parse(file)?;
    match agent_that_owns(&rules, owner, geteuid().as_raw()) {
        Some(agent) => Err(ConfigError::OwnerIsAgent { path: path.to_owned(), owner, agent }),
        None => Ok(Loaded { rules: Arc::new(rules), owner }),
    }
}

/// Reads and checks the wallet.toml of this process, as [`load`] does, and never while somebody writes it.
pub(crate) async fn load_watched(watched: &Arc<Watched>) -> Result<Loaded, ConfigError> {
    let file = Arc::clone(watched);
    let read = tokio::task::spawn_blocking(move || file.read(load)).await;
    read.map_err(|error| ConfigFileError::Io {
        path: watched.file().to_owned(),
        source: io::Error::other(error),
    })?
}

/// The agent that could write itself any cap, if `owner` is one's uid.
///
/// Where agent and wallet share a uid, the file protects nothing from the agent, and `mandate doctor` says so.
fn agent_that_owns(rules: &Rules, owner: u32, wallet: u32) -> Option<AgentName> {
    let agent = rules.agent_by_uid(owner).filter(|_| owner != wallet);
    agent.map(|agent| agent.name.clone())
}

/// Whether a file that was the principal's may be `owner`'s: handed to root or to the wallet, and to nobody else.
fn may_pass_to(owner: u32, principal: u32, wallet: u32) -> bool {
    [principal, 0, wallet].contains(&owner)
}

/// Reads and checks a wallet.toml that is not in force, wherever it lies and whoever may write to it. Blocks.
///
/// # Errors
///
/// [`ConfigError`] with everything that is wrong with its text.
pub fn load_candidate(path: &Path) -> Result<Rules, ConfigError> {
    parse(ConfigFile::load_candidate(path, CONFIG_BYTES_MAX)?)
}

fn parse(file: ConfigFile) -> Result<Rules, ConfigError> {
    let ConfigFile { path, owner: _, text } = file;
    Rules::parse(&text, &SystemUsers).map_err(|faults| ConfigError::Faults {
        path,
        faults,
        digest: PolicyDigest::of(text.as_bytes()),
    })
}

/// What a reload cannot change.
#[derive(Debug, Clone)]
struct Fixed {
    key: KeyReference,
    id: Option<PrincipalId>,
}

/// The file, and its state in this process.
#[derive(Debug)]
pub(crate) struct Policy {
    watched: Arc<Watched>,
    fixed: Fixed,
    /// Its owner may call on the control socket, beside root.
    pub(crate) in_force: InForce<PolicyDigest>,
    /// Reloads take turns, so that the newest reading is the last to be put in force.
    pub(crate) turn: Mutex<()>,
}

impl Policy {
    /// Starts from a file that was loaded.
    pub(crate) fn new(watched: Arc<Watched>, loaded: &Loaded, now: UnixSeconds) -> Self {
        let Loaded { rules, owner } = loaded;
        Self {
            watched,
            fixed: Fixed { key: rules.key().clone(), id: rules.principal().id.clone() },
            in_force: InForce::new(rules.digest(), *owner, now),
            turn: Mutex::default(),
        }
    }

    /// The file.
    pub(crate) fn watched(&self) -> &Arc<Watched> {
        &self.watched
    }

    /// Reads the file again, and holds it against what only a restart may change.
    pub(crate) async fn read_again(&self) -> Result<Loaded, ConfigError> {
        let loaded = load_watched(&self.watched).await?;
        self.check_fixed(&loaded.rules)?;
        self.check_owner(loaded.owner)?;
        Ok(loaded)
    }

    fn check_owner(&self, owner: u32) -> Result<(), ConfigError> {
        let principal = self.in_force.standing().owner;
        if may_pass_to(owner, principal, geteuid().as_raw()) {
            return Ok(());
        }
        Err(ConfigError::OwnerChanged { path: self.watched.file().to_owned(), owner, principal })
    }

    fn check_fixed(&self, rules: &Rules) -> Result<(), ConfigError> {
        let changed = if *rules.key() != self.fixed.key {
            Some("[key]")
        } else if rules.principal().id != self.fixed.id {
            Some("[principal] id")
        } else {
            None
        };
        changed.map_or(Ok(()), |field| {
            Err(ConfigError::Fixed {
                path: self.watched.file().to_owned(),
                field,
                digest: rules.digest(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use mandate_host::log::chain;

    use super::*;

    const GOOD: &str =
        "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n\n[[agent]]\nname = \"a\"\nuid = 1\n";

    /// Reads a file with these modes as the one in force, and as a candidate.
    fn verdicts(text: &[u8], file: u32, folder: u32) -> [Result<(), ConfigError>; 2] {
        let base = tempfile::tempdir().unwrap();
        let place = base.path().join("config");
        let path = place.join("wallet.toml");
        fs::create_dir(&place).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(file)).unwrap();
        fs::set_permissions(&place, Permissions::from_mode(folder)).unwrap();
        [load(&path).map(drop), load_candidate(&path).map(drop)]
    }

    #[test]
    fn a_candidate_may_lie_anywhere_and_is_judged_by_its_text() {
        assert!(matches!(verdicts(GOOD.as_bytes(), 0o666, 0o777), [Err(_), Ok(())]));
        let [in_force, candidate] = verdicts(b"[principal]\nname = 1\n", 0o600, 0o700);
        assert_eq!(in_force.unwrap_err().to_string(), candidate.unwrap_err().to_string());
    }

    #[test]
    fn an_agent_owns_no_file_of_another_users_wallet() {
        const AGENT: u32 = 1;
        const WALLET: u32 = 990;
        let rules = Rules::parse(GOOD, &SystemUsers).unwrap();
        assert_eq!(agent_that_owns(&rules, AGENT, WALLET).unwrap().as_str(), "a");
        assert_eq!(agent_that_owns(&rules, AGENT, 0).unwrap().as_str(), "a", "also before root");
        assert_eq!(agent_that_owns(&rules, AGENT, AGENT), None, "one user for everything");
        for principal in [0, WALLET, 1_000] {
            assert_eq!(agent_that_owns(&rules, principal, WALLET), None);
        }
    }

    #[test]
    fn a_reload_follows_the_file_to_root_and_to_the_wallet_alone() {
        const PRINCIPAL: u32 = 1_000;
        const WALLET: u32 = 990;
        for owner in [PRINCIPAL, WALLET, 0] {
            assert!(may_pass_to(owner, PRINCIPAL, WALLET), "{owner}");
        }
        for owner in [1, 1_001] {
            assert!(!may_pass_to(owner, PRINCIPAL, WALLET), "{owner}");
            assert!(!may_pass_to(owner, 0, WALLET), "{owner}");
        }
    }

    #[test]
    fn what_cannot_be_read_or_trusted_is_named_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.toml");
        let missing = load(&path).unwrap_err();
        assert!(matches!(missing, ConfigError::Missing { .. }));
        let way_out = "does not exist; run `mandate init`, or name another with --config";
        assert_eq!(missing.to_string(), format!("{} {way_out}", path.display()));

        let no_file = load_candidate(folder.path()).unwrap_err();
        assert_eq!(no_file.to_string(), format!("cannot read {}", folder.path().display()));
        assert!(chain(&no_file).contains(": Is a directory"), "{}", chain(&no_file));

        let [in_force, _] = verdicts(GOOD.as_bytes(), 0o622, 0o700);
        let writable = in_force.unwrap_err();
        assert!(chain(&writable).starts_with("others may write to "), "{writable}");
        assert!(chain(&writable).contains("; run: chmod go-w "), "{writable}");
        assert_eq!(writable.refused(), None);

        let [in_force, candidate] = verdicts(b"\xff", 0o600, 0o700);
        for error in [in_force.unwrap_err(), candidate.unwrap_err()] {
            assert!(chain(&error).ends_with("wallet.toml is not UTF-8"), "{}", chain(&error));
            assert_eq!(error.refused(), Some((PolicyDigest::of(b"\xff"), 1)));
        }
    }
}
