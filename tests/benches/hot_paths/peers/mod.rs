//! Other signers on this machine, in the same run: what is installed or named by a variable is measured; what is not is
//! said.
//!
//! None of them keeps a durable record of what it signed. Their clients are threads of the measuring process, which do
//! as little as a client can.

mod gpg_agent;
mod spire;
mod ssh_agent;
mod tmkms;
mod transit;

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use mandate_tests::bench::figures::Latencies;

use crate::calls::{Connection, Times};
use crate::rounds::Extent;
use crate::rows::{By, Rows};
use gpg_agent::GpgAgent;
use spire::Spire;
use ssh_agent::SshAgent;
use tmkms::Tmkms;
use transit::Transit;

pub const SSH_AGENT: &str = "ssh-agent, Ed25519 sign";
pub const GPG_AGENT: &str = "gpg-agent, Ed25519 sign";
pub const OPENBAO: &str = "OpenBao transit, Ed25519 sign";
pub const VAULT: &str = "Vault transit, Ed25519 sign";
pub const TMKMS: &str = "tmkms, vote signed";
pub const SPIRE_MINT: &str = "SPIRE, JWT-SVID for a new audience";
pub const SPIRE_KEPT: &str = "SPIRE, JWT-SVID that the agent keeps";

/// Most clients that a peer has at a time.
const CLIENTS_MAX: u64 = 8;
/// Clients at a time, and how many signatures they ask for together in one round.
const CLIENTS: [(u64, u64); 2] = [(1, 300), (CLIENTS_MAX, 600)];

/// Longest wait until a peer serves.
const PATIENCE: Duration = Duration::from_secs(60);

/// A signer under way; it ends with this value.
trait Peer {
    /// A client of its own, which can sign at once.
    fn client(&self) -> Box<dyn Client>;
}

/// One client's way of asking for one signature.
trait Client: Send {
    /// Asks and waits; a refusal ends the benchmark.
    fn sign(&mut self);
}

/// The signers under way, and who is not here and why.
pub struct Peers {
    under_way: Vec<(&'static str, Box<dyn Peer>)>,
    pub absent: Vec<String>,
}

impl Peers {
    /// Starts whichever is here, each with a fresh key.
    pub fn start() -> Self {
        let mut peers = Self { under_way: Vec::new(), absent: Vec::new() };
        if is_installed("ssh-agent", "-h") {
            peers.add(SSH_AGENT, SshAgent::start());
        } else {
            peers.absent.push(format!("{SSH_AGENT}: not installed"));
        }
        if is_installed("gpg", "--version") && is_installed("gpg-agent", "--version") {
            peers.add(GPG_AGENT, GpgAgent::start());
        } else {
            peers.absent.push(format!("{GPG_AGENT}: not installed"));
        }
        for (name, variable) in [(OPENBAO, "MANDATE_BENCH_OPENBAO"), (VAULT, "MANDATE_BENCH_VAULT")]
        {
            if let Some([program]) = peers.named(name, [variable]) {
                peers.add(name, Transit::start(Path::new(&program)));
            }
        }
        if let Some([program]) = peers.named(TMKMS, ["MANDATE_BENCH_TMKMS"]) {
            peers.add(TMKMS, Tmkms::start(Path::new(&program), CLIENTS_MAX));
        }
        let spire = ["MANDATE_BENCH_SPIRE_SERVER", "MANDATE_BENCH_SPIRE_AGENT"];
        if let Some([server, agent]) = peers.named("SPIRE, JWT-SVID", spire) {
            let spire = Spire::start(Path::new(&server), Path::new(&agent));
            peers.add(SPIRE_MINT, spire.minting());
            peers.add(SPIRE_KEPT, spire);
        }
        peers
    }

    fn add(&mut self, name: &'static str, peer: impl Peer + 'static) {
        self.under_way.push((name, Box::new(peer)));
    }

    /// What the variables name; where one names nothing, its peer is not here.
    fn named<const N: usize>(&mut self, name: &str, variables: [&str; N]) -> Option<[OsString; N]> {
        let values = variables.map(std::env::var_os);
        let unset = variables.iter().zip(&values).find(|(_, value)| value.is_none());
        if let Some((variable, _)) = unset {
            self.absent.push(format!("{name}: {variable} names no binary"));
            return None;
        }
        Some(values.map(Option::unwrap_or_default))
    }

    /// Measures each once.
    pub fn round(&self, extent: Extent, rows: &mut Rows) {
        for (clients, calls) in CLIENTS {
            let by = By::Clients(clients, Connection::Warm);
            let each = calls * extent.times / clients;
            for (name, peer) in &self.under_way {
                rows.add(name, by, threads(clients, each, || peer.client()));
            }
        }
    }
}

fn is_installed(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Has so many threads ask for so many signatures each.
fn threads(clients: u64, each: u64, client: impl Fn() -> Box<dyn Client>) -> Times {
    let start = Barrier::new(usize::try_from(clients).expect("a count"));
    let run = |mut client: Box<dyn Client>| {
        client.sign();
        start.wait();
        let began = Instant::now();
        (began, Latencies::of(each, |_| client.sign()), Instant::now())
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads = (0..clients).map(|_| client()).map(|one| scope.spawn(|| run(one)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("no call fails")).collect()
    });
    let began = all.iter().map(|(began, ..)| *began).min().expect("a client");
    let ended = all.iter().map(|(.., ended)| *ended).max().expect("a client");
    let mut latencies = Latencies::default();
    all.iter().for_each(|(_, own, _)| latencies.add(own));
    Times::of(&latencies, (ended - began).as_secs_f64())
}

/// A peer's process, killed when this value goes.
struct Running(Child);

impl Running {
    /// Starts it; what it says goes nowhere.
    fn start(command: &mut Command) -> Self {
        let program = command.get_program().to_owned();
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

/// Asks again until there is an answer.
fn patiently<T, E: std::fmt::Display>(whose: &str, mut ask: impl FnMut() -> Result<T, E>) -> T {
    let began = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) => assert!(began.elapsed() < PATIENCE, "{whose}: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads so many bytes.
fn read(stream: &mut UnixStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
