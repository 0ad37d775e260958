//! Who shares a uid with whom.

use std::path::Path;

use mandate_terminal::doctor::Finding;
use mandated::Loaded;

use crate::selectors;

/// Whether an agent shares the uid of the wallet or of its principal, and what it can do then.
pub(super) fn separation(file: &Loaded, ledger: &Path) -> Finding {
    // The ledger belongs to the user that the wallet runs under.
    let wallet = selectors::wallet_uid(ledger, file.owner);
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

/// Agents that the wallet will refuse for a selector that it cannot look at.
pub(super) fn selectors(file: &Loaded, ledger: &Path) -> Vec<Finding> {
    let unseen = selectors::unseen(&file.rules, selectors::wallet_uid(ledger, file.owner));
    let way_out = "name its systemd `unit` in place of `exe`";
    unseen.into_iter().map(|detail| Finding::warn("selectors", detail, way_out)).collect()
}
