//! Each kind of write is broken in every way a disk can break it; the end is the same as without the fault.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mandate::token::Status;
use mandate::{Cart, Intent, Mandate, Payment};
use mandate_ledger::{
    Durability, Fault, Hook, Hooks, LedgerError, Options, Outcome, Redeemed, Scope, StoreError,
};
use mandate_policy::Reason;
use mandate_tests::parties::{Parties, WARES, caller};
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, fresh_jti, one_of, reading};

/// One write; each needs those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Intent,
    Pay,
    Void,
    /// The merchant contradicts itself: the amount counts again.
    Executed,
    Freeze,
    Thaw,
    Lock,
    Unlock,
    Reload,
    Confirm,
}

const STEPS: [Step; 10] = [
    Step::Intent,
    Step::Pay,
    Step::Void,
    Step::Executed,
    Step::Freeze,
    Step::Thaw,
    Step::Lock,
    Step::Unlock,
    Step::Reload,
    Step::Confirm,
];

/// How the commit breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// Nothing is written, and the disk may have room again.
    Full,
    /// An error, and nothing was written.
    NotApplied,
    /// An error, yet it was written.
    YetApplied,
}

/// What was handed out so far.
#[derive(Default)]
struct Tokens {
    intent: Option<Mandate<Intent>>,
    cart: Option<Mandate<Cart>>,
    payment: Option<Mandate<Payment>>,
}

/// A cap that the one payment of this story fills.
fn caps() -> Vec<Cap> {
    vec![Cap::spend("day", ("EUR", 1_000))]
}

fn signed<K: mandate::Kind>(
    wallet: &Wallet,
    outcome: Outcome<mandate_ledger::Permit<K>>,
) -> Mandate<K> {
    let Outcome::Granted(permit) = outcome else { panic!("{outcome:?}") };
    let Redeemed::Signed(token) = wallet.sign(permit) else { panic!("nothing stops it") };
    token
}

/// One write on the ledger. Nothing is signed before its answer is there.
async fn write(wallet: &Wallet, tokens: &mut Tokens, step: Step) -> Result<(), LedgerError> {
    let (now, travel) = (reading(MORNING), caller("travel"));
    let (ledger, lux) = (&wallet.ledger, Scope::Merchant("lux-hotels".parse().unwrap()));
    match step {
        Step::Intent => {
            let minted = ledger.mint_intent(now.clone(), &travel, one_of(WARES[0]), fresh_jti());
            let intent = signed(wallet, minted.await?);
            tokens.cart = Some(wallet.parties.cart(&intent, ("EUR", 1_000), now.wall));
            tokens.intent = Some(intent);
        }
        Step::Pay => {
            let cart = tokens.cart.clone().unwrap();
            let payment = signed(wallet, ledger.reserve(now, &travel, cart, fresh_jti()).await?);
            tokens.payment = Some(payment);
        }
        Step::Void | Step::Executed => {
            let status = if step == Step::Void { Status::Void } else { Status::Executed };
            let payment = tokens.payment.as_ref().unwrap();
            let receipt = wallet.parties.receipt(payment, status, now.wall);
            // A contradiction is written down and then refused; told again, it is known.
            ledger.record_receipt(now, &travel, receipt).await?;
        }
        Step::Freeze => durable(ledger.freeze(now, 0, Scope::Wallet, None).await?)?,
        Step::Thaw => ledger.thaw(now, 0, lux).await?,
        Step::Lock => durable(ledger.lock(now, 0).await?)?,
        Step::Unlock => ledger.unlock(now, 0).await?,
        Step::Reload => ledger.reload(now, ledger.rules()).await?,
        Step::Confirm => ledger.confirm_clock(now, 0).await?,
    }
    Ok(())
}

/// On a full disk a stop holds until the process ends, and is not written.
fn durable(durability: Durability) -> Result<(), LedgerError> {
    match durability {
        Durability::Durable => Ok(()),
        Durability::UntilExit => Err(LedgerError::NotApplied(StoreError::Injected)),
    }
}

/// A ledger whose commits break while the switch is set.
fn open(folder: &Path, parties: &Arc<Parties>, how: Break) -> (Wallet, Arc<AtomicBool>) {
    let armed = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&armed);
    let fault = if how == Break::Full { Fault::DiskFull } else { Fault::Io };
    let hook: Hook = Arc::new(move || armed.load(Ordering::SeqCst).then_some(fault));
    let hooks = match how {
        Break::Full | Break::NotApplied => Hooks { before_commit: Some(hook), after_commit: None },
        Break::YetApplied => Hooks { before_commit: None, after_commit: Some(hook) },
    };
    let options = Options { hooks, ..Options::default() };
    (Wallet::open_with(folder, parties, PARIS, 16, caps(), options).unwrap(), switch)
}

/// Breaks one step of the story, goes on as an operator would, and gives what is there at the end.
async fn story(broken: Step, how: Break) -> (Vec<(u64, u64)>, Vec<Scope>) {
    let (folder, parties) = (tempfile::tempdir().unwrap(), Arc::new(Parties::new([8; 32])));
    Wallet::create(folder.path(), &parties, MORNING);
    let (mut wallet, switch) = open(folder.path(), &parties, how);
    let (now, mut tokens) = (reading(MORNING), Tokens::default());
    for step in STEPS {
        if step == broken {
            switch.store(true, Ordering::SeqCst);
            let fault = write(&wallet, &mut tokens, step).await.unwrap_err();
            switch.store(false, Ordering::SeqCst);
            let unknown = matches!(fault, LedgerError::Unknown(_));
            assert_eq!(unknown, how != Break::Full, "{step:?} {how:?}: {fault:?}");
            if unknown {
                // Whatever comes next finds the ledger stopped, not a guess.
                let next = write(&wallet, &mut tokens, Step::Confirm).await;
                assert!(next.is_err(), "{step:?} {how:?}");
                wallet.ledger.close().unwrap_err();
                (wallet, _) = open(folder.path(), &parties, how);
                wallet.sign_unhashed(now.clone()).await;
            }
            wallet.check(now.clone(), tokens.payment.as_slice()).await;
        }
        write(&wallet, &mut tokens, step).await.unwrap_or_else(|e| panic!("{step:?}: {e:?}"));
    }
    wallet.check(now.clone(), tokens.payment.as_slice()).await;
    let wallet = wallet.restart(now.clone()).await;
    wallet.check(now.clone(), tokens.payment.as_slice()).await;
    assert!(!wallet.ledger.is_locked(), "{broken:?} {how:?}");
    let frozen = wallet.ledger.status(now.clone()).await.unwrap().frozen;
    (wallet.spent(now).await, frozen)
}

#[tokio::test]
async fn a_broken_write_is_neither_lost_nor_counted_twice() {
    for how in [Break::Full, Break::NotApplied, Break::YetApplied] {
        for broken in STEPS {
            let (spent, frozen) = story(broken, how).await;
            assert_eq!(spent, [(1_000, 1)], "{broken:?} {how:?}");
            assert_eq!(frozen, [Scope::Wallet], "{broken:?} {how:?}");
        }
    }
}

/// The old caps hold, whatever the new ones would have allowed.
#[tokio::test]
async fn a_reload_that_was_not_written_is_not_in_force() {
    let (folder, parties) = (tempfile::tempdir().unwrap(), Arc::new(Parties::new([8; 32])));
    Wallet::create(folder.path(), &parties, MORNING);
    let (mut wallet, switch) = open(folder.path(), &parties, Break::Full);
    let now = reading(MORNING);
    let wider = vec![Cap::spend("day", ("EUR", 5_000))];
    switch.store(true, Ordering::SeqCst);
    let fault = wallet.try_reload(now.clone(), wider.clone()).await.unwrap_err();
    switch.store(false, Ordering::SeqCst);
    assert!(matches!(fault, LedgerError::NotApplied(_)), "{fault:?}");
    let refused = wallet.buy(now.clone(), "travel", WARES[0], ("EUR", 1_001)).await;
    assert_eq!(refused.err(), Some(Reason::CapExceeded));
    wallet.try_reload(now.clone(), wider).await.unwrap();
    let paid = wallet.buy(now.clone(), "travel", WARES[0], ("EUR", 1_001)).await.unwrap();
    wallet.check(now, &[paid]).await;
}
