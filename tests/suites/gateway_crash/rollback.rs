//! A journal that was put back as it was yesterday serves nobody.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use mandate_gateway::door;
use mandate_tests::gateway::MerchantHome;

use crate::child;

/// The gateway's process, up to readiness and, if the test wants nothing of it, to its orderly end.
async fn live(home: &MerchantHome, while_it_lives: impl FnOnce()) {
    let mut gateway = home.start(child::TEST, None);
    assert!(gateway.heard(&["ready"]).await.is_some(), "it did not start");
    while_it_lives();
    gateway.stop().await;
}

/// What the running gateway says of its journal.
fn journal_problem(home: &MerchantHome) -> Option<String> {
    let mut door = UnixStream::connect(door::socket_path(&home.state_dir())).unwrap();
    let ask = b"GET /status HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";
    door.write_all(ask).unwrap();
    let mut answer = String::new();
    door.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    let status: serde_json::Value = serde_json::from_str(body).unwrap();
    status["journal_problem"].as_str().map(str::to_owned)
}

/// Puts the journal of one folder into another; whatever was there is gone.
fn copy(from: &Path, to: &Path) {
    for name in ["gateway.db", "gateway.db-wal"] {
        if to.join(name).exists() {
            fs::remove_file(to.join(name)).unwrap();
        }
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn an_older_copy_of_the_journal_serves_nobody_until_the_newest_is_back() {
    let Some(home) = MerchantHome::new() else { return };
    let upstream = "127.0.0.1:9".parse().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let (yesterday, newest) = (kept.path().join("yesterday"), kept.path().join("newest"));
    fs::create_dir(&yesterday).unwrap();
    fs::create_dir(&newest).unwrap();
    home.write(&home.toml(upstream, ""));
    live(&home, || assert_eq!(journal_problem(&home), None)).await;
    copy(&home.state_dir(), &yesterday);
    // Another file in force is another entry.
    home.write(&format!("{}\n# changed\n", home.toml(upstream, "")));
    live(&home, || assert_eq!(journal_problem(&home), None)).await;
    copy(&home.state_dir(), &newest);

    // With yesterday's file as well: the same entry, written again in the same second, would be the same history.
    home.write(&home.toml(upstream, ""));
    copy(&yesterday, &home.state_dir());
    for _ in 0..2 {
        live(&home, || {
            let problem = journal_problem(&home).unwrap();
            assert!(
                problem.contains("copy; stop the gateway, put the newest copy of"),
                "{problem}"
            );
        })
        .await;
    }
    copy(&newest, &home.state_dir());
    live(&home, || assert_eq!(journal_problem(&home), None)).await;
}
