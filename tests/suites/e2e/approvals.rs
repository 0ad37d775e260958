//! A call that waits for the principal, and what ends the wait.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use mandate::{Cart, Mandate};
use mandate_ledger::Hook;
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::{Agent, Home, denied};
use prost_types::Duration;
use tonic::transport::Channel;
use tonic::{Response, Status};

const RULES: &str = r#"
[[cap]]
per = "day"
spend = "500.00 EUR"

[[approval]]
above = "100.00 EUR"
"#;

type Paid = Result<Response<v1::MintPaymentResponse>, Status>;

/// Longer than a test takes.
const LONG: Duration = Duration { seconds: 600, nanos: 0 };
/// Longer than an answer takes, and over while somebody watches.
const PATIENCE: Duration = Duration { seconds: 30, nanos: 0 };
/// Over at once.
const SHORT: Duration = Duration { seconds: 0, nanos: 1_000_000 };

async fn cart(agent: &mut Agent<'_>) -> Mandate<Cart> {
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    agent.cart(&intent, "180.00 EUR", |_| ())
}

fn ask(cart: &Mandate<Cart>, wait: Duration) -> v1::MintPaymentRequest {
    v1::MintPaymentRequest { cart: cart.as_str().to_owned(), approval_wait: Some(wait) }
}

/// The request that waits, as soon as it does.
async fn waiting(control: &mut ControlClient<Channel>) -> v1::Approval {
    loop {
        let list = control.list_approvals(v1::ListApprovalsRequest::default()).await.unwrap();
        if let Some(approval) = list.into_inner().approvals.pop() {
            return approval;
        }
        tokio::task::yield_now().await;
    }
}

/// Asks for the payment of a cart, and once the call waits for the principal, does what happens meanwhile.
async fn meanwhile<T>(
    agent: &Agent<'_>,
    control: &mut ControlClient<Channel>,
    (cart, wait): (&Mandate<Cart>, Duration),
    happens: impl AsyncFnOnce(&mut ControlClient<Channel>, v1::Approval) -> T,
) -> (Paid, T) {
    let mut wallet = agent.wallet.clone();
    let asking = wallet.mint_payment(ask(cart, wait));
    let happening = async {
        let approval = waiting(control).await;
        happens(control, approval).await
    };
    tokio::join!(asking, happening)
}

async fn answer(control: &mut ControlClient<Channel>, seq: u64, approve: bool) {
    control.decide_approval(v1::DecideApprovalRequest { seq, approve }).await.unwrap();
}

#[tokio::test]
async fn a_call_that_waits_is_answered_when_the_principal_is() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(RULES));
    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    for approve in [true, false] {
        let cart = cart(&mut agent).await;
        let answers = async |control: &mut ControlClient<Channel>, approval: v1::Approval| {
            assert_eq!(
                (approval.cart.as_str(), approval.agent.as_str()),
                (cart.as_str(), "travel")
            );
            answer(control, approval.seq, approve).await;
        };
        let (paid, ()) = meanwhile(&agent, &mut control, (&cart, LONG), answers).await;
        if approve {
            assert_eq!(paid.unwrap().into_inner().total.unwrap().minor_units, 18_000);
        } else {
            assert_eq!(denied(paid).reason, "APPROVAL_DENIED");
        }
    }
    assert_eq!(agent.spent().await, [(18_000, 1)]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_yes_to_who_is_no_agent_any_more_mints_nothing() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(RULES));
    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    let cart = cart(&mut agent).await;
    let happens = async |control: &mut ControlClient<Channel>, approval: v1::Approval| {
        let other = fs::canonicalize("/bin/sh").unwrap();
        let uid = format!("uid = {}\n", home.uid());
        let listed = format!("{uid}exe = \"{}\"\n", other.display());
        home.write(&home.toml(RULES).replace(&uid, &listed));
        control.reload(v1::ReloadRequest {}).await.unwrap();
        answer(control, approval.seq, true).await;
    };
    let (paid, ()) = meanwhile(&agent, &mut control, (&cart, PATIENCE), happens).await;
    assert_eq!(denied(paid).reason, "AGENT_UNKNOWN");
    home.write(&home.toml(RULES));
    control.reload(v1::ReloadRequest {}).await.unwrap();
    assert_eq!(agent.spent().await, [(0, 0)]);
    agent.pay(&cart).await.expect("the yes stands");
    daemon.stop().await;
}

#[tokio::test]
async fn a_yes_without_a_key_reserves_nothing() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(RULES));
    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    let cart = cart(&mut agent).await;
    let happens = async |control: &mut ControlClient<Channel>, approval: v1::Approval| {
        control.lock(v1::LockRequest {}).await.unwrap();
        home.lose_the_key();
        control.unlock(v1::UnlockRequest {}).await.unwrap();
        answer(control, approval.seq, true).await;
    };
    let (paid, ()) = meanwhile(&agent, &mut control, (&cart, PATIENCE), happens).await;
    assert_eq!(denied(paid).reason, "KEY_UNAVAILABLE");
    assert_eq!(agent.spent().await, [(0, 0)]);
    daemon.stop().await;
}

#[tokio::test]
async fn a_yes_reaches_who_waits_though_its_giver_hung_up() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(RULES));
    // The disk stops once it is told to, says that it did, and goes on when it may.
    let stops = Arc::new(AtomicBool::new(false));
    let (stopped, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (seen, may_go_on) = (Arc::clone(&stops), Mutex::new(may_go_on));
    let hook: Hook = Arc::new(move || {
        if seen.swap(false, Ordering::SeqCst) {
            stopped.send(()).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
        }
        None
    });
    let daemon = home.start_with(|config| config.ledger.hooks.before_commit = Some(hook)).await;
    let daemon = daemon.unwrap();
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    let cart = cart(&mut agent).await;
    let happens = async |control: &mut ControlClient<Channel>, approval: v1::Approval| {
        stops.store(true, Ordering::SeqCst);
        tokio::select! {
            answered = answer(control, approval.seq, true) => panic!("{answered:?}"),
            begun = begun.recv() => begun.unwrap(),
        }
        // Answers on the same connection tell that the daemon heard of the end of that call.
        for _ in 0..16 {
            let explained = control.explain(v1::ExplainRequest::default()).await;
            assert!(explained.is_err(), "it asks about nothing");
        }
        go_on.send(()).unwrap();
    };
    let (paid, ()) = meanwhile(&agent, &mut control, (&cart, PATIENCE), happens).await;
    assert_eq!(paid.unwrap().into_inner().total.unwrap().minor_units, 18_000);
    daemon.stop().await;
}

#[tokio::test]
async fn a_wait_ends_with_its_time_with_its_client_and_with_the_daemon() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(RULES));
    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    let cart = cart(&mut agent).await;
    let refused = denied(agent.wallet.mint_payment(ask(&cart, SHORT)).await);
    assert_eq!(refused.reason, "APPROVAL_REQUIRED");
    let approval = waiting(&mut control).await;
    // Whoever hangs up has been put before the principal all the same, and has nothing minted.
    {
        let mut wallet = agent.wallet.clone();
        let asking = wallet.mint_payment(ask(&cart, LONG));
        tokio::select! {
            answered = asking => panic!("{answered:?}"),
            again = waiting(&mut control) => assert_eq!(again.seq, approval.seq),
        }
    }
    assert_eq!(agent.spent().await, [(0, 0)]);
    let mut wallet = agent.wallet.clone();
    let asking = tokio::spawn(async move { wallet.mint_payment(ask(&cart, LONG)).await });
    daemon.stop().await;
    assert!(asking.await.unwrap().is_err(), "nothing was approved");
}
