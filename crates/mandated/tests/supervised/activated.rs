//! Started by its first caller, by systemd's own hand, under the names that the units give.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mandate_proto::v1;
use mandate_tests::{Home, installed, start};
use rustix::process::{Pid, Signal, kill_process};

use super::{BINARY, CAPS};

/// Opens sockets and becomes a program at the first connection.
const ACTIVATE: &str = "systemd-socket-activate";

/// What a unit of this repository says.
fn said_by(unit: &str, key: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../systemd").join(unit);
    let text = fs::read_to_string(path).expect("a unit");
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    value.expect("a value").to_owned()
}

#[tokio::test]
async fn the_first_caller_starts_it_and_is_answered() {
    if !installed(ACTIVATE, "systemd") {
        return;
    }
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    fs::create_dir(home.paths.runtime_dir()).expect("a folder");
    let units = ["mandated.socket", "mandated-control.socket"];
    let names = units.map(|unit| said_by(unit, "FileDescriptorName"));
    // The units' own file names, in this home's folder.
    let sockets = units.map(|unit| {
        let path = PathBuf::from(said_by(unit, "ListenStream"));
        home.paths.runtime_dir().join(path.file_name().expect("a file name"))
    });
    let daemon = home.command(BINARY);
    let mut command = Command::new(ACTIVATE);
    let [wallet, control] = &sockets;
    command.arg("-l").arg(wallet).arg("-l").arg(control);
    command.arg(format!("--fdname={}", names.join(":")));
    command.arg(daemon.get_program()).args(daemon.get_args());
    let mut process = start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut log = BufReader::new(process.stderr.take().expect("a pipe")).lines();
    for line in log.by_ref().take(sockets.len()) {
        let line = line.expect("text");
        assert!(line.starts_with("Listening on "), "{line}");
    }
    // Nothing reads what it logs from here on.
    let rest = std::thread::spawn(move || log.map_while(Result::ok).collect::<Vec<_>>().join("\n"));

    home.agent().await.book("1.00 EUR").await.unwrap();
    let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    assert!(status.into_inner().sockets_handed_in);

    kill_process(Pid::from_child(&process), Signal::TERM).expect("a living process");
    let ended = process.wait().expect("an end");
    let log = rest.join().expect("a log");
    assert!(ended.success(), "{ended}: {log}");
    assert!(log.contains("Communication attempt on fd") && log.contains("ready"), "{log}");
    assert!(sockets.iter().all(|path| path.exists()), "they are not the daemon's to remove");
}
