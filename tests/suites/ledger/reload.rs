//! Rules are in force from the commit of their entry on, and those that could not be written never were.

use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use mandate_ledger::{Fault, Hook, Hooks, Options};
use mandate_policy::Reason;
use mandate_tests::parties::{Parties, WARES};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, reading, rules};

/// Payments that may be open.
const UNSETTLED: u64 = 16;

#[tokio::test]
async fn rules_whose_commit_failed_decide_nothing_before_their_reload_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let parties = Arc::new(Parties::new([7; 32]));
    Wallet::create(folder.path(), &parties, MORNING);
    let is_full = Arc::new(AtomicBool::new(false));
    let fills = Arc::clone(&is_full);
    let ((stand, stands), (go_on, goes_on)) = (channel(), channel());
    let goes_on = Mutex::new(goes_on);
    // The writer stands before the commit that fails until it is let go on.
    let full: Hook = Arc::new(move || {
        fills.swap(false, Ordering::SeqCst).then(|| {
            stand.send(()).unwrap();
            goes_on.lock().unwrap().recv().unwrap();
            Fault::DiskFull
        })
    });
    let hooks = Hooks { before_commit: Some(full), ..Hooks::default() };
    let options = Options { hooks, ..Options::default() };
    let caps = vec![Cap::spend("lifetime", ("EUR", 100))];
    let wallet =
        Wallet::open_with(folder.path(), &parties, PARIS, UNSETTLED, caps, options).unwrap();
    let before = wallet.ledger.rules();
    wallet.ledger.reload(reading(MORNING), Arc::clone(&before)).await.unwrap();
    let intent = wallet.intent(reading(MORNING), "travel", WARES[0], None).await.unwrap();
    let cart = parties.cart(&intent, ("EUR", 101), reading(MORNING).wall);

    let wider = vec![Cap::spend("lifetime", ("EUR", 200))];
    let wider = Arc::new(rules(&parties, &PARIS, UNSETTLED, &wider));
    is_full.store(true, Ordering::SeqCst);
    let mut reload = pin!(wallet.ledger.reload(reading(MORNING), wider));
    // On its way to the writer; whoever asked for it is busy elsewhere.
    assert!(reload.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    stands.recv().unwrap();
    go_on.send(()).unwrap();
    let paid = wallet.pay(reading(MORNING), "travel", &cart).await;
    assert_eq!(paid.unwrap_err(), Reason::CapExceeded);
    reload.await.unwrap_err();
    assert_eq!(wallet.ledger.rules().digest(), before.digest());
    wallet.check(reading(MORNING), &[]).await;
}
