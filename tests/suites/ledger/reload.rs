//! Rules are in force from the commit of their entry on, and those that could not be written never were.

use std::future::Future as _;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Waker};

use mandate_ledger::{Fault, Hook, Hooks, Options};
use mandate_policy::{Reason, Rules};
use mandate_tests::parties::{Parties, WARES};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, NoUsers, Wallet, reading, rules};

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

/// Two files follow each other so quickly that nobody has heard of the first one yet when the second one fails.
#[tokio::test]
async fn a_reload_that_failed_puts_the_file_before_it_back_and_no_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let parties = Arc::new(Parties::new([7; 32]));
    Wallet::create(folder.path(), &parties, MORNING);
    let ((stand, stands), (go_on, goes_on)) = (channel(), channel::<Option<Fault>>());
    let stands_there = Arc::new(AtomicBool::new(false));
    let is_to_stand = Arc::clone(&stands_there);
    let goes_on = Mutex::new(goes_on);
    // While it is asked to, the writer stands before each commit until it is told how that ends.
    let told: Hook = Arc::new(move || {
        if !is_to_stand.load(Ordering::SeqCst) {
            return None;
        }
        stand.send(()).unwrap();
        goes_on.lock().unwrap().recv().unwrap()
    });
    let hooks = Hooks { before_commit: Some(told), ..Hooks::default() };
    let options = Options { hooks, ..Options::default() };
    let spend = |most| vec![Cap::spend("lifetime", ("EUR", most))];
    let caps = |most| Arc::new(rules(&parties, &PARIS, UNSETTLED, &spend(most)));
    let mut wallet =
        Wallet::open_with(folder.path(), &parties, PARIS, UNSETTLED, spend(100), options).unwrap();
    wallet.ledger.reload(reading(MORNING), wallet.ledger.rules()).await.unwrap();
    let intent = wallet.intent(reading(MORNING), "travel", WARES[0], None).await.unwrap();
    let cart = parties.cart(&intent, ("EUR", 150), reading(MORNING).wall);

    let (wider, narrower) = (caps(200), caps(50));
    wallet.know(wider.digest(), spend(200));
    let ledger = wallet.ledger.clone();
    stands_there.store(true, Ordering::SeqCst);
    let mut context = Context::from_waker(Waker::noop());
    let mut first = pin!(ledger.reload(reading(MORNING), Arc::clone(&wider)));
    assert!(first.as_mut().poll(&mut context).is_pending());
    stands.recv().unwrap();
    // It comes after the commit that the writer stands before.
    let mut second = pin!(ledger.reload(reading(MORNING), narrower));
    assert!(second.as_mut().poll(&mut context).is_pending());
    go_on.send(None).unwrap();
    stands.recv().unwrap();
    stands_there.store(false, Ordering::SeqCst);
    go_on.send(Some(Fault::DiskFull)).unwrap();
    let payment = wallet.pay(reading(MORNING), "travel", &cart).await.unwrap();
    first.await.unwrap();
    second.await.unwrap_err();
    assert_eq!(ledger.rules().digest(), wider.digest());
    wallet.check(reading(MORNING), &[payment]).await;
}

/// A daemon reloads for as long as it runs: it keeps no file that nothing can bring back.
#[tokio::test]
async fn rules_that_were_replaced_are_let_go() {
    let spend = |most| vec![Cap::spend("lifetime", ("EUR", most))];
    let (_folder, mut wallet) = Wallet::fresh([7; 32], UNSETTLED, spend(100));
    let mut replaced = Vec::new();
    for most in [200, 300, 200, 400] {
        wallet.reload(reading(MORNING), spend(most)).await;
        // The sums are those of the rules that decided last.
        wallet.spent(reading(MORNING)).await;
        replaced.push(Arc::downgrade(&wallet.ledger.rules()));
    }
    assert!(replaced.pop().is_some_and(|in_force| in_force.strong_count() > 0));
    assert_eq!(replaced.iter().map(Weak::strong_count).sum::<usize>(), 0);
}

/// Who calls was looked up when it connected; the rules may say otherwise since.
#[tokio::test]
async fn an_agent_goes_by_the_name_that_the_rules_in_force_give_its_uid() {
    let folder = tempfile::tempdir().unwrap();
    let parties = Arc::new(Parties::new([7; 32]));
    Wallet::create(folder.path(), &parties, MORNING);
    let caps = vec![Cap::spend("lifetime", ("EUR", 100))];
    let text = parties.toml(&PARIS, UNSETTLED, &caps).replace("\"travel\"", "\"tours\"");
    let wallet = Wallet::open(folder.path(), &parties, PARIS, UNSETTLED, caps).unwrap();
    let intent = wallet.intent(reading(MORNING), "travel", WARES[0], None).await.unwrap();
    let cart = parties.cart(&intent, ("EUR", 1), reading(MORNING).wall);
    let renamed = Rules::parse(&text, &NoUsers).unwrap();
    wallet.ledger.reload(reading(MORNING), Arc::new(renamed)).await.unwrap();
    let asked = wallet.intent(reading(MORNING), "travel", WARES[0], None).await;
    assert_eq!(asked.err(), Some(Reason::AgentUnknown));
    let paid = wallet.pay(reading(MORNING), "travel", &cart).await;
    assert_eq!(paid.err(), Some(Reason::AgentUnknown));
    assert!(wallet.intent(reading(MORNING), "errands", WARES[0], None).await.is_ok());
}
