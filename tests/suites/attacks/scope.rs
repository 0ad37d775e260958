//! More than was allowed: another action, another merchant, another agent.

use mandate_proto::v1;
use mandate_tests::RIVAL;
use mandate_tests::gateway::Call;

use crate::street::{Street, ask, booking, met, refused};

pub async fn free_intent_for_a_paid_action(street: &mut Street) -> String {
    let intent = street.intent(ask("search_rooms")).await.unwrap();
    met(&street.send(booking().with("mandate-intent", intent.as_str())).await)
}

pub async fn intent_instead_of_a_payment(street: &mut Street) -> String {
    let intent = street.intent(ask("book_room")).await.unwrap();
    met(&street.send(booking().with("mandate-intent", intent.as_str())).await)
}

pub async fn payment_for_another_action(street: &mut Street) -> String {
    let (_, payment) = street.paid().await;
    met(&street.present(&Call::bare("POST", "/cancellations"), &payment).await)
}

pub async fn payment_for_a_free_action(street: &mut Street) -> String {
    let (_, payment) = street.paid().await;
    met(&street.present(&Call::bare("GET", "/rooms"), &payment).await)
}

pub async fn more_units(street: &mut Street) -> String {
    let asked = v1::MintIntentRequest { quantity: 1_001, ..ask("book_room") };
    refused(street.intent(asked).await)
}

pub async fn unlisted_action(street: &mut Street) -> String {
    refused(street.intent(ask("buy_hotel")).await)
}

pub async fn unlisted_merchant(street: &mut Street) -> String {
    let asked = v1::MintIntentRequest { merchant_id: "evil-shop".to_owned(), ..ask("book_room") };
    refused(street.intent(asked).await)
}

pub async fn merchants_own_action_elsewhere(street: &mut Street) -> String {
    let asked = v1::MintIntentRequest { merchant_id: RIVAL.to_owned(), ..ask("book_room") };
    refused(street.intent(asked).await)
}

/// Any program of this machine may try the socket.
pub async fn stranger_at_the_socket(street: &mut Street) -> String {
    let ours = format!("uid = {}", street.home.uid());
    street.rewrite(|text| text.replace(&ours, "uid = 4242")).await;
    refused(street.intent(ask("book_room")).await)
}

/// Two agents of one principal: the second has the first one's cart, and pays it.
pub async fn cart_of_another_agent(street: &mut Street) -> String {
    let cart = street.quote(&booking()).await;
    let ours = format!("name = \"travel\"\nuid = {}", street.home.uid());
    let both = format!(
        "name = \"travel\"\nuid = 4242\n\n[[agent]]\nname = \"shopper\"\nuid = {}",
        street.home.uid()
    );
    street.rewrite(|text| text.replace(&ours, &both)).await;
    refused(street.pay(cart.as_str()).await)
}

/// The name of the agent in a token is the one that the kernel's word belongs to; a header changes nothing.
pub async fn agent_named_by_a_header(street: &mut Street) -> String {
    let (call, payment) = street.paid().await;
    let mut request = call.with("mandate-payment", payment.as_str());
    for (name, value) in [
        ("mandate-agent", "root"),
        ("mandate-principal", "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"),
        ("mandate-total", "0.01 EUR"),
        ("mandate-action", "cancel_room"),
        ("idempotency-key", "mine"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let answered = street.send(request).await;
    let heard = street.api.heard();
    assert_eq!(heard[0].header("mandate-total"), Some("9.00 EUR"));
    assert_eq!(heard[0].header("idempotency-key"), Some(&*payment.hash().to_string()));
    let agent = heard[0].header("mandate-agent").unwrap();
    format!("{} as the agent {agent}", met(&answered))
}

/// The principal takes the agent off the list between the cart and its payment.
pub async fn agent_whose_consent_ended(street: &mut Street) -> String {
    let cart = street.quote(&booking()).await;
    let name = "name = \"travel\"";
    street.rewrite(|text| text.replace(name, &format!("{name}\nuntil = 2020-01-01"))).await;
    refused(street.pay(cart.as_str()).await)
}

/// The same with the merchant.
pub async fn merchant_whose_consent_ended(street: &mut Street) -> String {
    let cart = street.quote(&booking()).await;
    let id = "id = \"lux-hotels\"";
    street.rewrite(|text| text.replace(id, &format!("{id}\nuntil = 2020-01-01"))).await;
    refused(street.pay(cart.as_str()).await)
}
