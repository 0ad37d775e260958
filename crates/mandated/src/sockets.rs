//! The two sockets of the wallet, and who may reach them through the file system.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use mandate_host::log;
use mandate_host::socket::{Access, SocketError, SocketFile, SocketFolder};
use mandate_host::supervisor::HandedIn;
use mandate_policy::Rules;
use mandate_proto::paths::Paths;
use rustix::process::geteuid;

/// What the sockets are called by whoever hands them in: the agents' and the principal's.
pub(crate) const SOCKET_NAMES: [&str; 2] = ["wallet", "control"];

/// The bits of a mode that let the group or others write: to a socket that is to connect.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Both sockets and their folder.
#[derive(Debug)]
pub(crate) enum Sockets {
    /// Made by others, who decide who reaches them.
    HandedIn {
        /// The agents' and the principal's.
        paths: [PathBuf; 2],
    },
    /// Our own; open to others exactly as long as wallet.toml lists an agent of another uid.
    Own {
        /// Where they are.
        folder: SocketFolder,
        /// The agents' and the principal's.
        files: [SocketFile; 2],
    },
}

impl Sockets {
    /// Takes the agents' socket and the principal's, in this order, or makes them.
    pub(crate) fn open(
        handed_in: Option<[HandedIn; 2]>,
        paths: &Paths,
        rules: &Rules,
    ) -> Result<(Self, [UnixListener; 2]), SocketError> {
        if let Some([wallet, control]) = handed_in {
            let sockets = Self::HandedIn { paths: [wallet.path, control.path] };
            sockets.warn(rules);
            return Ok((sockets, [wallet.listener, control.listener]));
        }
        let access = access(rules);
        let folder = SocketFolder::open(paths.runtime_dir(), access)?;
        let (wallet, wallet_listener) = SocketFile::bind(&paths.wallet_socket(), access)?;
        let (control, control_listener) = SocketFile::bind(&paths.control_socket(), access)?;
        let sockets = Self::Own { folder, files: [wallet, control] };
        Ok((sockets, [wallet_listener, control_listener]))
    }

    /// Whether whoever started the daemon opened them before.
    pub(crate) fn are_handed_in(&self) -> bool {
        matches!(self, Self::HandedIn { .. })
    }

    /// Follows new rules.
    pub(crate) fn allow(&self, rules: &Rules) {
        let Self::Own { folder, files } = self else { return self.warn(rules) };
        let access = access(rules);
        let files = files.iter().map(|file| file.allow(access));
        for error in files.chain([folder.allow(access)]).filter_map(Result::err) {
            tracing::error!(error = %log::chain(&error), "agents may not reach the sockets");
        }
    }

    /// What does not fit the rules about sockets whose modes are not ours to set, a sentence each.
    pub(crate) fn warnings(&self, rules: &Rules) -> Vec<String> {
        let Self::HandedIn { paths } = self else { return Vec::new() };
        // Without an agent there is nobody to keep out, or to let in.
        if rules.agents().is_empty() {
            return Vec::new();
        }
        let access = access(rules);
        paths.iter().filter_map(|path| misfit(path, access)).collect()
    }

    fn warn(&self, rules: &Rules) {
        for warning in self.warnings(rules) {
            tracing::warn!("{warning}");
        }
    }
}

/// Why the mode of a socket does not fit, and the way out.
fn misfit(path: &Path, access: Access) -> Option<String> {
    let shown = path.display();
    let Ok(found) = fs::symlink_metadata(path) else {
        return Some(format!("{shown} is gone, and nobody can call; restart its socket unit"));
    };
    let folder = path.parent().and_then(|folder| fs::symlink_metadata(folder).ok());
    if folder.is_some_and(|folder| folder.mode() & WRITABLE_BY_OTHERS != 0) {
        let problem = "stands in a folder that others may write to, and put theirs in its place";
        return Some(format!("{shown} {problem}; set DirectoryMode=0755 in its socket unit"));
    }
    let is_open = found.mode() & WRITABLE_BY_OTHERS != 0;
    match access {
        Access::System if !is_open => Some(format!(
            "only its owner reaches {shown}, and agents have uids of their own; set SocketMode=0666 in its socket unit"
        )),
        Access::OneUser if is_open => Some(format!(
            "others reach {shown}, and every agent has the wallet's own uid; set SocketMode=0600 in its socket unit"
        )),
        Access::System | Access::OneUser => None,
    }
}

/// Open to others exactly as long as an agent has another uid than the wallet.
fn access(rules: &Rules) -> Access {
    let uid = geteuid().as_raw();
    if rules.agents().iter().all(|agent| agent.uid == uid) {
        Access::OneUser
    } else {
        Access::System
    }
}
