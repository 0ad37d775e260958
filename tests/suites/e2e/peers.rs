//! Who may connect, what stands in the way of a socket, and what stock clients find on it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use mandate_proto::v1;
use mandate_tests::{Agent, Home, denied};
use mandated::{RunError, SocketError};

const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

fn mode(path: &std::path::Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn modes_follow_who_the_agents_are() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let modes = || {
        [home.paths.runtime_dir(), &home.paths.wallet_socket(), &home.paths.control_socket()]
            .map(mode)
    };
    assert_eq!(modes(), [0o700, 0o600, 0o600], "one user");
    // An agent of another uid has to reach the socket; the peer check decides.
    let other = format!("{}\n[[agent]]\nname = \"other\"\nuid = 4242\n", home.toml(CAPS));
    home.write(&other);
    home.control().await.reload(v1::ReloadRequest {}).await.unwrap();
    assert_eq!(modes(), [0o755, 0o666, 0o666], "system");
    home.write(&home.toml(CAPS));
    home.control().await.reload(v1::ReloadRequest {}).await.unwrap();
    assert_eq!(modes(), [0o700, 0o600, 0o600], "one user again");
    daemon.stop().await;
    assert!(!home.paths.wallet_socket().exists() && !home.paths.control_socket().exists());
}

#[tokio::test]
async fn a_uid_that_a_reload_removed_is_no_agent_any_more() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    agent.intent(Agent::book_room()).await.unwrap();
    let listed = format!("uid = {}", home.uid());
    home.write(&home.toml(CAPS).replace(&listed, "uid = 4242"));
    home.control().await.reload(v1::ReloadRequest {}).await.unwrap();
    // On the connection that was let in before.
    assert_eq!(denied(agent.intent(Agent::book_room()).await).reason, "AGENT_UNKNOWN");
    daemon.stop().await;
}

#[tokio::test]
async fn nothing_that_stands_in_the_way_is_taken_over() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let run = home.paths.runtime_dir().to_owned();
    let wallet = home.paths.wallet_socket();
    fs::create_dir(&run).unwrap();
    fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).unwrap();

    fs::write(&wallet, "precious").unwrap();
    let refused = home.start_with(|_| ()).await.unwrap_err();
    assert!(matches!(refused, RunError::Socket(SocketError::NotASocket { .. })), "{refused}");
    assert_eq!(fs::read(&wallet).unwrap(), b"precious");
    fs::remove_file(&wallet).unwrap();

    symlink(home.folder().join("elsewhere.sock"), &wallet).unwrap();
    let refused = home.start_with(|_| ()).await.unwrap_err();
    assert!(matches!(refused, RunError::Socket(SocketError::NotASocket { .. })), "{refused}");
    fs::remove_file(&wallet).unwrap();

    let live = UnixListener::bind(&wallet).unwrap();
    let refused = home.start_with(|_| ()).await.unwrap_err();
    assert!(matches!(refused, RunError::Socket(SocketError::AlreadyRunning { .. })), "{refused}");
    drop(live);

    // What a crash left behind is replaced.
    home.start().await.stop().await;

    fs::set_permissions(&run, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = home.start_with(|_| ()).await.unwrap_err();
    assert!(matches!(refused, RunError::Socket(SocketError::FolderWritable { .. })), "{refused}");
}

#[tokio::test]
async fn two_daemons_cannot_share_a_ledger() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let refused = home.start_with(|_| ()).await.unwrap_err();
    assert!(refused.to_string().contains("a wallet is already running on it"), "{refused}");
    home.agent().await.intent(Agent::book_room()).await.unwrap();
    daemon.stop().await;
}
