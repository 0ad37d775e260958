//! A gateway.toml that could not be written down: told of, not obeyed, and tried again with the next reading.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mandate_gateway::door::Status;
use mandate_journal::{Fault, Hook, Hooks, Options};

use crate::deployed::{Deployed, toml};

/// How a book is opened whose disk is full as long as the switch says so.
fn full_while(full: &Arc<AtomicBool>) -> Options {
    let seen = Arc::clone(full);
    let hook: Hook = Arc::new(move || seen.load(Ordering::SeqCst).then_some(Fault::DiskFull));
    let hooks = Hooks { before_commit: Some(hook), ..Hooks::default() };
    Options { hooks, ..Options::default() }
}

fn is_unwritten(status: &Status) -> bool {
    let problem = status.settings_problem.as_deref();
    problem.is_some_and(|problem| problem.contains("is good and could not be written down: "))
}

/// The status of the answer about its health.
async fn health(gateway: &Deployed) -> String {
    gateway.door("/healthz").await.0.split(' ').nth(1).unwrap().to_owned()
}

async fn policies(gateway: &Deployed) -> usize {
    gateway.door("/entries").await.1.matches(r#""kind":"policy""#).count()
}

#[tokio::test]
async fn a_start_on_a_full_disk_uses_nothing_until_the_file_is_read_again_and_written_down() {
    let full = Arc::new(AtomicBool::new(true));
    let Some(gateway) = Deployed::start_on("", full_while(&full)).await else { return };
    full.store(false, Ordering::SeqCst);
    let status = gateway.status().await;
    assert!(is_unwritten(&status), "{status:?}");
    assert!(status.settings_problem.unwrap().ends_with("; no call goes on until it is"));
    assert_eq!(health(&gateway).await, "503");
    gateway.obeys(&toml(&gateway.home, ""), |status| status.settings_problem.is_none()).await;
    assert_eq!((health(&gateway).await.as_str(), policies(&gateway).await), ("200", 1));
    gateway.stop().await;
}

#[tokio::test]
async fn a_reload_that_could_not_be_written_down_is_told_of_until_it_is() {
    let full = Arc::new(AtomicBool::new(false));
    let Some(gateway) = Deployed::start_on("", full_while(&full)).await else { return };
    let before = gateway.status().await.settings;
    full.store(true, Ordering::SeqCst);
    let next = toml(&gateway.home, "[metrics]\nlisten = \"127.0.0.1:0\"\n");
    gateway.home.write(&next);
    // The figures are told without the journal.
    let told = async {
        while !gateway.door("/metrics").await.1.contains("_config_reload_success 0\n") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("the change was missed");
    full.store(false, Ordering::SeqCst);
    let status = gateway.status().await;
    assert!(is_unwritten(&status), "{status:?}");
    assert_eq!(status.settings, before, "what has its entry stays in force");
    assert_eq!(health(&gateway).await, "200");
    let is_obeyed = |status: &Status| status.settings != before;
    assert_eq!(gateway.obeys(&next, is_obeyed).await.settings_problem, None);
    assert_eq!(policies(&gateway).await, 2);
    gateway.stop().await;
}
