//! The two sockets of the wallet, and who may reach them through the file system.

use std::os::unix::net::UnixListener;

use mandate_host::log;
use mandate_host::socket::{Access, SocketError, SocketFile, SocketFolder};
use mandate_policy::Rules;
use mandate_proto::paths::Paths;
use rustix::process::geteuid;

/// Both sockets and their folder; open to others exactly as long as wallet.toml lists an agent of another uid.
#[derive(Debug)]
pub(crate) struct Sockets {
    folder: SocketFolder,
    files: [SocketFile; 2],
}

impl Sockets {
    /// Opens the agents' socket and the principal's, in this order.
    pub(crate) fn open(
        paths: &Paths,
        rules: &Rules,
    ) -> Result<(Self, [UnixListener; 2]), SocketError> {
        let access = access(rules);
        let folder = SocketFolder::open(paths.runtime_dir(), access)?;
        let (wallet, wallet_listener) = SocketFile::bind(&paths.wallet_socket(), access)?;
        let (control, control_listener) = SocketFile::bind(&paths.control_socket(), access)?;
        let sockets = Self { folder, files: [wallet, control] };
        Ok((sockets, [wallet_listener, control_listener]))
    }

    /// Follows new rules.
    pub(crate) fn allow(&self, rules: &Rules) {
        let access = access(rules);
        let files = self.files.iter().map(|file| file.allow(access));
        for error in files.chain([self.folder.allow(access)]).filter_map(Result::err) {
            tracing::error!(error = %log::chain(&error), "agents may not reach the sockets");
        }
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
