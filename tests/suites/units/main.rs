//! The units in `systemd/`, judged by systemd itself: each is understood whole, and each system service is shut in.
//!
//! `systemd-analyze` needs no running systemd for either. Where it is not installed nothing is judged, and that is said.

#![expect(clippy::expect_used, reason = "a test stops where its own assumption fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mandate_tests::installed;
use tempfile::TempDir;

const ANALYZE: &str = "systemd-analyze";
/// Most exposure of a system service, in tenths: 1.5 of 10.
const EXPOSURE_MAX: u32 = 15;
/// A program that is there, in place of ours, which need not be installed.
const STAND_IN: &str = "/bin/true";

/// The manager that a unit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    System,
    User,
}

impl Manager {
    const ALL: [Self; 2] = [Self::System, Self::User];

    fn folder(self) -> PathBuf {
        let systemd = Path::new(env!("CARGO_MANIFEST_DIR")).join("../systemd");
        match self {
            Self::System => systemd,
            Self::User => systemd.join("user"),
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::System => "--system",
            Self::User => "--user",
        }
    }
}

/// Copies of one manager's units, whose programs are there.
struct Units {
    folder: TempDir,
    manager: Manager,
    names: Vec<String>,
}

impl Units {
    /// `None`, with a word about it, where nothing can judge them.
    fn new(manager: Manager) -> Option<Self> {
        if !installed(ANALYZE, "systemd") {
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        let mut names = Vec::new();
        for entry in fs::read_dir(manager.folder()).expect("the units") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
            let text = fs::read_to_string(&path).expect("a unit");
            fs::write(folder.path().join(&name), with_stand_in(&text)).expect("a copy");
            names.push(name);
        }
        names.sort_unstable();
        Some(Self { folder, manager, names })
    }

    fn services(&self) -> impl Iterator<Item = &String> {
        self.names.iter().filter(|name| name.ends_with(".service"))
    }

    /// Changes one unit, as somebody who maintains it might.
    fn change(&self, name: &str, from: &str, to: &str) {
        let path = self.folder.path().join(name);
        let text = fs::read_to_string(&path).expect("a unit");
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(path, text.replace(from, to)).expect("a unit");
    }

    fn analyze(&self, arguments: &[&str]) -> Output {
        Command::new(ANALYZE)
            .arg(self.manager.option())
            .args(arguments)
            .current_dir(self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("SYSTEMD_PAGER", "")
            .output()
            .expect("systemd-analyze")
    }

    /// What systemd does not understand of our units, or says of them. What it says of the machine's own is left out.
    fn complaints(&self) -> Vec<String> {
        let paths: Vec<String> = self.names.iter().map(|name| format!("./{name}")).collect();
        let mut arguments = vec!["verify", "--man=no"];
        arguments.extend(paths.iter().map(String::as_str));
        let output = self.analyze(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let ours: Vec<String> =
            said.lines().filter(|line| line.contains("mandate")).map(str::to_owned).collect();
        assert!(output.status.success() || !ours.is_empty(), "it did not judge: {said}");
        ours
    }

    /// What systemd says of how exposed a service is, and whether that is little enough.
    fn exposure(&self, name: &str) -> (String, bool) {
        let threshold = format!("--threshold={EXPOSURE_MAX}");
        let path = format!("./{name}");
        let output = self.analyze(&["security", "--offline=true", &threshold, &path]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let last = said.lines().rfind(|line| !line.is_empty()).unwrap_or_default().to_owned();
        assert!(last.contains("exposure level"), "it did not judge {name}: {output:?}");
        (last, output.status.success())
    }
}

fn with_stand_in(unit: &str) -> String {
    let lines = unit.lines().map(|line| match line.strip_prefix("ExecStart=") {
        Some(command) => {
            let arguments = command.split_once(' ').map_or("", |(_, arguments)| arguments);
            format!("ExecStart={STAND_IN} {arguments}\n")
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn systemd_understands_every_line() {
    for manager in Manager::ALL {
        let Some(units) = Units::new(manager) else { return };
        assert!(units.names.len() > 2, "{:?}", units.names);
        let complaints = units.complaints();
        assert!(complaints.is_empty(), "{complaints:#?}");
        println!("{manager:?}: {} units are understood", units.names.len());
    }
}

#[test]
fn a_line_that_systemd_does_not_understand_is_noticed() {
    for manager in Manager::ALL {
        let Some(units) = Units::new(manager) else { return };
        units.change("mandated.service", "NoNewPrivileges=", "NoNewPriviledges=");
        let complaints = units.complaints();
        assert!(complaints.iter().any(|line| line.contains("NoNewPriviledges")), "{complaints:?}");
    }
}

#[test]
fn every_system_service_is_shut_in() {
    let Some(units) = Units::new(Manager::System) else { return };
    let mut judged = 0_usize;
    for name in units.services() {
        let (said, is_little) = units.exposure(name);
        println!("{said}");
        assert!(is_little, "{said}");
        judged = judged.saturating_add(1);
    }
    assert!(judged >= 4, "{:?}", units.names);
}

#[test]
fn a_service_that_may_reach_the_network_is_noticed() {
    let Some(units) = Units::new(Manager::System) else { return };
    for line in ["PrivateNetwork=yes\n", "IPAddressDeny=any\n", "RestrictAddressFamilies=AF_UNIX\n"]
    {
        units.change("mandated.service", line, "");
    }
    let (said, is_little) = units.exposure("mandated.service");
    assert!(!is_little, "{said}");
}

/// What a wallet relies on, and no score tells.
#[test]
fn the_wallet_sees_the_uids_and_units_of_its_callers() {
    for name in ["mandated.service", "mandated@.service"] {
        let text = fs::read_to_string(Manager::System.folder().join(name)).expect("a unit");
        let has = |line: &str| text.lines().any(|found| found == line);
        assert!(has("ProtectProc=default"), "{name} hides its callers in /proc");
        assert!(!text.lines().any(|line| line.starts_with("PrivateUsers=")), "{name}");
        assert!(!text.lines().any(|line| line.starts_with("PrivatePIDs=")), "{name}");
    }
}

/// Without its comments, and as if there were one instance: the one without a name.
fn settings_of(name: &str) -> Vec<String> {
    let text = fs::read_to_string(Manager::System.folder().join(name)).expect("a unit");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let singular = |line: &str| {
        let named = line.replace(" (%i)", "").replace(".%i", ".default");
        ["@%i", "/%i", "-%i"].iter().fold(named, |line, instance| line.replace(instance, ""))
    };
    lines.map(singular).collect()
}

#[test]
fn an_instance_is_run_as_the_only_one_is() {
    for (template, only) in [
        ("mandated@.service", "mandated.service"),
        ("mandated@.socket", "mandated.socket"),
        ("mandated-control@.socket", "mandated-control.socket"),
        ("mandate-gateway@.service", "mandate-gateway.service"),
    ] {
        assert_eq!(settings_of(template), settings_of(only), "{template}");
    }
}
