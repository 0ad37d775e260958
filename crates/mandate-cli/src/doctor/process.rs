//! Who shares a uid with whom.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use mandate_terminal::doctor::Finding;
use mandated::Loaded;

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
