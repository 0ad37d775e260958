//! Agents that are more than a uid: one program, one unit.

use std::fs;
use std::path::{Path, PathBuf};

use mandate_ledger::StoppedLedger;
use mandate_proto::v1;
use mandate_tests::{Agent, Home, denied, must_not_skip};
use rustix::process::geteuid;

const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

/// A wallet.toml whose agent has these selectors.
fn toml(home: &Home, selectors: &str) -> String {
    let uid = format!("uid = {}\n", home.uid());
    home.toml(CAPS).replace(&uid, &format!("{uid}{selectors}\n"))
}

fn exe(path: &Path) -> String {
    format!("exe = \"{}\"", path.display())
}

async fn reload(home: &Home, selectors: &str) {
    home.write(&toml(home, selectors));
    home.control().await.reload(v1::ReloadRequest {}).await.unwrap();
}

/// The reason of a refusal; `None` if the agent was served.
async fn refused(agent: &mut Agent<'_>) -> Option<String> {
    let minted = agent.intent(Agent::book_room()).await;
    minted.err().map(|status| denied::<()>(Err(status)).reason)
}

/// How many calls by nobody are written down.
fn strangers(home: &Home) -> usize {
    let ledger = StoppedLedger::open(home.paths.state_dir()).unwrap();
    let entries = ledger.entries(0, 256).unwrap();
    entries.iter().filter(|entry| String::from_utf8_lossy(entry).contains("AGENT_UNKNOWN")).count()
}

#[tokio::test]
async fn a_program_is_told_by_its_file_and_judged_again_after_each_reload() {
    let Some(home) = Home::new() else { return };
    let this = std::env::current_exe().unwrap();
    let other = fs::canonicalize("/bin/sh").unwrap();
    home.write(&toml(&home, &exe(&this)));
    let daemon = home.start().await;
    let mut open = home.agent().await;
    assert_eq!(refused(&mut open).await, None);

    // On the connection that was let in, and on a new one.
    reload(&home, &exe(&other)).await;
    let unknown = Some("AGENT_UNKNOWN".to_owned());
    assert_eq!(refused(&mut open).await, unknown);
    assert_eq!(refused(&mut home.agent().await).await, unknown);

    // The same program under another name is another path.
    let link = home.folder().join("link");
    std::os::unix::fs::symlink(&this, &link).unwrap();
    reload(&home, &exe(&link)).await;
    assert_eq!(refused(&mut home.agent().await).await, unknown);

    // A selector that is gone lets the uid in again; the connection is still the same one.
    reload(&home, "").await;
    assert_eq!(refused(&mut open).await, None);
    reload(&home, &exe(&this)).await;
    assert_eq!(refused(&mut open).await, None, "what was seen at accept fits");
    daemon.stop().await;
    assert_eq!(strangers(&home), 3, "each is written down as a stranger's is");
}

#[tokio::test]
async fn a_unit_is_told_by_the_control_group() {
    let Some(home) = Home::new() else { return };
    home.write(&toml(&home, "unit = \"mandate-other.service\""));
    let daemon = home.start().await;
    let unknown = Some("AGENT_UNKNOWN".to_owned());
    assert_eq!(refused(&mut home.agent().await).await, unknown);
    let Some(unit) = Unit::enter() else {
        daemon.stop().await;
        return;
    };
    assert_eq!(refused(&mut home.agent().await).await, unknown);
    reload(&home, &format!("unit = \"{}\"", unit.name)).await;
    let mut open = home.agent().await;
    assert_eq!(refused(&mut open).await, None);
    drop(unit);
    // Where it was when it connected counts; where it is now, for who connects now.
    assert_eq!(refused(&mut open).await, None);
    daemon.stop().await;
}

/// This process in a unit, as systemd has it: the one that it is in, or one of its own where it may make one.
struct Unit {
    name: String,
    /// Groups that were made, each with the one that this process was in before.
    made: Vec<(PathBuf, PathBuf)>,
}

impl Unit {
    /// `None`, with a word about it, where this process is in no unit and may not make one.
    fn enter() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap();
        let is_unit = |part: &&str| part.ends_with(".service") || part.ends_with(".scope");
        let path = groups.lines().filter_map(|line| line.strip_prefix("0::/")).next().unwrap_or("");
        if let Some(name) = path.split('/').find(|part| !part.ends_with(".slice")).filter(is_unit) {
            return Some(Self { name: name.to_owned(), made: Vec::new() });
        }
        let name = format!("mandate-test-{}.service", std::process::id());
        let mut unit = Self { name, made: Vec::new() };
        let trees = ["/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"];
        let trees = trees.map(Path::new).into_iter();
        for tree in trees.filter(|tree| tree.join("cgroup.procs").exists()) {
            let group = tree.join(&unit.name);
            if fs::create_dir(&group).is_ok() {
                unit.made.push((group.clone(), tree.to_owned()));
                join(&group);
            }
        }
        if unit.made.is_empty() {
            assert!(!must_not_skip(), "under CI nothing is skipped: no control groups here");
            let root = geteuid().is_root();
            eprintln!("not run: in no unit, and no control group can be made (root: {root})");
            return None;
        }
        Some(unit)
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        for (group, before) in &self.made {
            join(before);
            fs::remove_dir(group).unwrap();
        }
    }
}

fn join(group: &Path) {
    fs::write(group.join("cgroup.procs"), std::process::id().to_string()).unwrap();
}
