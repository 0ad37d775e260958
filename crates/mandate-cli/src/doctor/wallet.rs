//! Whether the wallet runs, and what it says of itself.

use std::path::Path;

use mandate_host::supervisor::Unit;
use mandate_keys::StoreKind;
use mandate_proto::v1;
use mandate_terminal::doctor::{self, Finding};

use crate::failure::{Failure, chain};
use crate::freeze::way_to_thaw;
use crate::places::Places;
use crate::status::contradiction;
use crate::wallet::Control;

/// Whether it answers, and its answer.
pub(super) fn daemon(places: &Places) -> (Finding, Option<v1::GetStatusResponse>) {
    match Control::connect(places).and_then(|control| control.status()) {
        Ok(status) => {
            let finding = Finding::ok("mandated", format!("version {} answers", status.version));
            (finding, Some(status))
        }
        Err(failure @ Failure::Unreachable { .. }) => {
            (Finding::fails("mandated", chain(&failure)), None)
        }
        Err(failure) => {
            let way_out = "the wallet's log says more";
            (Finding::fail("mandated", chain(&failure), way_out), None)
        }
    }
}

/// Whether somebody starts the running wallet again.
pub(super) fn unit(status: &v1::GetStatusResponse) -> Vec<Finding> {
    let (name, is_users) = (status.unit.clone(), status.unit_is_users);
    let unit = (!name.is_empty()).then_some(Unit { name, is_users });
    doctor::unit("mandated", unit.as_ref())
}

/// What the running wallet says of itself.
pub(super) fn state(status: &v1::GetStatusResponse, places: &Places) -> Vec<Finding> {
    let mut findings = Vec::new();
    if status.locked {
        findings.push(locked());
    } else if status.key_problem.is_empty() {
        let detail = format!("{} in the {}", status.key_id, status.key_store);
        findings.push(Finding::ok("key", detail));
        let store = StoreKind::ALL.into_iter().find(|kind| kind.to_string() == status.key_store);
        findings.extend(store.map(doctor::keyring));
    } else {
        let way_out = "until then nothing is signed";
        findings.push(Finding::fail("key", status.key_problem.clone(), way_out));
    }
    let problems = [
        ("policy", &status.policy_problem, "the last good wallet.toml stays in force"),
        ("clock", &status.clock_problem, "set it right, or confirm it with `mandate thaw --clock`"),
        ("ledger", &status.ledger_problem, "run `mandate audit verify`"),
    ];
    for (check, problem, way_out) in problems {
        if !problem.is_empty() {
            findings.push(Finding::fail(check, problem.clone(), way_out));
        }
    }
    let frozen = status.frozen.iter().map(|scope| {
        let way_out = format!("end it with `{}`", way_to_thaw(scope));
        Finding::warn("freeze", format!("{scope} is frozen"), way_out)
    });
    findings.extend(frozen);
    let contradictions = status.equivocations.iter().map(|found| {
        let v1::Equivocation { merchant_id, seq, earlier_seq, rule } = found;
        let way_out = format!(
            "look at it with `mandate audit show {seq}`; a merchant that lost its log needs a new key in wallet.toml"
        );
        let detail = contradiction(merchant_id, (*seq, *earlier_seq), rule);
        Finding::warn("merchant", detail, way_out)
    });
    findings.extend(contradictions);
    let elsewhere = [
        ("config", &status.config_path, places.config().to_owned(), "--config"),
        ("ledger", &status.ledger_path, places.ledger(), "--state-dir"),
    ];
    for (check, used, ours, option) in elsewhere {
        if Path::new(used) != ours {
            let detail = format!("the running wallet uses {used}, not {}", ours.display());
            findings.push(Finding::warn(check, detail, format!("name its place with {option}")));
        }
    }
    if !status.metrics_problem.is_empty() {
        let way_out = "mints go on; nobody reads the figures over TCP until then";
        findings.push(Finding::warn("metrics", status.metrics_problem.clone(), way_out));
    }
    let warned = status.warnings.iter().map(|warning| {
        Finding::warn("protection", warning.clone(), "the wallet's unit or its limits can grant it")
    });
    findings.extend(warned);
    findings
}

/// The principal wanted it so: no fault, and nothing that may be forgotten.
pub(super) fn locked() -> Finding {
    Finding::warn("key", "the wallet is locked by its principal", "end it with `mandate unlock`")
}

#[cfg(test)]
mod tests {
    use mandate_proto::paths::Overrides;

    use super::*;
    use mandate_terminal::doctor::Verdict;

    #[test]
    fn what_the_wallet_cannot_do_fails_and_what_it_may_not_warns() {
        let overrides = Overrides {
            config: Some("/c/wallet.toml".into()),
            state_dir: Some("/s".into()),
            runtime_dir: Some("/r".into()),
        };
        let places = Places::resolve(&overrides).unwrap();
        let status = v1::GetStatusResponse {
            key_problem: "locked".to_owned(),
            frozen: vec!["wallet".to_owned()],
            equivocations: vec![v1::Equivocation::default()],
            config_path: "/c/wallet.toml".to_owned(),
            ledger_path: "/elsewhere/wallet.db".to_owned(),
            ..v1::GetStatusResponse::default()
        };
        let found = state(&status, &places);
        let found: Vec<_> = found.iter().map(|found| (found.check, found.result)).collect();
        let expected = [
            ("key", Verdict::Fail),
            ("freeze", Verdict::Warn),
            ("merchant", Verdict::Warn),
            ("ledger", Verdict::Warn),
        ];
        assert_eq!(found, expected);
        let status = v1::GetStatusResponse { locked: true, ..status };
        let key = state(&status, &places).remove(0);
        assert_eq!((key.check, key.result), ("key", Verdict::Warn));
        assert!(key.detail.contains("locked by its principal"), "{}", key.detail);
    }
}
