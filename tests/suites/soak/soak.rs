//! The run: a warm-up, the long part, the end; and what it may cost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mandate_proto::v1;
use mandate_tests::random::Random;
use mandate_tests::rerun::Resident;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::books;
use crate::buyer::Buyer;
use crate::pair::{Pair, Processes};

/// How long a normal run lasts, in seconds; this variable says otherwise.
const LENGTH: &str = "MANDATE_SOAK_S";
const LENGTH_S_DEFAULT: u64 = 10;

/// What the traffic is chosen by; a run that fails prints it.
const SEED: &str = "MANDATE_SEED";

/// Who buys at once.
const BUYERS: u64 = 16;

/// How often both files are written anew.
const REWRITE_INTERVAL: Duration = Duration::from_millis(700);

/// How much a process may grow for each thousand calls to either of them.
///
/// The least that a call could leave behind for ever is a digest: 32 bytes, 32 KiB in a thousand calls. What is allowed
/// is less than one kept for each call, its place in a map included; a kept token is forty times as much.
const GROWTH_KIB_PER_1000_CALLS_MAX: u64 = 32;

/// How much a process may still grow after the warm-up, however short: SQLite fills the page cache of each connection
/// (2 MiB at most, and there is a writer and up to four idle readers), and threads get arenas of their own.
const SETTLING_KIB: u64 = 3 * 1024;

/// Longest wait for the last answers; only what is broken takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_and_nothing_is_lost() {
    let length_s = std::env::var(LENGTH).map_or(LENGTH_S_DEFAULT, |length| length.parse().unwrap());
    let seed = Random::seed(SEED);
    eprintln!("{SEED}={seed}");
    let Some(pair) = Pair::new().await.map(Arc::new) else { return };
    let processes = pair.start().await;
    let mut random = Random::new(seed);
    let mut buyers = JoinSet::new();
    for _ in 0..BUYERS {
        buyers.spawn(Buyer::new(&pair, processes.address, random.fork()).await.buy());
    }
    let end = Instant::now() + Duration::from_secs(length_s);
    let warm = end - Duration::from_secs(length_s) / 2;
    trade(&pair, &mut buyers, warm).await;
    let before = Sample::take(&pair, &processes);
    trade(&pair, &mut buyers, end).await;
    let after = Sample::take(&pair, &processes);
    pair.closing.store(true, Ordering::Relaxed);
    let ended = async {
        while let Some(ended) = buyers.join_next().await {
            ended.unwrap();
        }
    };
    timeout(PATIENCE, ended).await.expect("a buyer without an answer");
    check_wallet(&pair).await;
    let Processes { wallet, gateway, .. } = processes;
    gateway.stop().await;
    wallet.stop().await;
    println!("{length_s} s: {:#?}", pair.outcomes());
    println!("warm: {before:?}\nend: {after:?}");
    books::check(&pair);
    let calls = after.calls - before.calls;
    check_growth("wallet", before.wallet, after.wallet, calls);
    check_growth("gateway", before.gateway, after.gateway, calls);
}

/// While the wallet lives: no hold is open, and what is spent is what the receipts say, to the cent.
async fn check_wallet(pair: &Pair) {
    let status = pair.home.control().await.get_status(v1::GetStatusRequest {}).await;
    let status = status.unwrap().into_inner();
    assert_eq!((status.holds, status.ledger_problem.as_str()), (0, ""));
    let spent = pair.home.agent().await.spent().await;
    let paid: u64 = pair.receipts().values().map(|told| told.paid_minor).sum();
    assert_eq!(spent[0].0, i64::try_from(paid).unwrap(), "the lifetime cap counts something else");
}

fn check_growth(who: &str, before: Resident, after: Resident, calls: u64) {
    let grown_kib = after.own_kib.saturating_sub(before.own_kib);
    let allowed_kib = SETTLING_KIB + GROWTH_KIB_PER_1000_CALLS_MAX * calls / 1_000;
    println!("{who}: grown by {grown_kib} KiB in {calls} calls; {allowed_kib} KiB are allowed");
    assert!(grown_kib <= allowed_kib, "the {who} grows by {grown_kib} KiB in {calls} calls");
}

/// Lets everybody buy until a moment, and rewrites both files now and then.
async fn trade(pair: &Pair, buyers: &mut JoinSet<()>, until: Instant) {
    let mut ticks = interval(REWRITE_INTERVAL);
    let over = tokio::time::sleep_until(until);
    let mut over = std::pin::pin!(over);
    loop {
        tokio::select! {
            () = &mut over => return,
            _ = ticks.tick() => pair.rewrite(),
            Some(ended) = buyers.join_next() => panic!("a buyer ended: {ended:?}"),
        }
    }
}

/// How much was done, and what is in memory.
#[derive(Debug, Clone, Copy)]
struct Sample {
    calls: u64,
    wallet: Resident,
    gateway: Resident,
}

impl Sample {
    fn take(pair: &Pair, processes: &Processes) -> Self {
        Self {
            calls: pair.calls(),
            wallet: processes.wallet.resident(),
            gateway: processes.gateway.resident(),
        }
    }
}
