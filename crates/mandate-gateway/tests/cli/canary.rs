//! The built gateway with a known key, which is searched for wherever it must not be.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use mandate::clock::Clock as _;
use mandate_host::clock::SystemClock;
use mandate_tests::canary::{Canary, assert_gone, assert_in_its_room, kept, others};
use mandate_tests::{bare, start};
use rustix::process::{Pid, Signal, kill_process};

use crate::shop::{BINARY, Shop};

/// A built gateway under way; killed if a test ends without ending it.
struct Running {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Running {
    /// The command that runs a program over a shop.
    fn command(shop: &Shop, program: &str) -> Command {
        let mut command = bare(program);
        command.arg("--config").arg(shop.config()).arg("--state-dir").arg(shop.state_dir());
        command
    }

    fn start(shop: &Shop, mut command: Command) -> Self {
        let log = shop.path("log");
        let stderr = File::options().create(true).append(true).open(&log).expect("a log");
        command.stdout(Stdio::piped()).stderr(stderr).current_dir(shop.path("."));
        let mut child = start(&mut command);
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let Some(Ok(line)) = stdout.lines().next() else {
            panic!("it did not start: {}", fs::read_to_string(&log).expect("a log"));
        };
        let address = line.strip_prefix("http://").expect("an address").to_owned();
        Self { child, address, log }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("a log")
    }

    /// Sends one request and gives the whole answer.
    fn ask(&self, line: &str, header: Option<(&str, &str)>) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a listener");
        let header = header.map(|(name, value)| format!("{name}: {value}\r\n"));
        let header = header.unwrap_or_default();
        let host = "host: lux\r\nconnection: close\r\ncontent-length: 0";
        write!(stream, "{line} HTTP/1.1\r\n{host}\r\n{header}\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a living process");
        assert!(self.child.wait().expect("an end").success(), "{}", self.log());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone in most tests.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// Has the gateway sign, and say no; gives all that it answered.
fn calls(shop: &Shop, gateway: &Running, status: &str) -> String {
    let now = SystemClock::new().expect("a clock").read();
    let intent = shop.wallet.intent("book_room", &now);
    let other = shop.wallet.intent("search_rooms", &now);
    let priced = gateway.ask("POST /bookings", Some(("mandate-intent", intent.as_str())));
    assert!(priced.starts_with(&format!("HTTP/1.1 {status} ")), "{priced}");
    let said = [
        priced,
        gateway.ask("POST /bookings", Some(("mandate-intent", other.as_str()))),
        gateway.ask(
            "POST /bookings",
            Some(("mandate-intent", intent.as_str().trim_start_matches('e'))),
        ),
        gateway.ask("POST /bookings", Some(("mandate-payment", "a.b.c"))),
        gateway.ask("POST /bookings", None),
        gateway.ask("GET /.well-known/mandate.json", None),
        gateway.ask("GET /nothing", None),
        // Nothing is left to be sealed while somebody looks.
        shop.gateway("audit log").yes(),
        shop.gateway("doctor --json").out,
    ];
    said.concat()
}

#[test]
fn the_key_is_in_one_locked_page_and_nowhere_after_a_lock_and_in_no_word_and_no_file() {
    let Some(shop) = Shop::closed() else { return };
    let canary = Canary::new(&kept(&shop.key.0));
    for format in ["text", "json"] {
        let mut command = Running::command(&shop, BINARY);
        command.args(["--log-format", format]).env("RUST_LOG", "trace");
        let gateway = Running::start(&shop, command);
        let pid = gateway.child.id();
        assert_in_its_room(&canary, pid);
        let mut said = calls(&shop, &gateway, "402");
        assert_in_its_room(&canary, pid);
        said += &shop.gateway("lock").yes();
        assert_gone(&canary, pid);
        said += &calls(&shop, &gateway, "503");
        assert_gone(&canary, pid);
        said += &shop.gateway("unlock --yes").yes();
        said += &calls(&shop, &gateway, "402");
        assert_in_its_room(&canary, pid);
        shop.write("[[action]");
        said += &shop.gateway("config check").err;
        shop.write(&shop.toml());
        gateway.stop();
        assert_eq!(canary.in_bytes(said.as_bytes()), [], "an answer holds it");
        // The log is one of them.
        assert!(fs::read_to_string(shop.path("log")).expect("a log").contains("locked"));
        assert_eq!(canary.in_files(&shop.path(".")), [""; 0]);
    }
}

/// Starts a program over the shop as a user without privileges, with the key of a systemd credential.
fn start_unprivileged(shop: &Shop, program: &str) -> (Running, tempfile::TempDir) {
    shop.write(&shop.toml().replace("store = \"keyutils\"", "store = \"credential\""));
    let credentials = others::credentials(&shop.key.account(), &kept(&shop.key.0));
    let mut command = Running::command(shop, program);
    command.env("CREDENTIALS_DIRECTORY", credentials.path());
    others::unprivileged(&mut command, &[&shop.path("."), credentials.path()]);
    (Running::start(shop, command), credentials)
}

#[test]
fn others_of_the_same_user_cannot_read_its_memory_and_a_crash_leaves_no_core() {
    let Some(shop) = Shop::closed() else { return };
    let canary = Canary::new(&kept(&shop.key.0));
    let programs = others::folder();
    others::permit_core_files();
    let program = others::copied(BINARY, programs.path());
    let (mut gateway, _credentials) = start_unprivileged(&shop, &program);
    let pid = gateway.child.id();
    others::assert_memory_is_closed(pid);
    assert!(!shop.gateway("doctor").out.contains("may be written to swap"), "its page is locked");
    assert_in_its_room(&canary, pid);
    shop.gateway("lock").yes();
    assert_gone(&canary, pid);
    let wait = || gateway.child.wait().expect("an end");
    others::assert_abort_leaves_no_core(pid, wait, &shop.path("."));
    assert_eq!(canary.in_files(&shop.path(".")), [""; 0]);
}

#[test]
fn a_page_that_cannot_be_locked_is_a_loud_warning() {
    let Some(shop) = Shop::closed() else { return };
    let programs = others::folder();
    let program = others::copied(BINARY, programs.path());
    let script = others::without_locked_memory(&program, programs.path());
    let (gateway, _credentials) = start_unprivileged(&shop, &script);
    let warning = "the key may be written to swap: RLIMIT_MEMLOCK leaves no room for its page";
    let doctor = shop.gateway("doctor").out;
    assert!(doctor.contains(warning), "{doctor}");
    let log = gateway.log();
    let line = log.lines().find(|line| line.contains(warning)).expect("a line in the log");
    assert!(line.contains("WARN"), "{line}");
    // The line that comes before there is a key does not say otherwise.
    let start = "memory kept out of swap: the key's own page at most (RLIMIT_MEMLOCK is 0 bytes";
    assert!(log.contains(start), "{log}");
    gateway.stop();
}
