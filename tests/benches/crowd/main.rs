//! What bad clients cost a good one: the time of its MintIntent alone, and beside each attack of the flood suite.
//!
//! ```sh
//! cargo bench -p mandate-tests --bench crowd -- [--json] [--rounds N] [--attack NAME]
//! ```
//!
//! Run it as root: the bad clients need a uid of their own. They share the processors with the daemon, so each does a
//! fixed number of operations a second ([`OPERATIONS_PER_S`]); without that, the figures would say how the system divides
//! processors among processes. An attack and its time alone are measured in turns, and only their ratio says anything.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mandate_tests::flood::{Attack, Caller, OTHER_UID, Pace};
use mandate_tests::{Agent, Home, serve_home_as_child};
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Rounds; figures are medians over them.
const ROUNDS: usize = 5;
/// Calls of the good agent in one measurement.
const CALLS: u32 = 120;
/// How often it calls: within the rate that an agent has by default.
const CALL_INTERVAL: Duration = Duration::from_millis(25);
/// Calls before a measurement that are not counted.
const WARM_UP_CALLS: u32 = 10;
/// Operations of each attack: pieces sent (a piece of pings is 64 of them) or connections made.
const OPERATIONS_PER_S: u32 = 2_000;
/// Rules without anything that binds.
const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

/// Two percentiles of one measurement, in microseconds.
#[derive(Debug, Clone, Copy)]
struct Times {
    p50: f64,
    p99: f64,
}

/// One attack over all rounds.
struct Figure {
    name: &'static str,
    alone: Vec<Times>,
    beside: Vec<Times>,
    operations_per_s: Vec<f64>,
}

fn main() {
    // The daemon's process is this program again.
    if serve_home_as_child() {
        return;
    }
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments.iter().position(|argument| argument == "--rounds");
    let rounds = rounds
        .and_then(|at| arguments.get(at + 1))
        .map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let attack = arguments.iter().position(|argument| argument == "--attack");
    let attack = attack.and_then(|at| arguments.get(at + 1));
    let is_wanted = |bad: &Attack| attack.is_none_or(|name| bad.name == name);
    let attacks: Vec<Attack> = Attack::ALL.into_iter().filter(is_wanted).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let figures = runtime.expect("a runtime").block_on(measure(rounds, &attacks));
    if arguments.iter().any(|argument| argument == "--json") {
        let figures: Vec<_> = figures.iter().map(Figure::json).collect();
        println!("{}", serde_json::Value::from(figures));
    } else {
        figures.iter().for_each(|figure| println!("{}", figure.line()));
    }
}

async fn measure(rounds: usize, attacks: &[Attack]) -> Vec<Figure> {
    let home = Home::new().expect("a kernel keyring");
    fs::set_permissions(home.folder(), Permissions::from_mode(0o711)).expect("a mode");
    let bad = Caller::other().expect("root, for a second uid");
    home.write(&home.toml(&format!("{CAPS}\n[[agent]]\nname = \"bad\"\nuid = {OTHER_UID}\n")));
    let mut wallet = home.start_child("wallet", None);
    wallet.heard(&["ready"]).await.expect("a wallet");
    let mut agent = home.agent().await;
    let figure = |attack: &Attack| Figure {
        name: attack.name,
        alone: Vec::new(),
        beside: Vec::new(),
        operations_per_s: Vec::new(),
    };
    let mut figures: Vec<Figure> = attacks.iter().map(figure).collect();
    for _ in 0..rounds {
        for (attack, figure) in attacks.iter().zip(&mut figures) {
            figure.alone.push(calls(&mut agent).await);
            let (done, stop) = (Arc::new(AtomicU64::new(0)), CancellationToken::new());
            let pace = Pace::PerSecond(OPERATIONS_PER_S);
            let socket = home.paths.wallet_socket();
            let run = attack.run(bad.clone(), socket, pace, Arc::clone(&done), stop.clone());
            let (started, attacker) = (Instant::now(), apart(run));
            figure.beside.push(calls(&mut agent).await);
            let operations = u32::try_from(done.load(Ordering::Relaxed)).expect("a count");
            figure.operations_per_s.push(f64::from(operations) / started.elapsed().as_secs_f64());
            stop.cancel();
            attacker.join().expect("the attacker's end");
        }
    }
    wallet.stop().await;
    figures
}

/// Runs an attacker on a thread and a runtime of its own: what it does must not stand in the good agent's own queue.
fn apart(run: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(run);
    })
}

/// Calls of the good agent, at its pace.
async fn calls(agent: &mut Agent<'_>) -> Times {
    let mut pace = interval(CALL_INTERVAL);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut times = Histogram::<u64>::new(3).expect("three digits");
    for call in 0..WARM_UP_CALLS + CALLS {
        pace.tick().await;
        let asked = Instant::now();
        agent.wallet.mint_intent(Agent::book_room()).await.expect("a mandate");
        if call >= WARM_UP_CALLS {
            let nanoseconds = u64::try_from(asked.elapsed().as_nanos()).expect("a short time");
            times.record(nanoseconds).expect("a time");
        }
    }
    let microseconds = |quantile| {
        let nanoseconds = u32::try_from(times.value_at_quantile(quantile)).expect("seconds");
        f64::from(nanoseconds) / 1_000.0
    };
    Times { p50: microseconds(0.50), p99: microseconds(0.99) }
}

/// The median, the least and the most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [values[values.len() / 2], values[0], values[values.len() - 1]]
}

impl Figure {
    fn of(times: &[Times], percentile: fn(&Times) -> f64) -> [f64; 3] {
        spread(times.iter().map(percentile).collect())
    }

    fn ratios(&self, percentile: fn(&Times) -> f64) -> [f64; 3] {
        let pairs = self.beside.iter().zip(&self.alone);
        spread(pairs.map(|(beside, alone)| percentile(beside) / percentile(alone)).collect())
    }

    fn line(&self) -> String {
        let [p50, p50_min, p50_max] = self.ratios(|times| times.p50);
        let [p99, p99_min, p99_max] = self.ratios(|times| times.p99);
        let [alone, ..] = Self::of(&self.alone, |times| times.p99);
        let [beside, ..] = Self::of(&self.beside, |times| times.p99);
        let [operations, ..] = spread(self.operations_per_s.clone());
        format!(
            "{:22} p50 x {p50:.2} ({p50_min:.2} to {p50_max:.2})  p99 x {p99:.2} ({p99_min:.2} to {p99_max:.2}), \
             {alone:.0} us alone, {beside:.0} us beside {operations:.0} operations/s",
            self.name
        )
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "attack": self.name,
            "p50_ratio": self.ratios(|times| times.p50),
            "p99_ratio": self.ratios(|times| times.p99),
            "p50_alone_us": Self::of(&self.alone, |times| times.p50),
            "p99_alone_us": Self::of(&self.alone, |times| times.p99),
            "p50_beside_us": Self::of(&self.beside, |times| times.p50),
            "p99_beside_us": Self::of(&self.beside, |times| times.p99),
            "operations_per_s": spread(self.operations_per_s.clone()),
        })
    }
}
