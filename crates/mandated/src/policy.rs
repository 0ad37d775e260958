//! wallet.toml as this process holds it: read with care, put in force whole, or not at all.
//!
//! Never lets go of the last good file, and never takes a file that somebody else could have written.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::{AgentName, PrincipalId, UnixSeconds};
use mandate_policy::{Faults, KeyReference, PolicyDigest, Rules};
use rustix::process::geteuid;
use thiserror::Error;
use tokio::sync::{Mutex, watch};

use crate::users::SystemUsers;

/// Largest wallet.toml, in bytes: ten thousand merchants fit.
pub const CONFIG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The bits of a mode that let the group or others write.
const WRITABLE_BY_OTHERS: u32 = 0o022;

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
    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
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
    /// It is larger than any real one.
    #[error("{} has more than {CONFIG_BYTES_MAX} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is no UTF-8 text.
    #[error("{} is not UTF-8", path.display())]
    Utf8 {
        /// The file.
        path: PathBuf,
        /// The digest of its bytes.
        digest: PolicyDigest,
    },
    /// The group or others may write to it.
    #[error("others may write to {}; run: chmod go-w {}", path.display(), path.display())]
    Writable {
        /// The file.
        path: PathBuf,
    },
}

impl ConfigError {
    fn io(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path: path.to_owned() },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// The digest of what was refused and how many faults it has; `None` when nothing could be read.
    pub(crate) fn refused(&self) -> Option<(PolicyDigest, u64)> {
        match self {
            Self::Faults { digest, faults, .. } => {
                Some((*digest, u64::try_from(faults.len()).unwrap_or(u64::MAX)))
            }
            Self::Fixed { digest, .. } | Self::Utf8 { digest, .. } => Some((*digest, 1)),
            Self::Io { .. }
            | Self::Missing { .. }
            | Self::OwnerChanged { .. }
            | Self::OwnerIsAgent { .. }
            | Self::TooLarge { .. }
            | Self::Writable { .. } => None,
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
    let (mut file, found) = open(path)?;
    writable_by_us_alone(path, &found)?;
    // Who may write to a folder may put another file in the place of this one.
    let resolved = path.canonicalize().map_err(|source| ConfigError::io(path, source))?;
    for folder in [path, &resolved].into_iter().filter_map(Path::parent) {
        let found = folder.metadata().map_err(|source| ConfigError::io(folder, source))?;
        writable_by_us_alone(folder, &found)?;
    }
    let rules = parse(path, &mut file)?;
    let owner = found.uid();
    match agent_that_owns(&rules, owner, geteuid().as_raw()) {
        Some(agent) => Err(ConfigError::OwnerIsAgent { path: path.to_owned(), owner, agent }),
        None => Ok(Loaded { rules: Arc::new(rules), owner }),
    }
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
    parse(path, &mut open(path)?.0)
}

/// The file and what is known of it; both are of the one file that was opened.
fn open(path: &Path) -> Result<(File, Metadata), ConfigError> {
    let io_error = |source| ConfigError::io(path, source);
    let file = File::open(path).map_err(io_error)?;
    let found = file.metadata().map_err(io_error)?;
    Ok((file, found))
}

fn parse(path: &Path, file: &mut File) -> Result<Rules, ConfigError> {
    let mut bytes = Vec::new();
    let mut limited = file.take(CONFIG_BYTES_MAX.saturating_add(1));
    limited.read_to_end(&mut bytes).map_err(|source| ConfigError::io(path, source))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    let digest = PolicyDigest::of(bytes.as_slice());
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(ConfigError::Utf8 { path: path.to_owned(), digest });
    };
    Rules::parse(&text, &SystemUsers).map_err(|faults| ConfigError::Faults {
        path: path.to_owned(),
        faults,
        digest,
    })
}

fn writable_by_us_alone(path: &Path, found: &Metadata) -> Result<(), ConfigError> {
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(ConfigError::Writable { path: path.to_owned() });
    }
    Ok(())
}

/// What is in force, and what was refused since.
#[derive(Debug, Clone)]
pub(crate) struct PolicyState {
    pub(crate) digest: PolicyDigest,
    pub(crate) loaded_at: UnixSeconds,
    /// Who may call on the control socket, beside root.
    pub(crate) owner: u32,
    /// Why the newest file is not in force; `None` when it is.
    pub(crate) problem: Option<Arc<str>>,
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
    path: PathBuf,
    fixed: Fixed,
    state: watch::Sender<PolicyState>,
    /// Reloads take turns, so that the newest reading is the last to be put in force.
    pub(crate) turn: Mutex<()>,
}

impl Policy {
    /// Starts from a file that was loaded.
    pub(crate) fn new(path: &Path, loaded: &Loaded, now: UnixSeconds) -> Self {
        let Loaded { rules, owner } = loaded;
        let state =
            PolicyState { digest: rules.digest(), loaded_at: now, owner: *owner, problem: None };
        Self {
            path: path.to_owned(),
            fixed: Fixed { key: rules.key().clone(), id: rules.principal().id.clone() },
            state: watch::Sender::new(state),
            turn: Mutex::default(),
        }
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything known now.
    pub(crate) fn state(&self) -> PolicyState {
        self.state.borrow().clone()
    }

    /// Why the newest file is not in force.
    pub(crate) fn problem(&self) -> Option<Arc<str>> {
        self.state.borrow().problem.clone()
    }

    /// Reads the file again, and holds it against what only a restart may change.
    pub(crate) async fn read_again(&self) -> Result<Loaded, ConfigError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || load(&path)).await;
        let loaded = read.map_err(|error| ConfigError::Io {
            path: self.path.clone(),
            source: io::Error::other(error),
        })??;
        self.check_fixed(&loaded.rules)?;
        self.check_owner(loaded.owner)?;
        Ok(loaded)
    }

    fn check_owner(&self, owner: u32) -> Result<(), ConfigError> {
        let principal = self.state.borrow().owner;
        if may_pass_to(owner, principal, geteuid().as_raw()) {
            return Ok(());
        }
        Err(ConfigError::OwnerChanged { path: self.path.clone(), owner, principal })
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
            Err(ConfigError::Fixed { path: self.path.clone(), field, digest: rules.digest() })
        })
    }

    /// Notes that a file is in force.
    pub(crate) fn accepted(&self, loaded: &Loaded, now: UnixSeconds) {
        self.state.send_replace(PolicyState {
            digest: loaded.rules.digest(),
            loaded_at: now,
            owner: loaded.owner,
            problem: None,
        });
    }

    /// Notes that the file in force is the newest one again.
    pub(crate) fn settled(&self, owner: u32) {
        self.state.send_modify(|state| {
            state.owner = owner;
            state.problem = None;
        });
    }

    /// Notes that the newest file was refused; whether that is news.
    pub(crate) fn refused(&self, problem: &str) -> bool {
        self.state.send_if_modified(|state| {
            let news = state.problem.as_deref() != Some(problem);
            if news {
                state.problem = Some(problem.into());
            }
            news
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

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
    fn a_file_that_others_may_write_is_refused_before_it_is_read() {
        for (file, folder) in [(0o620, 0o700), (0o602, 0o700), (0o600, 0o720), (0o600, 0o1777)] {
            let [in_force, _] = verdicts(b"not toml at all", file, folder);
            let error = in_force.unwrap_err();
            assert!(matches!(error, ConfigError::Writable { .. }), "{file:o} {folder:o}: {error}");
            assert!(error.to_string().contains("chmod go-w"), "{error}");
        }
        assert!(verdicts(GOOD.as_bytes(), 0o644, 0o755).iter().all(Result::is_ok));
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
    fn what_is_no_file_or_no_text_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = load(&folder.path().join("wallet.toml"));
        assert!(matches!(missing, Err(ConfigError::Missing { .. })));
        assert!(matches!(load_candidate(folder.path()), Err(ConfigError::Io { .. })));
        let [in_force, candidate] = verdicts(b"\xff", 0o600, 0o700);
        assert!(matches!(in_force, Err(ConfigError::Utf8 { .. })));
        assert!(matches!(candidate, Err(ConfigError::Utf8 { .. })));
    }
}
