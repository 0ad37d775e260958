//! The process that is killed: it mints on a ledger as fast as it can and reports on its stdout.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::token::Status;
use mandate_tests::parties::{AGENTS, Parties, WARES};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{Wallet, reading};

/// Which folder to mint in; without it this binary is a suite like any other.
pub const FOLDER: &str = "MANDATE_CRASH_FOLDER";

/// What the child's clock says, in seconds.
pub const CLOCK: &str = "MANDATE_CRASH_CLOCK";

/// The test that does the child's work.
pub const TEST: &str = "child::mints_until_it_is_killed";

/// The principal's key, in both processes.
pub const SEED: [u8; 32] = [4; 32];

/// More than one agent may have open here.
pub const UNSETTLED: u64 = 1_000_000;

/// Requests under way at a time, so that some share a commit.
const TASKS: usize = 3;

/// Caps that let a few payments through and then bind until receipts or the next minute make room.
pub fn caps() -> Vec<Cap> {
    vec![
        Cap::spend("lifetime", ("EUR", 10_000_000)),
        Cap { count: Some(10), ..Cap::spend("1m", ("EUR", 9_500)) },
        Cap { about: [Some("errands"), None, None], ..Cap::count("1m", 6) },
    ]
}

#[test]
fn mints_until_it_is_killed() {
    let (Some(folder), Ok(clock)) = (std::env::var_os(FOLDER), std::env::var(CLOCK)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(mint(&PathBuf::from(folder), clock.parse().unwrap()));
}

async fn mint(folder: &Path, clock: u64) {
    let parties = Arc::new(Parties::new(SEED));
    let wallet = Wallet::open(folder, &parties, PARIS, UNSETTLED, caps()).unwrap();
    wallet.sign_unhashed(reading(clock)).await;
    // The harness has begun a line of its own.
    report("");
    report(&format!("policy {}", wallet.ledger.rules().digest()));
    report(&format!("lux {}", parties.lux.public_key().did_key()));
    report(&format!("rival {}", parties.rival.public_key().did_key()));
    let wallet = Arc::new(wallet);
    let tasks =
        (0..TASKS).map(|task| tokio::spawn(mint_for_ever(Arc::clone(&wallet), task, clock)));
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Buys; every third payment is executed and every fifth void, and each receipt is announced before it is handed in.
async fn mint_for_ever(wallet: Arc<Wallet>, task: usize, clock: u64) {
    for turn in task.. {
        let (agent, _) = AGENTS[turn % AGENTS.len()];
        let now = reading(clock);
        let Ok(intent) = wallet.intent(now.clone(), agent, WARES[turn % WARES.len()], None).await
        else {
            report("refused");
            continue;
        };
        let cart = wallet.parties.cart(&intent, ("EUR", 900), now.wall);
        let Ok(payment) = wallet.pay(now.clone(), agent, &cart).await else {
            report("refused");
            continue;
        };
        report(&format!("paid {agent} {} {}", cart.as_str(), payment.as_str()));
        let status = match turn {
            _ if turn % 5 == 0 => Status::Void,
            _ if turn % 3 == 0 => Status::Executed,
            _ => continue,
        };
        let receipt = wallet.parties.receipt(&payment, status, now.wall);
        report(&format!("settling {} {}", cart.as_str(), receipt.as_str()));
        assert_eq!(wallet.hand_in(now, agent, &receipt).await, Ok(status));
        report(&format!("settled {} {}", cart.as_str(), receipt.as_str()));
    }
}

/// One line, whole or not at all as far as this process can help it.
fn report(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}
