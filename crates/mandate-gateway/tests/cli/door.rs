//! The operator's door itself: what may stand in its way, and what is answered to a wrong request.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};

use mandate_gateway::door::{Door, socket_path};
use mandate_host::socket::SocketError;
use tokio::runtime::Runtime;

use crate::shop::Shop;

#[test]
fn only_a_dead_socket_of_this_user_is_replaced() {
    let runtime = Runtime::new().expect("threads");
    let _inside = runtime.enter();
    let base = tempfile::tempdir().expect("a temporary folder");
    let folder = base.path().join("state");
    fs::create_dir(&folder).expect("a folder");
    let socket = socket_path(&folder);
    let refused = || Door::open(&folder).expect_err("something stands in the way");

    fs::write(&socket, "precious").expect("a file");
    assert!(matches!(refused(), SocketError::NotASocket { .. }));
    assert_eq!(fs::read(&socket).expect("a file"), b"precious");
    fs::remove_file(&socket).expect("a file");

    symlink(folder.join("elsewhere"), &socket).expect("a link");
    assert!(matches!(refused(), SocketError::NotASocket { .. }));
    fs::remove_file(&socket).expect("a link");

    let live = UnixListener::bind(&socket).expect("a socket");
    assert!(matches!(refused(), SocketError::AlreadyRunning { .. }));
    drop(live);

    let (door, _listener) = Door::open(&folder).expect("a dead socket is no hindrance");
    let mode = |path: &std::path::Path| {
        fs::metadata(path).expect("metadata").permissions().mode() & 0o7777
    };
    assert_eq!((mode(&folder), mode(&socket)), (0o700, 0o600));
    drop(door);
    assert!(!socket.exists());
}

#[test]
fn a_folder_that_is_not_this_users_alone_is_refused() {
    let runtime = Runtime::new().expect("threads");
    let _inside = runtime.enter();
    let base = tempfile::tempdir().expect("a temporary folder");
    let folder = base.path().join("state");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).expect("a mode");
    assert!(matches!(Door::open(&folder), Err(SocketError::FolderWritable { .. })));
    let link = base.path().join("link");
    symlink(&folder, &link).expect("a link");
    assert!(matches!(Door::open(&link), Err(SocketError::FolderKind { .. })));
}

/// Says something at the door; gives status line and body.
fn at_the_door(shop: &Shop, request: &str) -> (String, String) {
    let mut stream = UnixStream::connect(socket_path(&shop.state_dir())).expect("a door");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and the end");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.lines().next().expect("a status line").to_owned(), body.to_owned())
}

#[test]
fn a_wrong_request_is_told_and_does_nothing() {
    let Some(mut shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash();
    shop.open();
    let get =
        |target: &str| at_the_door(&shop, &format!("GET {target} HTTP/1.1\r\nHost: g\r\n\r\n"));
    let post = |target: &str, body: &str| {
        let length = body.len();
        let head = format!("POST {target} HTTP/1.1\r\nHost: g\r\nContent-Length: {length}\r\n\r\n");
        at_the_door(&shop, &format!("{head}{body}"))
    };
    let (status, body) = get("/status");
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(body.contains("\"reserved\":1") && body.contains("\"key_problem\":null"), "{body}");
    let long = format!("{{\"hash\":\"{}\"}}", "x".repeat(5_000));
    for (said, status, reason) in [
        (get("/"), "404", "not_found"),
        (get("/resolve"), "404", "not_found"),
        (get("/entries?from=x"), "400", "malformed"),
        (get("/reserved?after=1&after=2"), "400", "malformed"),
        (post("/status", ""), "404", "not_found"),
        (post("/resolve", "{}"), "400", "malformed"),
        (post("/resolve", &long), "400", "malformed"),
        (post("/resolve", r#"{"hash":"x","outcome":"void"}"#), "400", "malformed"),
        (
            post("/resolve", &format!(r#"{{"hash":"{hash}","outcome":"refund"}}"#)),
            "400",
            "malformed",
        ),
        (
            post("/resolve", &format!(r#"{{"hash":"{hash}","outcome":"void","order":"X"}}"#)),
            "400",
            "malformed",
        ),
    ] {
        assert!(said.0.contains(status), "{said:?}");
        assert!(said.1.contains(&format!("\"reason\":\"{reason}\"")), "{said:?}");
    }
    assert!(get("/reserved").1.contains(&hash.to_string()), "it waits still");
    assert_eq!(get("/entries?from=99").1, "{\"entries\":[]}");
}

#[test]
fn a_request_that_is_under_way_when_the_door_closes_is_answered() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.open();
    let mut stream = UnixStream::connect(socket_path(&shop.state_dir())).expect("a door");
    // Nobody who only holds the door keeps the gateway from stopping.
    stream.write_all(b"GET /sta").expect("it reads");
    shop.close();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap_or_default();
    assert!(!socket_path(&shop.state_dir()).exists());
}
