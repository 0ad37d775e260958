//! Clients buy and ask again while the daemon is killed and started anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mandate_proto::v1;
use mandate_tests::random::Random;
use mandate_tests::rerun::Rerun;
use mandate_tests::rounds;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::child;
use crate::clients::Client;
use crate::principal::Principal;

/// Kills in a normal run, and in a long one.
const ROUNDS: u64 = 30;
const ROUNDS_LONG: u64 = 2_000;

/// What the kills are chosen by; a run that fails prints it.
const SEED: &str = "MANDATE_SEED";

/// Kills one ledger lives through: a check reads all of it.
const ROUNDS_PER_LEDGER: u64 = 5;

/// Who buys at once.
const CLIENTS: usize = 32;

/// The daemon is killed after at most so many requests of all clients.
const REQUESTS_MAX: u64 = 512;
/// It is killed at one of so many commits.
const COMMITS_MAX: u64 = 64;
/// It is killed after at most so many turns of other tasks: some reach into its start, and some past it.
const TURNS_MAX: u64 = 100_000;

/// Longest wait for a kill or an end; only what is broken takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where one life of the daemon ends.
#[derive(Debug, Clone, Copy)]
enum Plan {
    /// After so many requests were sent.
    Sent(u64),
    /// A commit is about to be on disk; the writer stands there.
    BeforeCommit(u64),
    /// It is on disk, and nothing is signed or answered; the writer stands there.
    AfterCommit(u64),
    /// While it starts, or soon after.
    Starting(u64),
    /// While a freeze is under way, or soon after.
    Freezing(u64),
    /// While another wallet.toml comes into force, or soon after.
    Reloading(u64),
}

impl Plan {
    fn choose(random: &mut Random) -> Self {
        match random.below(6) {
            0 => Self::Sent(random.below(REQUESTS_MAX) + 1),
            1 => Self::BeforeCommit(random.below(COMMITS_MAX) + 1),
            2 => Self::AfterCommit(random.below(COMMITS_MAX) + 1),
            3 => Self::Starting(random.below(TURNS_MAX)),
            4 => Self::Freezing(random.below(TURNS_MAX)),
            _ => Self::Reloading(random.below(TURNS_MAX)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sent(_) => "after a request",
            Self::BeforeCommit(_) => "before a commit",
            Self::AfterCommit(_) => "after a commit",
            Self::Starting(_) => "at the start",
            Self::Freezing(_) => "at a freeze",
            Self::Reloading(_) => "at a reload",
        }
    }

    fn stand(self) -> Option<String> {
        match self {
            Self::BeforeCommit(nth) => Some(format!("before {nth}")),
            Self::AfterCommit(nth) => Some(format!("after {nth}")),
            _ => None,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_no_mandate_is_lost_and_no_cap_is_passed() {
    let rounds = rounds(ROUNDS, ROUNDS_LONG);
    let seed = Random::seed(SEED);
    eprintln!("{SEED}={seed}");
    let (mut random, mut kills, mut counts) =
        (Random::new(seed), BTreeMap::<_, u64>::new(), BTreeMap::<_, u64>::new());
    // Of their own: how many other choices there are depends on who is quick.
    let mut plans = random.fork();
    for first in (0..rounds).step_by(ROUNDS_PER_LEDGER.try_into().unwrap()) {
        let Some(principal) = Principal::new().map(Arc::new) else { return };
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(Client::new(&principal, number, random.fork()).buy());
        }
        let mut frozen = false;
        for round in first..rounds.min(first + ROUNDS_PER_LEDGER) {
            let plan = Plan::choose(&mut plans);
            eprintln!("round {round}: {plan:?}");
            let answered = tokio::select! {
                answered = live_and_die(&principal, plan, frozen) => answered,
                Some(ended) = clients.join_next() => panic!("a client ended: {ended:?}"),
            };
            *kills.entry(plan.name()).or_default() += 1;
            frozen = check(&principal).await;
            assert!(frozen || !answered, "a freeze that was answered is gone");
        }
        close(&principal, clients, frozen).await;
        for (what, count) in principal.counts() {
            *counts.entry(what).or_default() += count;
        }
    }
    println!("{rounds} kills: {kills:?}; {counts:?}");
}

/// One life of the daemon, from its start to its kill; whether it answered that it froze.
async fn live_and_die(principal: &Arc<Principal>, plan: Plan, frozen: bool) -> bool {
    let mut daemon = principal.home.start_child(child::TEST, plan.stand().as_deref());
    let answered = match timeout(PATIENCE, live(principal, plan, frozen, &mut daemon)).await {
        Ok(answered) => answered,
        Err(_) => panic!("no kill: {:#?}", principal.told().last),
    };
    principal.end_life();
    principal.fuse.put_out();
    daemon.kill();
    answered
}

async fn live(principal: &Arc<Principal>, plan: Plan, frozen: bool, daemon: &mut Rerun) -> bool {
    if let Plan::Starting(turns) = plan {
        principal.begin_life();
        pass(turns).await;
        return false;
    }
    // It may stand before it is ready, while it writes down that it starts.
    let Some(("ready", _)) = daemon.heard(&["ready", "stands"]).await else { return false };
    principal.begin_life();
    match plan {
        Plan::Sent(requests) => principal.fuse.light(requests, daemon.pid()),
        Plan::Reloading(_) => principal.rewrite(),
        _ => {}
    }
    if frozen {
        let thawed = tokio::select! {
            thawed = thaw(principal) => thawed,
            _ = daemon.heard(&["stands"]) => false,
        };
        if !thawed {
            return false;
        }
    }
    match plan {
        Plan::Freezing(turns) => {
            let freezing = tokio::spawn(freeze(Arc::clone(principal)));
            pass(turns).await;
            freezing.is_finished() && freezing.await.unwrap()
        }
        Plan::Reloading(turns) => {
            pass(turns).await;
            false
        }
        _ => {
            // Until it stands, or is dead.
            daemon.heard(&["stands"]).await;
            false
        }
    }
}

/// Lets others have so many turns.
async fn pass(turns: u64) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// Stops everything; whether the daemon said that it did.
async fn freeze(principal: Arc<Principal>) -> bool {
    let socket = principal.home.paths.control_socket();
    let Ok(channel) = mandate_proto::connect(&socket).await else { return false };
    let mut control = v1::control_client::ControlClient::new(channel);
    let ask = v1::FreezeRequest::default();
    control.freeze(ask).await.is_ok_and(|frozen| frozen.into_inner().durable)
}

/// Lets it mint again; whether the daemon said that it does.
async fn thaw(principal: &Principal) -> bool {
    let socket = principal.home.paths.control_socket();
    let Ok(channel) = mandate_proto::connect(&socket).await else { return false };
    let mut control = v1::control_client::ControlClient::new(channel);
    control.thaw(v1::ThawRequest::default()).await.is_ok()
}

async fn check(principal: &Arc<Principal>) -> bool {
    let principal = Arc::clone(principal);
    tokio::task::spawn_blocking(move || principal.check()).await.unwrap()
}

/// Everybody comes to an end, and the daemon ends in order.
async fn close(principal: &Arc<Principal>, mut clients: JoinSet<()>, frozen: bool) {
    let mut daemon = principal.home.start_child(child::TEST, None);
    daemon.heard(&["ready"]).await.expect("a daemon");
    principal.begin_life();
    if frozen {
        assert!(thaw(principal).await);
    }
    principal.closing.store(true, Ordering::Relaxed);
    let ended = async {
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
    };
    if timeout(PATIENCE, ended).await.is_err() {
        panic!("a client without an answer: {:#?}", principal.told().last);
    }
    daemon.stop().await;
    check(principal).await;
}
