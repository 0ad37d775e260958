//! The way from an intent to a receipt.

use mandate::token::Status;
use mandate_tests::{Agent, Home, denied};

const CAPS: &str = r#"
[[cap]]
per = "day"
spend = "500.00 EUR"
count = 3
"#;

#[tokio::test]
async fn a_room_is_booked() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;

    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "180.00 EUR", |_| ());
    let payment = agent.pay(&cart).await.unwrap();
    assert_eq!(payment.claims().total, cart.claims().total);
    assert_eq!(payment.claims().cart, cart.hash());
    assert_eq!(payment.claims().intent, intent.hash());
    assert_eq!(agent.spent().await, [(18_000, 1)]);
    // A retry costs nothing.
    assert_eq!(agent.pay(&cart).await.unwrap().as_str(), payment.as_str());
    assert_eq!(agent.spent().await, [(18_000, 1)]);
    assert_eq!(agent.settle(&payment, Status::Executed).await.unwrap(), "executed");
    assert_eq!(denied(agent.pay(&cart).await).reason, "CART_ALREADY_PAID");

    let second = agent.book("180.00 EUR").await.unwrap();
    assert_eq!(agent.settle(&second, Status::Void).await.unwrap(), "void");
    assert_eq!(agent.spent().await, [(18_000, 1)]);
    daemon.stop().await;
}
