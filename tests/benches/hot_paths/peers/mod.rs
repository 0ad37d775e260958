//! Other signers on this machine, in the same run: where one is installed, it is measured; where not, that is said.
//!
//! None of them keeps a durable record of what it signed. Their clients are threads of the measuring process, which
//! write and read bytes: as little as a client can do.

mod gpg_agent;
mod ssh_agent;

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::time::Instant;

use mandate_tests::bench::figures::Latencies;

use crate::calls::{Connection, Times};
use crate::rounds::Extent;
use crate::rows::{By, Rows};
use gpg_agent::GpgAgent;
use ssh_agent::SshAgent;

pub const SSH_AGENT: &str = "ssh-agent, Ed25519 sign";
pub const GPG_AGENT: &str = "gpg-agent, Ed25519 sign";

/// Clients at a time, and how many signatures they ask for together in one round.
const CLIENTS: [(u64, u64); 2] = [(1, 300), (8, 600)];

/// Peers that this benchmark knows of and does not drive.
const NOT_DRIVEN: [&str; 4] = ["OpenBao transit", "Vault transit", "SPIRE", "tmkms"];

/// The agents under way.
pub struct Peers {
    ssh: Option<SshAgent>,
    gpg: Option<GpgAgent>,
}

impl Peers {
    /// Starts whichever is installed, each with a fresh key.
    pub fn start() -> Self {
        let ssh = is_installed("ssh-agent", "-h").then(SshAgent::start);
        let gpg = is_installed("gpg", "--version") && is_installed("gpg-agent", "--version");
        Self { ssh, gpg: gpg.then(GpgAgent::start) }
    }

    /// Measures each once.
    pub fn round(&self, extent: Extent, rows: &mut Rows) {
        for (clients, calls) in CLIENTS {
            let (by, each) =
                (By::Clients(clients, Connection::Warm), calls * extent.times / clients);
            if let Some(agent) = &self.ssh {
                rows.add(SSH_AGENT, by, threads(clients, each, || agent.client()));
            }
            if let Some(agent) = &self.gpg {
                rows.add(GPG_AGENT, by, threads(clients, each, || agent.client()));
            }
        }
    }

    /// Who was not measured, and why.
    pub fn absent(&self) -> Vec<String> {
        let missing = [("ssh-agent", self.ssh.is_none()), ("gpg-agent", self.gpg.is_none())];
        let missing = missing.into_iter().filter(|(_, missing)| *missing);
        let missing = missing.map(|(name, _)| format!("{name}: not installed"));
        let others = NOT_DRIVEN.iter().map(|name| format!("{name}: not driven by this benchmark"));
        missing.chain(others).collect()
    }
}

fn is_installed(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// One client's way of asking for one signature.
trait Client: Send {
    /// Asks and waits; a refusal ends the benchmark.
    fn sign(&mut self);
}

/// Has so many threads ask for so many signatures each.
fn threads<C: Client>(clients: u64, each: u64, client: impl Fn() -> C) -> Times {
    let start = Barrier::new(usize::try_from(clients).expect("a count"));
    let run = |mut client: C| {
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

/// Reads so many bytes.
fn read(stream: &mut UnixStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}
