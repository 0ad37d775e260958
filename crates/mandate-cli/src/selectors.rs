//! Selectors of agents that a wallet cannot look at.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use mandate_policy::Rules;

/// The uid that a wallet runs under: its ledger's owner, or `otherwise` where there is none.
pub(crate) fn wallet_uid(ledger: &Path, otherwise: u32) -> u32 {
    fs::metadata(ledger).map_or(otherwise, |found| found.uid())
}

/// A sentence for each agent that a wallet of this uid will refuse, because it may not see what the agent runs.
///
/// Source: `proc_pid_exe(5)`, `ptrace(2)`, "Ptrace access mode checking".
pub(crate) fn unseen(rules: &Rules, wallet: u32) -> Vec<String> {
    let others = rules.agents().iter().filter(|agent| wallet != 0 && agent.uid != wallet);
    let unseen = others.filter(|agent| agent.exe.is_some());
    unseen
        .map(|agent| {
            format!(
                "agent {} has `exe`, and a wallet of uid {wallet} may not see what uid {} runs, so it refuses the agent",
                agent.name, agent.uid
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use mandated::SystemUsers;

    use super::*;

    #[test]
    fn another_users_program_is_seen_by_root_alone() {
        let text = "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n\n\
                    [[agent]]\nname = \"a\"\nuid = 7\nexe = \"/a\"\n\n\
                    [[agent]]\nname = \"b\"\nuid = 8\nunit = \"b.service\"\n";
        let rules = Rules::parse(text, &SystemUsers).unwrap();
        assert_eq!(unseen(&rules, 0), [""; 0]);
        assert_eq!(unseen(&rules, 7), [""; 0]);
        let told = unseen(&rules, 990);
        assert!(matches!(&told[..], [one] if one.starts_with("agent a has `exe`")), "{told:?}");
    }
}
