//! A ledger shows the same whether it is served or stopped, and is held against what was signed of it.

use std::fs::File;
use std::future::Future as _;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use mandate::PrincipalId;
use mandate::token::Status;
use mandate_journal::tree::{leaf_hash, verify_inclusion};
use mandate_keys::{Seed, SigningKey};
use mandate_ledger::{
    Fault, Hold, Hook, Hooks, Options, RecallError, Restoring, StoppedLedger, ledger_path,
};
use mandate_tests::alone;
use mandate_tests::parties::{Parties, WARES};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, reading};
use tokio::task::spawn_blocking;

/// The principal's key.
const SEED: [u8; 32] = [9; 32];

fn open_with(folder: &Path, parties: &Arc<Parties>, options: Options) -> Wallet {
    let caps = vec![Cap::spend("day", ("EUR", 100_000))];
    Wallet::open_with(folder, parties, PARIS, 16, caps, options).unwrap()
}

fn create(folder: &Path) -> Wallet {
    let parties = Arc::new(Parties::new(SEED));
    Wallet::create(folder, &parties, MORNING);
    open_with(folder, &parties, Options::default())
}

fn key(seed: [u8; 32]) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed(Seed::copy_from(&seed)))
}

async fn buy(wallet: &Wallet) -> mandate::Mandate<mandate::Payment> {
    wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", 1_000)).await.unwrap()
}

fn copy_of(wallet: &Wallet, path: &Path) {
    let mut copy = wallet.ledger.take_copy().unwrap();
    std::io::copy(&mut copy, &mut File::create(path).unwrap()).unwrap();
}

fn close(wallet: Wallet) {
    let Wallet { ledger, .. } = wallet;
    let _locking = alone();
    ledger.close().unwrap();
}

fn stopped(folder: &Path) -> StoppedLedger {
    let _locking = alone();
    StoppedLedger::open(folder).unwrap()
}

fn seqs(holds: &[Hold]) -> Vec<u64> {
    holds.iter().map(|hold| hold.seq).collect()
}

#[tokio::test]
async fn a_stopped_ledger_shows_what_it_showed_while_it_was_served() {
    let folder = tempfile::tempdir().unwrap();
    let wallet = create(folder.path());
    let ledger = wallet.ledger.clone();
    ledger.sign_with(key(SEED));
    let settled = buy(&wallet).await;
    let receipt = wallet.parties.receipt(&settled, Status::Executed, reading(MORNING).wall);
    wallet.hand_in(reading(MORNING), "travel", &receipt).await.unwrap();
    for _ in 0..2 {
        buy(&wallet).await;
    }
    ledger.seal().await.unwrap();
    let (head, entries) = (ledger.head(), wallet.entries());
    let checkpoint = ledger.checkpoint().unwrap();
    assert_eq!(checkpoint.head(), head);
    let holds = ledger.holds(reading(MORNING), 0, 10).await.unwrap();
    let [first, second] = seqs(&holds).try_into().unwrap();
    assert_eq!(seqs(&ledger.holds(reading(MORNING), first, 10).await.unwrap()), [second]);
    assert_eq!(seqs(&ledger.holds(reading(MORNING), 0, 1).await.unwrap()), [first]);
    let seq = head.size - 2;
    let path = ledger.inclusion_path(seq, head.size).unwrap();
    let leaf = leaf_hash(&entries[usize::try_from(seq).unwrap()]);
    verify_inclusion(leaf, seq, head.size, &head.root, &path).unwrap();
    let key = wallet.parties.public_key();
    assert_eq!((ledger.principal(), ledger.key()), (&PrincipalId::from_key(&key), &key));
    assert_eq!(ledger.path(), ledger_path(folder.path()));
    drop(ledger);
    close(wallet);

    let ledger = stopped(folder.path());
    assert_eq!(ledger.owner().unwrap(), (PrincipalId::from_key(&key), key));
    assert_eq!(ledger.head().unwrap(), head);
    assert_eq!(ledger.checkpoint().unwrap().unwrap().as_str(), checkpoint.as_str());
    assert_eq!(ledger.entries(0, 256).unwrap(), entries);
    assert_eq!(ledger.entries(2, 3).unwrap(), entries[2..5]);
    assert_eq!(seqs(&ledger.holds(0, 10).unwrap()), [first, second]);
    assert_eq!(seqs(&ledger.holds(first, 10).unwrap()), [second]);
    assert_eq!(ledger.inclusion_path(seq, head.size).unwrap(), path);
    assert!(!ledger.is_locked().unwrap());
}

#[tokio::test]
async fn a_lock_is_seen_while_the_ledger_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let wallet = create(folder.path());
    wallet.ledger.lock(reading(MORNING), 0).await.unwrap();
    close(wallet);
    assert!(stopped(folder.path()).is_locked().unwrap());
}

#[tokio::test]
async fn what_was_signed_of_a_ledger_tells_an_older_copy_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let (state, older) = (folder.path().join("state"), folder.path().join("older"));
    let backup = folder.path().join("backup.db");
    for folder in [&state, &older] {
        std::fs::create_dir(folder).unwrap();
    }
    let wallet = create(&state);
    wallet.ledger.sign_with(key(SEED));
    buy(&wallet).await;
    wallet.ledger.seal().await.unwrap();
    let (before, head) = (wallet.ledger.checkpoint().unwrap(), wallet.ledger.head());
    copy_of(&wallet, &backup);
    // More than the freeze that a restore adds.
    for _ in 0..2 {
        buy(&wallet).await;
    }
    wallet.ledger.seal().await.unwrap();
    let (after, newest) = (wallet.ledger.checkpoint().unwrap(), wallet.ledger.head());
    for (note, head) in [(&before, head), (&after, newest)] {
        wallet.ledger.recall(note.as_str()).unwrap();
        wallet.ledger.hold_against(head).unwrap();
    }
    let parties = Arc::clone(&wallet.parties);
    close(wallet);
    let is_older = |found| matches!(found, Err(RecallError::Fault(_)));

    let copy = StoppedLedger::copy(&backup).unwrap();
    copy.recall(before.as_str()).unwrap();
    copy.hold_against(head).unwrap();
    assert!(is_older(copy.recall(after.as_str())) && is_older(copy.hold_against(newest)));
    drop(copy);
    let stopped = stopped(&state);
    stopped.recall(after.as_str()).unwrap();
    stopped.hold_against(newest).unwrap();
    drop(stopped);

    let place = older.clone();
    // What restores blocks.
    let restoring = spawn_blocking(move || {
        let _locking = alone();
        let place = Restoring::hold(&place).unwrap();
        let reason = "a test".parse().unwrap();
        place.stage(&backup).unwrap().put(reading(MORNING).wall, 0, reason, "aside").unwrap()
    });
    assert_eq!(restoring.await.unwrap(), None, "nothing lay there");
    let wallet = open_with(&older, &parties, Options::default());
    wallet.ledger.recall(before.as_str()).unwrap();
    wallet.ledger.hold_against(head).unwrap();
    assert!(is_older(wallet.ledger.recall(after.as_str())));
    assert!(is_older(wallet.ledger.hold_against(newest)));
}

#[tokio::test]
async fn only_the_principals_key_signs_a_checkpoint_and_only_while_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let wallet = create(folder.path());
    let ledger = &wallet.ledger;
    let sealed = async || {
        ledger.seal().await.unwrap();
        ledger.checkpoint().map(|checkpoint| checkpoint.head())
    };
    assert_eq!(sealed().await, None, "there is no key");
    ledger.sign_with(key([8; 32]));
    assert_eq!(sealed().await, None, "it is another's");
    let mut word = ledger.checkpoints();
    ledger.sign_with(key(SEED));
    let covered = ledger.head();
    assert_eq!(sealed().await, Some(covered));
    assert!(word.has_changed().unwrap());
    assert_eq!(
        word.borrow_and_update().as_ref().map(mandate_ledger::Checkpoint::head),
        Some(covered)
    );
    ledger.forget_key();
    buy(&wallet).await;
    assert_eq!(sealed().await, Some(covered), "it was let go");
    ledger.sign_with(key(SEED));
    assert_eq!(sealed().await, Some(ledger.head()));
    // What a ledger that is not believed holds is vouched for by nobody.
    let covered = ledger.head();
    assert!(!ledger.is_distrusted());
    ledger.distrust("a test says so".to_owned());
    assert!(ledger.is_distrusted());
    let status = ledger.status(reading(MORNING)).await.unwrap();
    assert_eq!(status.distrusted.as_deref(), Some("a test says so"));
    ledger.freeze(reading(MORNING), 0, mandate_ledger::Scope::Wallet, None).await.unwrap();
    assert_eq!(sealed().await, Some(covered));
}

#[tokio::test]
async fn a_place_shows_the_ledger_that_lies_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let wallet = create(folder.path());
    buy(&wallet).await;
    let head = wallet.ledger.head();
    close(wallet);
    let _locking = alone();
    let place = Restoring::hold(folder.path()).unwrap();
    assert_eq!(place.current().unwrap().unwrap().head().unwrap(), head);
    assert!(Restoring::hold(empty.path()).unwrap().current().unwrap().is_none());
}

/// Calls that wait are counted, and a writer that a disk ended answers no more.
#[tokio::test]
async fn a_ledger_tells_how_many_calls_wait_and_whether_its_writer_lives() {
    let folder = tempfile::tempdir().unwrap();
    let parties = Arc::new(Parties::new(SEED));
    Wallet::create(folder.path(), &parties, MORNING);
    let ((stand, stands), (go_on, goes_on)) = (channel(), channel::<Option<Fault>>());
    let is_to_stand = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&is_to_stand);
    let goes_on = Mutex::new(goes_on);
    let told: Hook = Arc::new(move || {
        if !asked.swap(false, Ordering::SeqCst) {
            return None;
        }
        stand.send(()).unwrap();
        goes_on.lock().unwrap().recv().unwrap()
    });
    let hooks = Hooks { before_commit: Some(told), ..Hooks::default() };
    let wallet = open_with(folder.path(), &parties, Options { hooks, ..Options::default() });
    let ledger = &wallet.ledger;
    assert_eq!((ledger.queued(), ledger.answers().await), (0, true));

    is_to_stand.store(true, Ordering::SeqCst);
    let mut context = Context::from_waker(Waker::noop());
    let mut first = pin!(ledger.confirm_clock(reading(MORNING), 0));
    assert!(first.as_mut().poll(&mut context).is_pending());
    stands.recv().unwrap();
    let mut second = pin!(ledger.confirm_clock(reading(MORNING), 0));
    let mut third = pin!(ledger.confirm_clock(reading(MORNING), 0));
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(third.as_mut().poll(&mut context).is_pending());
    assert_eq!(ledger.queued(), 2);
    go_on.send(None).unwrap();
    for waiting in [first.await, second.await, third.await] {
        waiting.unwrap();
    }
    assert_eq!(ledger.queued(), 0);

    is_to_stand.store(true, Ordering::SeqCst);
    let mut broken = pin!(ledger.confirm_clock(reading(MORNING), 0));
    assert!(broken.as_mut().poll(&mut context).is_pending());
    stands.recv().unwrap();
    go_on.send(Some(Fault::Io)).unwrap();
    broken.await.unwrap_err();
    assert!(!ledger.answers().await);
}
