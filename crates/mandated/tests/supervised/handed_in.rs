//! Sockets that were opened before the daemon: served if they are its own two, and left as they are.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};

use mandate_proto::v1;
use mandate_tests::{Home, start};

use super::{BINARY, CAPS, Ended};

/// Puts its input and its error output where a service manager hands sockets in, and becomes the daemon: both are sockets
/// by then. `$1` are their names, `$2` how many there are said to be, `$3` the log.
const HAND_IN: &str = r#"
exec 3<&0 4<&2 0</dev/null 2>>"$3"
export LISTEN_FDNAMES="$1" LISTEN_FDS="$2" LISTEN_PID="$$"
shift 3
exec "$@"
"#;

/// The daemon with these two sockets.
fn command(home: &Home, (names, count): (&str, u32), sockets: [OwnedFd; 2]) -> Command {
    let daemon = home.command(BINARY);
    let [wallet, control] = sockets;
    let mut command = Command::new("sh");
    command
        .args(["-c", HAND_IN, "sh", names, &count.to_string()])
        .arg(home.log())
        .arg(daemon.get_program())
        .args(daemon.get_args())
        .stdin(Stdio::from(wallet))
        .stderr(Stdio::from(control))
        .stdout(Stdio::piped());
    command
}

fn listen(path: &Path) -> OwnedFd {
    UnixListener::bind(path).expect("a socket").into()
}

/// A home with the folder of its sockets.
fn home() -> Option<Home> {
    let home = Home::new()?;
    home.write(&home.toml(CAPS));
    fs::create_dir(home.paths.runtime_dir()).expect("a folder");
    Some(home)
}

fn own(home: &Home) -> [OwnedFd; 2] {
    [listen(&home.paths.wallet_socket()), listen(&home.paths.control_socket())]
}

#[tokio::test]
async fn sockets_that_are_handed_in_are_served_and_left_as_they_are() {
    let Some(home) = home() else { return };
    let sockets = own(&home);
    let path = home.paths.wallet_socket();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
    let inode = fs::metadata(&path).expect("a socket").ino();
    // Who calls before the daemon runs is answered when it does.
    let early = tokio::net::UnixStream::connect(&path).await.expect("a connection");
    // The order is not that of the daemon.
    let [wallet, control] = sockets;
    let daemon = home.run(command(&home, ("control:wallet", 2), [control, wallet]));
    let expected = [home.paths.wallet_socket(), home.paths.control_socket()];
    assert_eq!(daemon.sockets, expected.map(|path| path.display().to_string()));
    drop(early);
    home.agent().await.book("1.00 EUR").await.unwrap();
    let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    let status = status.into_inner();
    assert!(status.sockets_handed_in);
    assert_eq!(status.wallet_socket, path.display().to_string());
    assert!(status.warnings.iter().all(|warning| !warning.contains("Mode=")), "{status:?}");
    daemon.stop();
    let found = fs::metadata(&path).expect("the socket was removed");
    assert_eq!((found.ino(), found.mode() & 0o777), (inode, 0o640));
}

#[tokio::test]
async fn modes_that_do_not_fit_are_told_and_left() {
    let Some(home) = home() else { return };
    let sockets = own(&home);
    let path = home.paths.wallet_socket();
    fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("a mode");
    fs::set_permissions(home.paths.control_socket(), Permissions::from_mode(0o600))
        .expect("a mode");
    let daemon = home.run(command(&home, ("wallet:control", 2), sockets));
    let warnings = async || {
        let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
        let warnings = status.into_inner().warnings.into_iter();
        warnings.filter(|warning| warning.contains("Mode=")).collect::<Vec<_>>()
    };
    let told = warnings().await;
    assert!(told.len() == 1 && told[0].contains("set SocketMode=0600"), "{told:?}");
    let other = format!("uid = {}", home.uid());
    home.write(&home.toml(CAPS).replace(&other, "uid = 4242"));
    home.control().await.reload(v1::ReloadRequest {}).await.unwrap();
    let told = warnings().await;
    assert!(
        told.len() == 1 && told[0].contains("control.sock") && told[0].contains("=0666"),
        "{told:?}"
    );
    assert_eq!(fs::metadata(&path).expect("a socket").mode() & 0o777, 0o666);
    fs::set_permissions(home.paths.runtime_dir(), Permissions::from_mode(0o777)).expect("a mode");
    let told = warnings().await;
    assert!(told.iter().all(|warning| warning.contains("set DirectoryMode=")), "{told:?}");
    daemon.stop();
}

#[test]
fn other_sockets_are_refused_with_the_line_to_mend() {
    let Some(home) = home() else { return };
    let elsewhere = |name: &str| listen(&home.folder().join(name));
    let datagram = UnixDatagram::bind(home.folder().join("datagram")).expect("a socket");
    let cases = [
        (("wallet:http", 2), own(&home), "as `http`, and only `wallet` and `control`"),
        (("wallet", 1), [elsewhere("1"), elsewhere("2")], "no socket was handed in as `control`"),
        (("wallet:wallet", 2), [elsewhere("3"), elsewhere("4")], "two sockets were handed in"),
        (("wallet", 2), [elsewhere("5"), elsewhere("6")], "2 sockets and 1 names"),
        (
            ("wallet:control", 2),
            [elsewhere("wallet.sock"), elsewhere("control.sock")],
            "mend ListenStream= in its unit",
        ),
        (("wallet:control", 2), [datagram.into(), elsewhere("7")], "is no Unix stream socket"),
    ];
    for (told, sockets, expected) in cases {
        let mut daemon = Ended(start(&mut command(&home, told, sockets)));
        let mut stdout = BufReader::new(daemon.0.stdout.take().expect("a pipe")).lines();
        assert!(stdout.next().is_none(), "it serves, and not `{expected}`");
        let status = daemon.0.wait().expect("an end");
        let said = fs::read_to_string(home.log()).expect("a log");
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains(expected), "`{expected}` is not in {said}");
        fs::remove_file(home.log()).expect("a log");
    }
}

#[tokio::test]
async fn sockets_for_another_process_or_for_nobody_are_not_taken() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    for process in [Some("1"), None] {
        let mut command = home.command(BINARY);
        command.envs([("LISTEN_FDS", "2"), ("LISTEN_FDNAMES", "wallet:control")]);
        command.envs(process.map(|process| ("LISTEN_PID", process)));
        let daemon = home.run(command);
        let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
        assert!(!status.into_inner().sockets_handed_in);
        daemon.stop();
    }
}
