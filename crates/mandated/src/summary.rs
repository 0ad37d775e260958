//! The daemon's state in a line, for whoever looks at its unit.

use mandate_host::key::NoKey;
use mandate_ledger::{LedgerStatus, Scope};

use crate::mint::Mint;

/// What somebody who looks at the daemon should know first, in a line.
pub(crate) fn summary(
    ledger: Option<&LedgerStatus>,
    mint: &Mint,
    policy_problem: Option<&str>,
) -> String {
    let Some(ledger) = ledger else {
        return "nothing is minted: the ledger does not answer".to_owned();
    };
    // Each by its name: a new way to be stopped has to have a sentence here.
    let LedgerStatus { head: _, frozen, locked, clock, distrusted, holds: _, equivocations: _ } =
        ledger;
    if let Some(problem) = distrusted {
        return format!("nothing is minted, the ledger is not believed: {problem}");
    }
    if *locked {
        return "locked: nothing is minted until `mandate unlock`".to_owned();
    }
    if frozen.contains(&Scope::Wallet) {
        return "frozen: nothing is minted until `mandate thaw`".to_owned();
    }
    if let Err(NoKey::Absent { problem }) = mint.room().note() {
        return format!("no key, nothing is minted: {problem}");
    }
    if let Some(fault) = clock {
        return format!("nothing is minted, the clock is not believed: {fault}");
    }
    if let Some(problem) = policy_problem {
        return format!("mints under the last good wallet.toml; the newest was refused: {problem}");
    }
    let scopes: Vec<String> = frozen.iter().map(ToString::to_string).collect();
    if scopes.is_empty() {
        "mints".to_owned()
    } else {
        format!("mints; frozen: {}", scopes.join(", "))
    }
}
