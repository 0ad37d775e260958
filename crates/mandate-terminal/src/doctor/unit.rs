//! Whether somebody starts the daemon again.

use mandate_host::supervisor::Unit;

use super::Finding;
use super::ask::{ask, property};

const PROGRAM: &str = "systemctl";
/// What is asked of a unit.
const PROPERTIES: &str = "--property=Restart,WatchdogUSec,UnitFileState";

/// Whether the running daemon is in a unit that starts it again after a failure, when it is stuck, and after a reboot.
#[must_use]
pub fn unit(daemon: &str, unit: Option<&Unit>) -> Vec<Finding> {
    let Some(unit) = unit else {
        let detail = format!("{daemon} runs in no service: after a failure nobody starts it again");
        let way_out = "run it by the unit in systemd/";
        return vec![Finding::warn("unit", detail, way_out)];
    };
    let manager = if unit.is_users { "--user" } else { "--system" };
    match ask(PROGRAM, &[manager, "show", PROPERTIES, "--", &unit.name]) {
        Some(told) => judge(unit, manager, &told),
        None => vec![Finding::ok("unit", format!("{daemon} runs as {}", unit.name))],
    }
}

fn judge(unit: &Unit, manager: &str, told: &str) -> Vec<Finding> {
    let name = &unit.name;
    let told = |property_name| property(told, property_name).unwrap_or_default();
    let edit = |line: &str| format!("run: systemctl {manager} edit {name}, and set {line}");
    let mut findings = Vec::new();
    if matches!(told("Restart"), "no" | "on-success") {
        let detail = format!("{name} does not start it again after a failure");
        findings.push(Finding::warn("unit", detail, edit("Restart=on-failure")));
    }
    if matches!(told("WatchdogUSec"), "0" | "infinity") {
        let detail = format!("{name} does not notice when it is stuck");
        findings.push(Finding::warn("unit", detail, edit("WatchdogSec=30s")));
    }
    if told("UnitFileState") == "disabled" {
        let detail = format!("{name} is not started at boot");
        let way_out = format!("run: systemctl {manager} enable {name}");
        findings.push(Finding::warn("unit", detail, way_out));
    }
    if findings.is_empty() {
        let detail = format!("{name} starts it again after a failure, and when it is stuck");
        findings.push(Finding::ok("unit", detail));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn judged(told: &str) -> Vec<Finding> {
        let unit = Unit { name: "mandated.service".to_owned(), is_users: true };
        judge(&unit, "--user", told)
    }

    #[test]
    fn what_nobody_starts_again_is_a_warning_with_the_command_to_run() {
        let good = "Restart=on-failure\nWatchdogUSec=30s\nUnitFileState=enabled\n";
        let found = judged(good);
        assert_eq!((found.len(), found[0].result), (1, Verdict::Ok));
        for (from, to, way_out) in [
            ("Restart=on-failure", "Restart=no", "set Restart=on-failure"),
            ("=30s", "=0", "set WatchdogSec=30s"),
            ("=30s", "=infinity", "set WatchdogSec=30s"),
            ("=enabled", "=disabled", "run: systemctl --user enable mandated.service"),
        ] {
            let found = judged(&good.replace(from, to));
            assert_eq!((found.len(), found[0].result), (1, Verdict::Warn), "{to}");
            assert!(found[0].way_out.as_ref().unwrap().ends_with(way_out), "{found:?}");
        }
        assert_eq!(judged("Restart=no\nWatchdogUSec=0\nUnitFileState=disabled\n").len(), 3);
    }

    #[test]
    fn a_daemon_that_was_started_by_hand_is_a_warning() {
        assert_eq!(unit("mandated", None)[0].result, Verdict::Warn);
    }
}
