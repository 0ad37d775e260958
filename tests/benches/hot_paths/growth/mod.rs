//! What grows with what: the time of a payment, memory and start-up, by the length of the ledger, by caps, by merchants
//! and by lines of a cart.
//!
//! All wallets run at once, each with a daemon and agents of its own, and have their turns in each round; what is not
//! asked anything waits.

mod fill;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use mandate_tests::bench::figures::Figure;
use mandate_tests::{Home, Merchant, OUT_OF_REACH, Process};
use serde_json::{Value, json};

use crate::calls::{Ask, Burst, Call, Connection, Server, Times};
use crate::child::Part;
use crate::rows::spread;
use crate::setup;

/// Payments of one wallet in one round, by one client.
const PAYMENTS: u64 = 300;
/// Starts of each daemon.
const STARTS: usize = 3;
/// Longest wait for the check that a daemon makes beside its service.
const CHECK_PATIENCE: Duration = Duration::from_secs(3_600);
const KIB_PER_MIB: f64 = 1_024.0;

/// One wallet: all but one of its sizes are those of the first.
#[derive(Debug, Clone, Copy)]
struct Size {
    entries: u64,
    caps: u64,
    merchants: u64,
    lines: u64,
}

const LEAST: Size = Size { entries: 0, caps: 1, merchants: 2, lines: 1 };
/// A cart has at most 32 lines, so there is none of a hundred.
const SIZES: [Size; 10] = [
    LEAST,
    Size { entries: 1_000, ..LEAST },
    Size { entries: 100_000, ..LEAST },
    Size { caps: 10, ..LEAST },
    Size { caps: 100, ..LEAST },
    Size { caps: 300, ..LEAST },
    Size { merchants: 100, ..LEAST },
    Size { merchants: 10_000, ..LEAST },
    Size { lines: 10, ..LEAST },
    Size { lines: 32, ..LEAST },
];
/// Beside them under `--full`.
const SIZE_FULL: Size = Size { entries: 10_000_000, ..LEAST };

struct Grown {
    size: Size,
    client: Part,
    daemon: Process,
    ready_ms: Figure,
    p50_us: Figure,
    _home: Home,
}

/// What was measured.
pub struct Growth {
    grown: Vec<Grown>,
    binary_mib: Option<f64>,
}

/// Measures all of it.
pub fn measure(daemon: &Path, rounds: u64, is_full: bool) -> Growth {
    let mut sizes = SIZES.to_vec();
    sizes.extend(is_full.then_some(SIZE_FULL));
    let mut grown: Vec<_> = sizes.into_iter().map(|size| Grown::new(size, daemon)).collect();
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        grown.iter_mut().for_each(Grown::round);
    }
    Growth { grown, binary_mib: stripped_mib(daemon) }
}

impl Grown {
    fn new(size: Size, daemon: &Path) -> Self {
        eprintln!("a wallet of {size:?}");
        let home = setup::home(&rules(size));
        let home = match size.entries {
            0 => home,
            entries => {
                let toml = fs::read_to_string(home.paths.config()).expect("wallet.toml");
                fill::fill(home, &toml, entries)
            }
        };
        let daemon = daemon.to_str().expect("a path in UTF-8");
        let mut ready_ms = Figure::default();
        let mut start = || {
            let began = Instant::now();
            let process = home.spawn(daemon);
            ready_ms.add(began.elapsed().as_secs_f64() * 1e3);
            process
        };
        for _ in 1..STARTS {
            start().stop();
        }
        fs::remove_file(home.log()).expect("a log");
        let daemon = start();
        checked(&daemon);
        let client = setup::client(&home, &home.folder().join("no.sock"));
        Self { size, client, daemon, ready_ms, p50_us: Figure::default(), _home: home }
    }

    fn round(&mut self) {
        let times: Times = self.client.ask(&Ask::Burst(Burst {
            server: Server::Wallet,
            call: Call::MintPayment,
            connection: Connection::Warm,
            clients: 1,
            calls: PAYMENTS,
            lines: self.size.lines,
        }));
        self.p50_us.add(times.p50);
    }

    /// What of the daemon is in memory, in MiB.
    fn resident_mib(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon.id()));
        let status = status.expect("a living process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.expect("a field").trim().trim_end_matches(" kB");
        kib.parse::<f64>().expect("a number") / KIB_PER_MIB
    }
}

impl Drop for Grown {
    /// Says what the daemon says, if a call of its agents failed.
    fn drop(&mut self) {
        let log = self.daemon.log();
        let faults = log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR"));
        if std::thread::panicking() {
            faults.for_each(|line| eprintln!("{:?}: {line}", self.size));
        }
    }
}

/// Waits until the daemon has checked its whole ledger, which it does beside its service.
fn checked(daemon: &Process) {
    let began = Instant::now();
    while !daemon.log().contains("the ledger was checked") {
        assert!(began.elapsed() < CHECK_PATIENCE, "the check does not end: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Caps that all cover each payment and that nobody reaches, and merchants beside the two that every home has.
fn rules(size: Size) -> String {
    let cap = |per: &str| format!("[[cap]]\nper = \"{per}\"\nspend = \"100000000.00 EUR\"\n");
    let mut rules = OUT_OF_REACH.to_owned() + &cap("lifetime");
    (1..size.caps).for_each(|number| rules += &cap(&format!("{}m", 60 + number)));
    for number in 2..size.merchants {
        let mut seed = [0x62; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        let id = format!("shop-{number}");
        let key = Merchant::from_seed(id.parse().expect("an id"), seed).toml_key();
        rules += &format!("[[merchant]]\nid = \"{id}\"\nkeys = [{key}]\npaid = [\"buy\"]\n");
    }
    rules
}

/// The size of a binary without its symbols, where there is a `strip`.
fn stripped_mib(binary: &Path) -> Option<f64> {
    let folder = tempfile::tempdir().expect("a folder");
    let stripped = folder.path().join("stripped");
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(binary).status().ok()?;
    assert!(status.success(), "strip: {status}");
    let bytes = fs::metadata(stripped).expect("a file").len();
    Some(bytes as f64 / KIB_PER_MIB / KIB_PER_MIB)
}

impl Growth {
    /// One line a wallet.
    pub fn lines(&self) -> Vec<String> {
        let head = format!(
            "{:>10} {:>6} {:>10} {:>6} {:>28} {:>22} {:>24} {:>13}",
            "entries",
            "caps",
            "merchants",
            "lines",
            "MintPayment p50 us",
            "/ first row",
            "start to ready, ms",
            "resident, MiB"
        );
        let line = |grown: &Grown| {
            let Size { entries, caps, merchants, lines } = grown.size;
            let ratio = grown.p50_us.with(&self.grown[0].p50_us, |own, first| own / first);
            format!(
                "{entries:>10} {caps:>6} {merchants:>10} {lines:>6} {:>28} {:>22} {:>24} {:>13.1}",
                spread(&grown.p50_us, 0),
                spread(&ratio, 2),
                spread(&grown.ready_ms, 0),
                grown.resident_mib()
            )
        };
        let binary = self.binary_mib.map_or_else(
            || "mandated, stripped: no `strip` is installed".to_owned(),
            |mib| format!("mandated, stripped: {mib:.1} MiB (goal: at most 12)"),
        );
        [head].into_iter().chain(self.grown.iter().map(line)).chain([binary]).collect()
    }

    pub fn json(&self) -> Value {
        let row = |grown: &Grown| {
            let Size { entries, caps, merchants, lines } = grown.size;
            json!({
                "entries": entries, "caps": caps, "merchants": merchants, "lines": lines,
                "mint_payment_p50_us": grown.p50_us.json(), "ready_ms": grown.ready_ms.json(),
                "resident_mib": grown.resident_mib(),
            })
        };
        let rows: Vec<_> = self.grown.iter().map(row).collect();
        json!({ "rows": rows, "mandated_stripped_mib": self.binary_mib })
    }
}
