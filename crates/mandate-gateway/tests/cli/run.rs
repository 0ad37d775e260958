//! The built gateway as a service manager runs it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::time::Duration;

use mandate_tests::{ServiceManager, bare, start};
use rustix::process::{Pid, Signal, kill_process};

use crate::shop::Shop;

#[test]
fn it_runs_answers_its_operator_and_stops() {
    let Some(shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    let log = File::create(shop.path("log")).expect("a log");
    let mut command = shop.command(["--log-format", "json"]);
    command.stdout(Stdio::piped()).stderr(log);
    let mut gateway = start(&mut command);
    let mut said = BufReader::new(gateway.stdout.take().expect("a pipe")).lines();
    let listens = said.next().expect("a line").expect("text");
    assert!(listens.starts_with("http://127.0.0.1:"), "{listens}");
    let err = shop.gateway("run").refused(1);
    assert!(err.contains("is held by another process"), "{err}");
    // It is ready once it has its key.
    let settled = shop.run(["resolve", &hash, "--executed", "--yes"]).yes();
    assert!(settled.starts_with("settled: executed\n"), "{settled}");
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert!(gateway.wait().expect("an end").success());
    assert!(!shop.state_dir().join("gateway.sock").exists());
    shop.gateway("audit verify").yes();
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let Some(shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    let full = OpenOptions::new().write(true).open("/dev/full").expect("a full disk");
    let mut command = shop.command(["run"]);
    let mut gateway = start(command.stdout(Stdio::piped()).stderr(full));
    let mut said = BufReader::new(gateway.stdout.take().expect("a pipe")).lines();
    assert!(said.next().expect("a line").expect("text").starts_with("http://"));
    shop.run(["lock"]).yes();
    shop.run(["unlock", "--yes"]).yes();
    shop.run(["resolve", &hash, "--executed", "--yes"]).yes();
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert!(gateway.wait().expect("an end").success());
}

#[test]
fn a_service_manager_hears_of_its_start_each_reload_and_its_end() {
    let Some(shop) = Shop::closed() else { return };
    let folder = shop.path("manager");
    std::fs::create_dir(&folder).expect("a folder");
    let manager = ServiceManager::new(&folder);
    let mut command = shop.command(["run"]);
    manager.hear(&mut command);
    let log = File::create(shop.path("log")).expect("a log");
    let mut gateway = start(command.stdout(Stdio::null()).stderr(log));
    let heard = |words: Vec<Vec<String>>| -> Vec<String> { words.into_iter().flatten().collect() };
    let start = heard(manager.until("READY=1"));
    assert_eq!(start.last().map(String::as_str), Some("STATUS=serves"), "{start:?}");
    shop.write("[merchant");
    let told = manager.reload().pop().expect("a status");
    assert!(
        told.contains("the newest is not in force") && told.contains("gateway.toml:1:"),
        "{told}"
    );
    shop.write(&shop.toml());
    assert_eq!(manager.reload().last().map(String::as_str), Some("STATUS=serves"));
    kill_process(Pid::from_child(&gateway), Signal::HUP).expect("a living process");
    assert_eq!(manager.reload(), ["STATUS=serves"]);
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert_eq!(manager.next(), ["STOPPING=1", "STATUS=stopping"]);
    assert!(gateway.wait().expect("an end").success());
}

#[test]
fn a_file_that_somebody_writes_is_obeyed_once_it_is_closed() {
    let Some(shop) = Shop::closed() else { return };
    let folder = shop.path("manager");
    std::fs::create_dir(&folder).expect("a folder");
    let manager = ServiceManager::new(&folder);
    let mut command = shop.command(["run"]);
    manager.hear(&mut command);
    let log = File::create(shop.path("log")).expect("a log");
    let mut gateway = start(command.stdout(Stdio::null()).stderr(log));
    assert!(!manager.until("READY=1").is_empty());
    let mut editor = OpenOptions::new().append(true).open(shop.config()).expect("a file");
    editor.write_all(b"# a last line\n").expect("a longer file");
    let told = manager.reload().pop().expect("a status");
    assert!(told.contains("gateway.toml is being written; close it"), "{told}");
    kill_process(Pid::from_child(&gateway), Signal::HUP).expect("a living process");
    let told = manager.reload().pop().expect("a status");
    assert!(told.contains("gateway.toml is being written; close it"), "{told}");
    drop(editor);
    assert_eq!(manager.reload().last().map(String::as_str), Some("STATUS=serves"));
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert!(gateway.wait().expect("an end").success());
}

#[test]
fn a_watched_gateway_says_that_it_lives() {
    let Some(shop) = Shop::closed() else { return };
    let folder = shop.path("manager");
    std::fs::create_dir(&folder).expect("a folder");
    let manager = ServiceManager::new(&folder);
    let mut command = shop.command(["run"]);
    manager.watch(&mut command, Duration::from_millis(100));
    let log = File::create(shop.path("log")).expect("a log");
    let mut gateway = start(command.stdout(Stdio::null()).stderr(log));
    manager.beats(5);
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert!(gateway.wait().expect("an end").success());
}

#[test]
fn fewer_open_files_than_connections_need_are_a_warning_with_the_way_out() {
    let Some(shop) = Shop::closed() else { return };
    let gateway = shop.command(["run"]);
    let mut command = bare("/bin/sh");
    command.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]);
    command.arg(gateway.get_program()).args(gateway.get_args()).stdout(Stdio::piped());
    command.stderr(File::create(shop.path("log")).expect("a log"));
    let mut gateway = start(&mut command);
    let said = BufReader::new(gateway.stdout.take().expect("a pipe")).lines().next();
    assert!(said.expect("a line").expect("text").starts_with("http://127.0.0.1:"));
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert!(gateway.wait().expect("an end").success());
    let log = std::fs::read_to_string(shop.path("log")).expect("a log");
    let line = log.lines().find(|line| line.contains("open files allow fewer connections"));
    let line = line.expect("a warning");
    assert!(line.contains("WARN") && line.contains("places=64"), "{line}");
    assert!(line.contains("LimitNOFILE="), "{line}");
}
