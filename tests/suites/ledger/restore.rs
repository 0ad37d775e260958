//! A backup in the place of a ledger, after any history: it starts frozen, counts all that it has, and whatever anybody
//! holds of what it lacks refuses it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::token::Status;
use mandate::{Head, Mandate, Payment, Receipt};
use mandate_ledger::{
    OpenError, PutError, RecallError, Restoring, Scope, StoppedLedger, StoreError,
};
use mandate_policy::Reason;
use mandate_tests::alone;
use mandate_tests::parties::{AGENTS, Parties, WARES};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, reading};
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;

/// Histories in one run.
const CASES: u32 = 16;
/// Steps before the backup, and after it.
const STEPS: usize = 12;
/// What all payments of a day may sum up to: few enough that the cap binds.
const DAY_MINOR: u64 = 5_000;
/// What a thing costs at most.
const PRICE_MINOR: u64 = 1_500;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// An agent buys; a cap may refuse it.
    Buy { agent: usize, ware: usize, minor: u64 },
    /// The merchant answers one of the payments so far, if there is one.
    Settle { which: prop::sample::Index, status: Status },
}

fn step() -> impl Strategy<Value = Step> {
    let buy = (0..AGENTS.len(), 0..WARES.len(), 1..=PRICE_MINOR);
    let status = prop_oneof![Just(Status::Executed), Just(Status::Void)];
    prop_oneof![
        3 => buy.prop_map(|(agent, ware, minor)| Step::Buy { agent, ware, minor }),
        2 => (any::<prop::sample::Index>(), status)
            .prop_map(|(which, status)| Step::Settle { which, status }),
    ]
}

/// What the others hold: every token that left the wallet or came to it.
#[derive(Debug, Clone, Default)]
struct Others {
    payments: Vec<Mandate<Payment>>,
    receipts: Vec<Mandate<Receipt>>,
    /// The heads of the wallet's log that the tokens name.
    heads: Vec<Head>,
}

impl Others {
    async fn take(&mut self, wallet: &Wallet, step: Step) {
        let now = reading(MORNING);
        match step {
            Step::Buy { agent, ware, minor } => {
                let (agent, _) = AGENTS[agent];
                let intent = wallet.intent(now.clone(), agent, WARES[ware], None).await;
                let Ok(intent) = intent else { return };
                self.heads.push(intent.head());
                let cart = wallet.parties.cart(&intent, ("EUR", minor), now.wall);
                if let Ok(payment) = wallet.pay(now, agent, &cart).await {
                    self.heads.push(payment.head());
                    self.payments.push(payment);
                }
            }
            Step::Settle { which, status } => {
                if self.payments.is_empty() {
                    return;
                }
                let payment = which.get(&self.payments);
                let receipt = wallet.parties.receipt(payment, status, now.wall);
                self.heads.push(receipt.claims().peer_log);
                // A contradiction is an answer too.
                let _answer = wallet.hand_in(now, payment.claims().act.as_str(), &receipt).await;
                self.receipts.push(receipt);
            }
        }
    }
}

async fn a_restore_after(before: Vec<Step>, after: Vec<Step>, later: Vec<Step>) {
    let (disk, wallet) = Disk::with_a_ledger();
    let parties = Arc::clone(&wallet.parties);
    let mut others = Others::default();
    for step in before {
        others.take(&wallet, step).await;
    }
    let (copied, spent) = (wallet.ledger.head(), wallet.spent(reading(MORNING)).await);
    let paid = others.payments.len();
    disk.back_up(&wallet);
    for step in after {
        others.take(&wallet, step).await;
    }
    let newest = wallet.ledger.head();
    let Wallet { ledger, .. } = wallet;
    ledger.close().unwrap();

    let heads = others.heads.clone();
    let (place, backup) = (disk.state.clone(), disk.backup.clone());
    // What restores blocks.
    let restoring = spawn_blocking(move || {
        let _locking = alone();
        let place = Restoring::hold(&place).unwrap();
        let staged = place.stage(&backup).unwrap();
        let copy = staged.read().unwrap();
        assert_eq!(copy.verify().unwrap().head, copied);
        for head in heads.into_iter().chain([newest]) {
            match copy.hold_against(head) {
                Ok(()) => assert!(head.size <= copied.size, "{head:?} is not in {copied:?}"),
                Err(RecallError::Fault(_)) => assert!(head.size > copied.size, "{head:?} is there"),
                Err(error) => panic!("{error}"),
            }
        }
        drop(copy);
        let reason = "a test".parse().unwrap();
        let moved = staged.put(reading(MORNING).wall, 0, reason, "aside").unwrap();
        StoppedLedger::copy(&moved.expect("a ledger lay there")).unwrap().head().unwrap()
    });
    assert_eq!(restoring.await.unwrap(), newest, "nothing that lay there is lost");

    let wallet = open(&disk.state, &parties);
    wallet.sign_unhashed(reading(MORNING)).await;
    let status = wallet.ledger.status(reading(MORNING)).await.unwrap();
    assert!(status.frozen.contains(&Scope::Wallet));
    for (agent, _) in AGENTS {
        let asked = wallet.buy(reading(MORNING), agent, WARES[0], ("EUR", 1)).await;
        assert_eq!(asked.err(), Some(Reason::Frozen));
    }
    assert_eq!(wallet.spent(reading(MORNING)).await, spent, "a spend was forgotten");
    others.payments.truncate(paid);
    // What came back meanwhile is handed in again; a receipt for what the backup lacks is for nothing it signed.
    for receipt in std::mem::take(&mut others.receipts) {
        let is_here = receipt.claims().peer_log.size <= copied.size;
        let agent = receipt.claims().act.clone();
        let answer = wallet.hand_in(reading(MORNING), agent.as_str(), &receipt).await;
        assert_eq!(answer == Err(Reason::ReceiptInvalid), !is_here, "{answer:?}");
    }
    wallet.ledger.thaw(reading(MORNING), 0, Scope::Wallet).await.unwrap();
    for step in later {
        others.take(&wallet, step).await;
    }
    wallet.check(reading(MORNING), &others.payments).await;
}

/// A ledger's folder, and the place of its backup.
struct Disk {
    state: PathBuf,
    backup: PathBuf,
    _folder: TempDir,
}

impl Disk {
    fn with_a_ledger() -> (Self, Wallet) {
        let folder = tempfile::tempdir().unwrap();
        let (state, backup) = (folder.path().join("state"), folder.path().join("backup.db"));
        std::fs::create_dir(&state).unwrap();
        let parties = Arc::new(Parties::new([8; 32]));
        Wallet::create(&state, &parties, MORNING);
        let wallet = open(&state, &parties);
        (Self { state, backup, _folder: folder }, wallet)
    }

    fn back_up(&self, wallet: &Wallet) {
        let mut copy = wallet.ledger.take_copy().unwrap();
        std::io::copy(&mut copy, &mut File::create(&self.backup).unwrap()).unwrap();
    }
}

fn open(state: &Path, parties: &Arc<Parties>) -> Wallet {
    let caps = vec![Cap::spend("day", ("EUR", DAY_MINOR))];
    Wallet::open(state, parties, PARIS, 16, caps).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var_os("PROPTEST_CASES").map_or(CASES, |_| ProptestConfig::default().cases),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_restore_forgets_nothing_that_anybody_knows(
        before in vec(step(), 0..STEPS),
        after in vec(step(), 0..STEPS),
        later in vec(step(), 0..STEPS),
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(a_restore_after(before, after, later));
    }
}

/// Unfrozen it would pay at once; what lies in the place stays there, and what failed is told.
#[tokio::test]
async fn a_copy_that_cannot_be_frozen_takes_no_place() {
    let (disk, wallet) = Disk::with_a_ledger();
    disk.back_up(&wallet);
    wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", 1)).await.unwrap();
    let newest = wallet.ledger.head();
    let Wallet { ledger, .. } = wallet;
    ledger.close().unwrap();
    let (state, backup) = (disk.state.clone(), disk.backup.clone());
    Connection::open(&backup).unwrap().execute_batch("DROP TABLE stop").unwrap();

    let restoring = spawn_blocking(move || {
        let _locking = alone();
        let place = Restoring::hold(&state).unwrap();
        let staged = place.stage(&backup).unwrap();
        let put = staged.put(reading(MORNING).wall, 0, "a test".parse().unwrap(), "aside");
        (put, place.current().unwrap().unwrap().head().unwrap())
    });
    let (put, head) = restoring.await.unwrap();
    let PutError { moved, source } = put.unwrap_err();
    assert_eq!((moved, head), (None, newest));
    let OpenError::Store { source, .. } = *source else { panic!("{source:?}") };
    assert!(matches!(source, StoreError::Sqlite(_)), "{source:?}");
}
