//! What the wallet refuses for its own state, whatever is asked, and whom.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mandate::token::Status;
use mandate_ledger::{Fault, Hook};
use mandate_proto::v1;
use mandate_tests::Agent;

use super::{CAPS, Met, home};

pub(super) async fn frozen(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let mut control = home.control().await;
    let payment = agent.book("10.00 EUR").await.unwrap();
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    let frozen = control.freeze(v1::FreezeRequest::default()).await.unwrap().into_inner();
    assert!(frozen.durable);
    met.expect("FROZEN", agent.intent(Agent::book_room()).await);
    met.expect("FROZEN", agent.pay(&cart).await);
    // Settling and looking go on.
    assert_eq!(agent.settle(&payment, Status::Executed).await.unwrap(), "executed");
    assert_eq!(agent.spent().await, [(1_000, 1)]);
    daemon.stop().await;

    let daemon = home.start().await;
    let mut agent = home.agent().await;
    met.expect("FROZEN", agent.pay(&cart).await);
    home.control().await.thaw(v1::ThawRequest::default()).await.unwrap();
    agent.pay(&cart).await.unwrap();
    daemon.stop().await;
}

pub(super) async fn strangers(met: &mut Met) {
    let home = home(CAPS);
    let listed = format!("uid = {}", home.uid());
    home.write(&home.toml(CAPS).replace(&listed, "uid = 4242"));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    met.expect("AGENT_UNKNOWN", agent.wallet.mint_intent(Agent::book_room()).await);
    let budget = home.agent().await.wallet.get_budget(v1::GetBudgetRequest::default()).await;
    met.expect("AGENT_UNKNOWN", budget);
    daemon.stop().await;

    // A listed agent whose consent ended.
    home.write(&home.toml(CAPS).replace(&listed, &format!("{listed}\nuntil = 2020-01-01")));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    met.expect("AGENT_UNKNOWN", agent.intent(Agent::book_room()).await);
    daemon.stop().await;
}

pub(super) async fn without_a_key(met: &mut Met) {
    let home = home(CAPS);
    let text = home.toml(CAPS);
    let account = text.lines().find(|line| line.starts_with("account")).unwrap();
    home.write(&text.replace(account, "account = \"no-such-key\""));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let denied = met.expect("KEY_UNAVAILABLE", agent.intent(Agent::book_room()).await);
    assert!(denied.message.contains("no-such-key") && denied.retry.is_some(), "{denied:?}");
    let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    assert!(status.into_inner().key_problem.contains("no-such-key"));
    assert_eq!(agent.spent().await, [(0, 0)]);
    daemon.stop().await;
}

pub(super) async fn full_disk(met: &mut Met) {
    let home = home(CAPS);
    let full = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&full);
    let hook: Hook = Arc::new(move || seen.load(Ordering::SeqCst).then_some(Fault::DiskFull));
    let daemon = home.start_with(|config| config.ledger.hooks.before_commit = Some(hook)).await;
    let daemon = daemon.expect("the daemon did not start");
    let mut agent = home.agent().await;
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    full.store(true, Ordering::SeqCst);
    met.expect("LEDGER_UNAVAILABLE", agent.pay(&cart).await);
    let mut control = home.control().await;
    let frozen = control.freeze(v1::FreezeRequest::default()).await.unwrap().into_inner();
    assert!(!frozen.durable, "a freeze holds, and says that it cannot be written");
    full.store(false, Ordering::SeqCst);
    met.expect("FROZEN", agent.pay(&cart).await);
    control.thaw(v1::ThawRequest::default()).await.unwrap();
    agent.pay(&cart).await.unwrap();
    assert_eq!(agent.spent().await, [(1_000, 1)]);
    daemon.stop().await;
}

pub(super) async fn damaged_ledger(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    agent.book("10.00 EUR").await.unwrap();
    daemon.stop().await;
    // Behind the daemon's back: what was spent is set to nothing.
    let db = rusqlite::Connection::open(home.paths.ledger()).unwrap();
    assert_ne!(db.execute("UPDATE total SET amount = 0", ()).unwrap(), 0);
    drop(db);
    let daemon = home.start().await;
    let mut control = home.control().await;
    let verified = control.verify_log(v1::VerifyLogRequest {}).await.unwrap().into_inner();
    assert!(verified.fault.contains("table total"), "{verified:?}");
    // The check at the start runs beside the service; it is over soon.
    while control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner().frozen.is_empty()
    {
        tokio::task::yield_now().await;
    }
    let mut agent = home.agent().await;
    let denied = met.expect("LEDGER_UNSAFE", agent.intent(Agent::book_room()).await);
    assert!(denied.message.contains("`mandate status`"), "{denied:?}");
    daemon.stop().await;
    assert!(fs::exists(home.paths.ledger()).unwrap());
}

pub(super) async fn rate(met: &mut Met) {
    let home = home(&format!("[limits]\nrequests_per_s = 1\nburst = 2\n{CAPS}"));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    agent.intent(Agent::book_room()).await.unwrap();
    agent.intent(Agent::book_room()).await.unwrap();
    let denied = met.expect("RATE_LIMITED", agent.intent(Agent::book_room()).await);
    assert!(denied.retry.is_some());
    daemon.stop().await;
}
