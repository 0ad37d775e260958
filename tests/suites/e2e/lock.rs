//! The key locked away: nothing is signed, the rest goes on, and it comes back at the principal's word.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use mandate::token::Status;
use mandate_journal::{Checkpoint, Origin};
use mandate_ledger::{Fault, Hook};
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::{Agent, Denied, Home, denied};
use tonic::transport::Channel;

const CAPS: &str = "[[cap]]\nper = \"lifetime\"\nspend = \"500.00 EUR\"\n";

async fn status(control: &mut ControlClient<Channel>) -> v1::GetStatusResponse {
    control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner()
}

async fn lock(control: &mut ControlClient<Channel>) -> v1::LockResponse {
    control.lock(v1::LockRequest {}).await.unwrap().into_inner()
}

async fn unlock(control: &mut ControlClient<Channel>) -> v1::UnlockResponse {
    control.unlock(v1::UnlockRequest {}).await.unwrap().into_inner()
}

fn assert_is_the_lock(denied: &Denied) {
    assert_eq!(denied.reason, "KEY_UNAVAILABLE");
    let expected =
        "the wallet is locked by its principal, who alone can end that, with `mandate unlock`";
    assert_eq!(denied.message, expected, "an agent learns no more");
    assert_eq!(denied.retry, None, "waiting does not help");
}

#[tokio::test]
async fn a_locked_wallet_mints_nothing_and_takes_receipts_also_after_a_restart() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let paid = agent.book("100.00 EUR").await.unwrap();
    let other = agent.book("50.00 EUR").await.unwrap();
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    let mut control = home.control().await;
    assert_eq!(lock(&mut control).await, v1::LockResponse { durable: true });
    assert_is_the_lock(&denied(agent.intent(Agent::book_room()).await));
    assert_is_the_lock(&denied(agent.pay(&cart).await));
    assert_eq!(agent.settle(&paid, Status::Void).await.unwrap(), "void");
    assert_eq!(agent.spent().await, [(5_000, 1)]);
    let told = status(&mut control).await;
    assert!(told.locked && told.key_id.is_empty(), "{told:?}");
    assert!(told.key_problem.contains("locked by its principal"), "{told:?}");
    daemon.stop().await;

    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    assert!(status(&mut control).await.locked);
    assert_is_the_lock(&denied(agent.pay(&cart).await));
    assert_eq!(agent.settle(&other, Status::Executed).await.unwrap(), "executed");
    assert_eq!(unlock(&mut control).await, v1::UnlockResponse::default());
    let told = status(&mut control).await;
    assert!(!told.locked && told.key_id == home.key.id().to_string(), "{told:?}");
    agent.pay(&cart).await.unwrap();
    let verified = control.verify_log(v1::VerifyLogRequest {}).await.unwrap().into_inner();
    assert_eq!(verified.fault, "");
    daemon.stop().await;
}

#[tokio::test]
async fn the_lock_itself_is_sealed_and_remembered_before_the_key_goes() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    home.agent().await.book("100.00 EUR").await.unwrap();
    let mut control = home.control().await;
    lock(&mut control).await;
    let size = status(&mut control).await.log_size;
    let origin: Origin = format!("mandate/wallet/{}", home.principal()).parse().unwrap();
    let remembered = Checkpoint::verify(&home.remembered(), &origin, &[home.key]).unwrap();
    assert_eq!(remembered.head().size, size);
    // What comes later is sealed by nobody until the key is back.
    assert_is_the_lock(&denied(home.agent().await.intent(Agent::book_room()).await));
    let checkpoint = control.get_checkpoint(v1::GetCheckpointRequest {}).await.unwrap();
    assert_eq!(checkpoint.into_inner().checkpoint, remembered.as_str());
    unlock(&mut control).await;
    let checkpoint = control.get_checkpoint(v1::GetCheckpointRequest {}).await.unwrap();
    let checkpoint = checkpoint.into_inner().checkpoint;
    let newest = Checkpoint::verify(&checkpoint, &origin, &[home.key]).unwrap();
    assert_eq!(newest.head().size, status(&mut control).await.log_size);
    daemon.stop().await;
}

#[tokio::test]
async fn a_locked_wallet_asks_its_store_for_nothing_and_an_unlock_says_what_it_lacks() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    lock(&mut home.control().await).await;
    daemon.stop().await;
    home.lose_the_key();
    let daemon = home.start().await;
    let mut control = home.control().await;
    let told = status(&mut control).await;
    assert!(told.key_problem.contains("locked by its principal"), "{told:?}");
    let problem = unlock(&mut control).await.key_problem;
    assert!(problem.contains("no key named"), "{problem}");
    let told = status(&mut control).await;
    assert_eq!((told.locked, told.key_problem), (false, problem));
    // Locked again, also while the store is asked in vain.
    lock(&mut control).await;
    assert!(status(&mut control).await.key_problem.contains("locked by its principal"));
    daemon.stop().await;
}

#[tokio::test]
async fn on_a_full_disk_a_lock_holds_and_says_that_it_is_not_durable() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let full = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&full);
    let hook: Hook = Arc::new(move || seen.load(Ordering::SeqCst).then_some(Fault::DiskFull));
    let daemon = home.start_with(|config| config.ledger.hooks.before_commit = Some(hook)).await;
    let daemon = daemon.unwrap();
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    full.store(true, Ordering::SeqCst);
    assert!(!lock(&mut control).await.durable);
    // An unlock is durable or none.
    let refused = denied(control.unlock(v1::UnlockRequest {}).await);
    assert_eq!(refused.reason, "LEDGER_UNAVAILABLE");
    full.store(false, Ordering::SeqCst);
    assert_is_the_lock(&denied(agent.pay(&cart).await));
    assert!(status(&mut control).await.locked);
    daemon.stop().await;
    let daemon = home.start().await;
    assert!(!status(&mut home.control().await).await.locked, "as the answer said");
    home.agent().await.pay(&cart).await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn on_a_disk_that_hangs_the_key_goes_all_the_same() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let hangs = Arc::new(AtomicBool::new(false));
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (seen, may_go_on) = (Arc::clone(&hangs), Mutex::new(may_go_on));
    let hook: Hook = Arc::new(move || {
        if seen.load(Ordering::SeqCst) {
            // Its end is that it may go on.
            may_go_on.lock().unwrap().recv().unwrap_or_default();
        }
        None
    });
    let daemon = home.start_with(|config| config.ledger.hooks.before_commit = Some(hook)).await;
    let daemon = daemon.unwrap();
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    hangs.store(true, Ordering::SeqCst);
    // The waits for the disk pass at once.
    tokio::time::pause();
    assert!(!lock(&mut control).await.durable);
    tokio::time::resume();
    drop(go_on);
    assert_is_the_lock(&denied(agent.pay(&cart).await));
    assert!(status(&mut control).await.locked);
    assert_eq!(agent.spent().await, [(0, 0)]);
    daemon.stop().await;
    let daemon = home.start().await;
    assert!(status(&mut home.control().await).await.locked, "it was written in the end");
    daemon.stop().await;
}
