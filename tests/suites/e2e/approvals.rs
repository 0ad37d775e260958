//! A call that waits for the principal, and what ends the wait.

use mandate::{Cart, Mandate};
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::{Agent, Home, denied};
use prost_types::Duration;
use tonic::transport::Channel;

const RULES: &str = r#"
[[cap]]
per = "day"
spend = "500.00 EUR"

[[approval]]
above = "100.00 EUR"
"#;

/// Longer than a test takes.
const LONG: Duration = Duration { seconds: 600, nanos: 0 };
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

#[tokio::test]
async fn a_call_that_waits_is_answered_when_the_principal_is() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(RULES));
    let daemon = home.start().await;
    let (mut agent, mut control) = (home.agent().await, home.control().await);
    for approve in [true, false] {
        let cart = cart(&mut agent).await;
        let mut wallet = agent.wallet.clone();
        let asking = wallet.mint_payment(ask(&cart, LONG));
        let answering = async {
            let approval = waiting(&mut control).await;
            assert_eq!(
                (approval.cart.as_str(), approval.agent.as_str()),
                (cart.as_str(), "travel")
            );
            control.decide_approval(v1::DecideApprovalRequest { seq: approval.seq, approve }).await
        };
        let (paid, answered) = tokio::join!(asking, answering);
        answered.unwrap();
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
