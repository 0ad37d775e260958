//! Memory that may be kept out of swap, and who shares a uid with whom.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::{Resource, getrlimit};

use super::Finding;
use mandated::Loaded;

/// What the key's own page takes at most, in bytes, on any architecture.
const KEY_PAGE_BYTES: u64 = 64 * 1024;

/// Whether a process started from here may keep the key out of swap.
pub(super) fn memory() -> Finding {
    match getrlimit(Resource::Memlock).current {
        None => Finding::ok("memory", "all of it may be kept out of swap"),
        Some(bytes) if bytes >= KEY_PAGE_BYTES => Finding::ok(
            "memory",
            format!("the key may be kept out of swap ({bytes} bytes may be locked)"),
        ),
        Some(bytes) => Finding::warn(
            "memory",
            format!("only {bytes} bytes may be locked: the key may be written to swap"),
            "raise the limit (ulimit -l, or LimitMEMLOCK= in the unit)",
        ),
    }
}

/// Whether an agent shares the uid of the wallet or of its principal, and what it can do then.
pub(super) fn separation(file: &Loaded, ledger: &Path) -> Finding {
    // The ledger belongs to the user that the wallet runs under.
    let wallet = fs::metadata(ledger).map_or(file.owner, |found| found.uid());
    if wallet != file.owner
        && let Some(agent) = file.rules.agent_by_uid(file.owner)
    {
        let detail =
            format!("wallet.toml belongs to agent {}, and mandated refuses it", agent.name);
        return Finding::fail("separation", detail, "give it to the principal, or to root: chown");
    }
    match file.rules.agent_by_uid(wallet) {
        Some(agent) => Finding::warn(
            "separation",
            format!(
                "one-user mode: agent {} has the wallet's own uid {}, so its code can ask the keyring for the key, \
                 approve, thaw, edit wallet.toml, and restore an old ledger",
                agent.name, agent.uid
            ),
            "run the wallet under a user of its own (the system unit does), and list agents by theirs",
        ),
        None => Finding::ok("separation", "no agent has the uid of the wallet or of its principal"),
    }
}
