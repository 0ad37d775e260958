//! Clients buy and ask again while the gateway is killed and started anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mandate_tests::gateway::{Sale, SaleState};
use mandate_tests::random::Random;
use mandate_tests::rerun::Rerun;
use mandate_tests::rounds;
use tokio::task::JoinSet;

use crate::child;
use crate::clients::Client;
use crate::street::{Phase, Street};

/// Kills in a normal run, and in a long one.
const ROUNDS: u64 = 100;
const ROUNDS_LONG: u64 = 2_000;

/// What the kills are chosen by; a run that fails prints it.
const SEED: &str = "MANDATE_SEED";

/// Kills one book lives through: a check reads all of it.
const ROUNDS_PER_BOOK: u64 = 5;

/// Who buys at once.
const CLIENTS: usize = 32;

/// The gateway is killed after at most so many moments of the phase.
const MOMENTS_MAX: u64 = 16;

/// At most so many tasks have a turn between a moment and the kill.
const TURNS_MAX: u64 = 64;

/// Receipts that are asked for again after each start; at the end of a book it is all of them.
const ASKED_AGAIN: u64 = 8;

/// Longest wait for a kill or an end; only what is broken takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where one life of the gateway ends.
#[derive(Debug, Clone, Copy)]
struct Plan {
    phase: Phase,
    nth: u64,
    turns: u64,
}

impl Plan {
    fn choose(random: &mut Random) -> Self {
        let phase = *random.one_of(&Phase::ALL);
        Self { phase, nth: random.below(MOMENTS_MAX) + 1, turns: random.below(TURNS_MAX) }
    }

    fn stand(self) -> Option<String> {
        match self.phase {
            Phase::BeforeCommit => Some(format!("before {}", self.nth)),
            Phase::AfterCommit => Some(format!("after {}", self.nth)),
            _ => None,
        }
    }
}

/// What happened in all rounds.
#[derive(Debug, Default)]
struct Counts {
    kills: BTreeMap<String, u64>,
    calls: usize,
    executed: usize,
    void: usize,
    given_up: usize,
    asked_again: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_each_call_is_executed_at_most_once() {
    let rounds = rounds(ROUNDS, ROUNDS_LONG);
    let seed = Random::seed(SEED);
    eprintln!("{SEED}={seed}");
    let (mut random, mut counts) = (Random::new(seed), Counts::default());
    // Of their own: how many other choices there are depends on who is quick.
    let mut plans = random.fork();
    for first in (0..rounds).step_by(ROUNDS_PER_BOOK.try_into().unwrap()) {
        let Some(street) = Street::new(CLIENTS).await else { return };
        let street = Arc::new(street);
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(Client::new(&street, number, random.fork()).buy());
        }
        for round in first..rounds.min(first + ROUNDS_PER_BOOK) {
            let plan = Plan::choose(&mut plans);
            eprintln!("round {round}: {plan:?}");
            live_and_die(&street, plan, &mut random, &mut counts, &mut clients).await;
        }
        let sales = close(&street, clients, &mut random, &mut counts).await;
        count(&mut counts, &street, &sales);
    }
    println!("{rounds} rounds: {counts:?}");
}

/// One life of the gateway, from its start to its kill, and the check of what it leaves.
async fn live_and_die(
    street: &Arc<Street>,
    plan: Plan,
    random: &mut Random,
    counts: &mut Counts,
    clients: &mut JoinSet<()>,
) {
    let mut gateway = street.home.start(child::TEST, plan.stand().as_deref());
    let again = some(&street.receipts(), random);
    let asker = random.fork();
    let (pid, ready) = (gateway.pid(), ["ready", "stands"]);
    let killed = async {
        // It may stand before it is ready, while it writes down that it starts.
        if let Some(("ready", address)) = gateway.heard(&ready).await {
            street.address.send_replace(Some(address.parse().unwrap()));
            if plan.stand().is_none() {
                Client::new(street, 0, asker).ask_again(&again).await;
                counts.asked_again += again.len();
                street.trigger.arm(plan.phase, plan.nth, plan.turns, pid);
            }
            gateway.heard(&ready).await;
        }
    };
    tokio::select! {
        killed = tokio::time::timeout(PATIENCE, killed) => {
            assert!(killed.is_ok(), "no kill: {:#?}", street.told().last);
        }
        Some(ended) = clients.join_next() => panic!("a client ended: {ended:?}"),
    }
    street.address.send_replace(None);
    street.trigger.disarm();
    gateway.kill();
    *counts.kills.entry(format!("{:?}", plan.phase)).or_default() += 1;
    let street = Arc::clone(street);
    let checked = tokio::task::spawn_blocking(move || drop(street.check(&street.home.stopped())));
    checked.await.unwrap();
}

/// Everybody comes to an end, every receipt is asked for once more, and the gateway ends in order.
async fn close(
    street: &Arc<Street>,
    mut clients: JoinSet<()>,
    random: &mut Random,
    counts: &mut Counts,
) -> BTreeMap<String, Sale> {
    let mut gateway: Rerun = street.home.start(child::TEST, None);
    let (_, address) = gateway.heard(&["ready"]).await.expect("a gateway");
    street.address.send_replace(Some(address.parse().unwrap()));
    street.closing.store(true, Ordering::Relaxed);
    let ended = async {
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
    };
    if tokio::time::timeout(PATIENCE, ended).await.is_err() {
        panic!("a client without an answer: {:#?}", street.told().last);
    }
    let receipts = street.receipts();
    Client::new(street, 0, random.fork()).ask_again(&receipts).await;
    counts.asked_again += receipts.len();
    gateway.stop().await;
    let sales = street.check(&street.home.stopped());
    street.check_end(&sales);
    sales
}

fn some(keys: &[String], random: &mut Random) -> Vec<String> {
    let most = if keys.is_empty() { 0 } else { ASKED_AGAIN };
    (0..most).map(|_| random.one_of(keys).clone()).collect()
}

fn count(counts: &mut Counts, street: &Street, sales: &BTreeMap<String, Sale>) {
    let of = |state| sales.values().filter(|sale| sale.state == state).count();
    counts.calls += street.api.calls();
    counts.executed += of(SaleState::Executed);
    counts.void += of(SaleState::Void);
    counts.given_up += of(SaleState::Reserved);
}
