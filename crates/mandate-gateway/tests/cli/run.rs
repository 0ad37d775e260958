//! The built gateway as a service manager runs it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use mandate::clock::Clock as _;
use mandate_host::clock::SystemClock;
use mandate_tests::h2::{END_HEADERS, END_STREAM, HEADERS, headers, hello};
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
    let mut command = with_open_files(256, &shop);
    command.stdout(Stdio::piped()).stderr(File::create(shop.path("log")).expect("a log"));
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

/// The gateway of a shop, as a process that may have so many open files.
fn with_open_files(most: u32, shop: &Shop) -> Command {
    let gateway = shop.command(["run"]);
    let mut command = bare("/bin/sh");
    command.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]);
    command.arg(gateway.get_program()).args(gateway.get_args());
    command
}

/// Longest wait for what has to come; only a broken gateway takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An API that begins each answer and ends none, for as long as the test has what it is sent.
fn endless_api() -> (String, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = listener.local_addr().expect("an address");
    let (heard, calls) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, heard) = (stream.expect("a connection"), heard.clone());
            std::thread::spawn(move || {
                let mut read = BufReader::new(&stream).lines();
                if !read.any(|line| line.is_ok_and(|line| line.is_empty())) {
                    return;
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
                    .expect("it reads");
                drop(heard.send(stream));
            });
        }
    });
    (format!("http://{address}"), calls)
}

/// How many streams of an HTTP/2 connection were answered to their end, once there are so many.
fn ended(from: &mut TcpStream, most: usize) -> usize {
    from.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut count: usize = 0;
    while count < most {
        let mut head = [0; 9];
        from.read_exact(&mut head).expect("a frame");
        let [high, middle, low, kind, flags, ..] = head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        from.read_exact(&mut payload).expect("a frame");
        // Of data and heads alone it ends something.
        count = count.saturating_add(usize::from(kind <= HEADERS && flags & END_STREAM != 0));
    }
    count
}

#[test]
fn calls_take_no_open_file_that_is_the_operators() {
    /// Beside the 128 that are kept: as many connections of callers as to the API.
    const CALLS_MAX: usize = 16;
    const CALLS: usize = 40;
    let Some(shop) = Shop::closed() else { return };
    let (api, calls) = endless_api();
    let toml = shop.toml().replace("http://127.0.0.1:9", &api) + "\n[limits]\nin_flight = 64\n";
    shop.write(&toml);
    let folder = shop.path("manager");
    std::fs::create_dir(&folder).expect("a folder");
    let manager = ServiceManager::new(&folder);
    let mut command = with_open_files(160, &shop);
    manager.hear(&mut command);
    command.stdout(Stdio::piped()).stderr(File::create(shop.path("log")).expect("a log"));
    let mut gateway = start(&mut command);
    let said = BufReader::new(gateway.stdout.take().expect("a pipe")).lines().next();
    let listens = said.expect("a line").expect("text");
    assert!(!manager.until("READY=1").is_empty());

    let address = listens.strip_prefix("http://").expect("an address");
    let mut client = TcpStream::connect(address).expect("a connection");
    let now = SystemClock::new().expect("a clock").read();
    let mut sent = hello();
    for stream in (1..).step_by(2).take(CALLS) {
        let token = shop.wallet.intent("search_rooms", &now);
        let fields = [
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/rooms"),
            ("mandate-intent", token.as_str()),
        ];
        sent.extend(headers(stream, END_HEADERS | END_STREAM, &fields));
    }
    client.write_all(&sent).expect("it reads");
    let heard = || calls.recv_timeout(PATIENCE).expect("a call");
    let held: Vec<TcpStream> = std::iter::repeat_with(heard).take(CALLS_MAX).collect();
    shop.gateway("resolve").yes();
    shop.write(&toml.replace("Hôtel Lux", "Hôtel Luxe"));
    assert_eq!(manager.reload().last().map(String::as_str), Some("STATUS=serves"));
    // The others are told so, and nothing of theirs is used.
    let others = CALLS.saturating_sub(CALLS_MAX);
    assert_eq!(ended(&mut client, others), others);
    assert!(calls.try_recv().is_err(), "the API hears of no more calls than there is room for");
    let uses = shop.gateway("--json audit log --limit 1000").yes();
    assert_eq!(uses.matches("\"kind\":\"use\"").count(), CALLS_MAX, "{uses}");

    // What is under way would keep it from stopping.
    drop((client, held));
    kill_process(Pid::from_child(&gateway), Signal::TERM).expect("a living process");
    assert!(gateway.wait().expect("an end").success());
}
