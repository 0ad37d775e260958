//! Each attack in turn, at full speed, beside a client that behaves.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::flood::{Attack, Caller, OTHER_UID, Pace};
use mandate_tests::rerun::Rerun;
use mandate_tests::{Agent, Home, rounds};
use rustix::process::{Resource, Rlimit, prlimit};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::child;

const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

/// Longest wait for what has to come; only a broken daemon takes so long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the good agent calls: within its rate, however many attacks there are.
const CALL_INTERVAL: Duration = Duration::from_millis(25);
/// Operations of an attack before the good client begins.
const OPERATIONS: u64 = 2_000;
/// Connections of an attack that holds them.
const CONNECTIONS: u64 = 10_000;
/// What the daemon may have open more while it is attacked: connections up to the limit of one uid, and what is looked at.
const FILES_MORE_MAX: usize = 400;
/// What it may have in memory more while it is attacked, in KiB.
const MEMORY_MORE_MAX_KIB: u64 = 48 * 1024;
/// What may be left of an attack in memory, in KiB: what its allocator keeps for the next one.
const MEMORY_LEFT_MAX_KIB: u64 = 12 * 1024;

/// A wallet under attack, and who uses it meanwhile.
struct Siege {
    home: Home,
    wallet: Rerun,
    bad: Caller,
    /// Whether the bad clients have a uid of their own.
    apart: bool,
}

/// The good agent, if it has a uid of its own, and the principal.
struct Good<'h> {
    agent: Option<Agent<'h>>,
    control: ControlClient<Channel>,
}

impl Siege {
    async fn begin() -> Option<Self> {
        let home = Home::new()?;
        // Clients of another uid have to get to the sockets.
        fs::set_permissions(home.folder(), Permissions::from_mode(0o711)).unwrap();
        let other = Caller::other();
        let (apart, bad) = (other.is_some(), other.unwrap_or_else(Caller::own));
        home.write(&home.toml(&format!("{CAPS}\n{}", listed(apart))));
        let mut wallet = home.start_child(child::TEST, None);
        wallet.heard(&["ready"]).await.expect("a wallet");
        Some(Self { home, wallet, bad, apart })
    }

    async fn good(&self) -> Good<'_> {
        let agent = if self.apart { Some(self.home.agent().await) } else { None };
        Good { agent, control: self.home.control().await }
    }

    /// What the daemon has open.
    fn files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.wallet.pid().as_raw_nonzero());
        fs::read_dir(folder).expect("a living process").count()
    }

    fn memory_kib(&self) -> u64 {
        self.wallet.resident().own_kib
    }

    /// Runs an attack, and calls beside it.
    async fn stand(&self, attack: Attack, good: &mut Good<'_>, calls: u64) -> u64 {
        let (files, memory_kib) = (self.files(), self.memory_kib());
        let (stop, done) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let socket = self.home.paths.wallet_socket();
        let run = attack.run(self.bad.clone(), socket, Pace::Free, Arc::clone(&done), stop.clone());
        let attacker = tokio::spawn(run);
        let operations = if attack.holds_connections() { CONNECTIONS } else { OPERATIONS };
        let started = Instant::now();
        while done.load(Ordering::Relaxed) < operations {
            assert!(started.elapsed() < PATIENCE, "{attack:?} does not get on");
            good.status().await;
        }
        let mut pace = interval(CALL_INTERVAL);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..calls {
            pace.tick().await;
            good.call().await;
            let (more, more_kib) = (self.files(), self.memory_kib());
            assert!(more <= files + FILES_MORE_MAX, "{attack:?}: {more} files, {files} before");
            let most_kib = memory_kib + MEMORY_MORE_MAX_KIB;
            assert!(more_kib <= most_kib, "{attack:?}: {more_kib} KiB, {memory_kib} KiB before");
        }
        stop.cancel();
        attacker.await.unwrap();
        let started = Instant::now();
        while self.files() > files {
            assert!(started.elapsed() < PATIENCE, "{attack:?} left {} files", self.files());
            good.status().await;
        }
        done.load(Ordering::Relaxed)
    }
}

/// The bad clients as a listed agent, where they have a uid of their own.
fn listed(apart: bool) -> String {
    if apart { format!("[[agent]]\nname = \"bad\"\nuid = {OTHER_UID}\n") } else { String::new() }
}

impl Good<'_> {
    async fn status(&mut self) {
        self.control.get_status(v1::GetStatusRequest {}).await.unwrap();
    }

    /// One call at each socket, which has to be answered. The agent's is within its rate.
    async fn call(&mut self) {
        self.status().await;
        if let Some(agent) = &mut self.agent {
            match agent.intent(Agent::book_room()).await {
                Ok(_) => {}
                Err(status) => panic!("{status:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_clients_take_nothing_from_others_and_leave_nothing_behind() {
    let Some(siege) = Siege::begin().await else { return };
    if !siege.apart {
        eprintln!(
            "not root: the bad clients have the agent's own uid, and the principal is the other client"
        );
    }
    let mut good = siege.good().await;
    good.call().await;
    let calls = rounds(4, 400);
    let mut warm_kib = 0;
    for who in ["listed", "strangers"] {
        if who == "strangers" {
            if !siege.apart {
                break;
            }
            siege.home.write(&siege.home.toml(CAPS));
            good.control.reload(v1::ReloadRequest {}).await.unwrap();
        }
        for attack in Attack::ALL {
            let started = Instant::now();
            let operations = siege.stand(attack, &mut good, calls).await;
            eprintln!(
                "{who}: {}: {operations} operations, {} files, {} KiB, {} ms",
                attack.name,
                siege.files(),
                siege.memory_kib(),
                started.elapsed().as_millis()
            );
        }
        if warm_kib == 0 {
            warm_kib = siege.memory_kib();
        }
    }
    let left_kib = siege.memory_kib();
    assert!(left_kib <= warm_kib + MEMORY_LEFT_MAX_KIB, "{left_kib} KiB, {warm_kib} KiB before");
    drop(good);
    siege.wallet.stop().await;
}

/// Open files of a daemon that has none to spare: its own, and a few connections.
const FILES_TO_SPARE: u64 = 24;

#[tokio::test(flavor = "multi_thread")]
async fn out_of_files_the_principal_and_the_other_agent_still_get_in() {
    let Some(siege) = Siege::begin().await else { return };
    let limit = u64::try_from(siege.files()).unwrap() + FILES_TO_SPARE;
    let pid = Some(siege.wallet.pid());
    let scarce = Rlimit { current: Some(limit), maximum: Some(limit) };
    prlimit(pid, Resource::Nofile, scarce).unwrap();
    let mut good = siege.good().await;
    // Once it is answered it is let in, and what the daemon has open is counted with it.
    good.call().await;
    let silent = Attack::ALL.into_iter().filter(Attack::holds_connections);
    for attack in silent {
        siege.stand(attack, &mut good, rounds(4, 40)).await;
        // Not only who is in already.
        let status = siege.home.control().await.get_status(v1::GetStatusRequest {}).await;
        status.unwrap();
    }
    drop(good);
    siege.wallet.stop().await;
}
