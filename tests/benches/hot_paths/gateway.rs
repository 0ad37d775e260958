//! The built gateway over a real key and a real book, the API behind it, and those who pay.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mandate_tests::gateway::MerchantHome;

use crate::calls::{Connection, Times};
use crate::child::Part;
use crate::payers::{Addresses, PaidBurst, Way};
use crate::rounds::{Extent, PAID, UPSTREAM};
use crate::rows::{By, Rows};

/// Payers at a time, on which connections, and how many calls they make together in one round.
const PAYERS: [(u64, Connection, u64); 6] = [
    (1, Connection::Warm, 300),
    (8, Connection::Warm, 400),
    (32, Connection::Warm, 960),
    (128, Connection::Warm, 1_280),
    (1, Connection::New, 100),
    (32, Connection::New, 640),
];

/// A gateway under way; it ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone if it failed.
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}

/// Both sides of a paid call.
pub struct Market {
    payers: Part,
    _gateway: Process,
    _upstream: Part,
    _home: MerchantHome,
}

impl Market {
    pub fn open(gateway: &Path) -> Self {
        let home = MerchantHome::new().expect("a kernel keyring");
        let mut upstream_part = Part::start("upstream", [""]);
        let upstream: SocketAddr = upstream_part.hear();
        home.write(&home.toml(upstream, ""));
        let mut command = Command::new(gateway);
        command.arg("run").arg("--config").arg(home.config());
        command.arg("--state-dir").arg(home.state_dir());
        let log = std::fs::File::create(home.state_dir().with_extension("log")).expect("a log");
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().expect("a gateway");
        let stdout = process.stdout.take().expect("a pipe");
        let process = Process(process);
        let line = BufReader::new(stdout).lines().next().expect("it listens").expect("text");
        let gateway = line.strip_prefix("http://").expect("its address").parse();
        let gateway = gateway.expect("an address");
        let x = home.signing_key().public_key().x();
        let addresses = Addresses { gateway, upstream, x };
        let payers = Part::start("payers", [serde_json::to_string(&addresses).expect("JSON")]);
        Self { payers, _gateway: process, _upstream: upstream_part, _home: home }
    }

    /// Measures every kind of call once: the API directly, then through the gateway.
    pub fn round(&mut self, extent: Extent, rows: &mut Rows) {
        for (clients, connection, calls) in PAYERS {
            for (what, way) in [(UPSTREAM, Way::Direct), (PAID, Way::Gateway)] {
                let calls = calls * extent.times;
                let burst = PaidBurst { way, connection, clients, calls };
                let times: Times = self.payers.ask(&burst);
                rows.add(what, By::Clients(clients, connection), times);
            }
        }
    }
}
