//! The agent shops as it should: a search, then a room, step by step.

use http::StatusCode;
use mandate::token::Status;
use mandate::{Cart, Intent, Mandate, Money, Payment, Receipt};
use mandate_gateway::Reason;

use super::{BOOK, BOOKINGS};
use crate::api::Seen;
use crate::call::{Call, With};
use crate::claims;
use crate::error::{DemoError, same};
use crate::stage::Stage;

/// The room that is booked.
pub(super) const STAY: &str = r#"{"room": "12", "nights": 2}"#;

/// One booking: its four tokens.
#[derive(Debug)]
pub(super) struct Booking {
    pub(super) intent: Mandate<Intent>,
    pub(super) cart: Mandate<Cart>,
    pub(super) payment: Mandate<Payment>,
    pub(super) receipt: Mandate<Receipt>,
}

/// A free action takes one step.
pub(super) async fn search(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "A free search",
            "Without a mandate nothing is answered. One intent is enough for what costs nothing: one merchant, \
             one action, one minute. The gateway checks it without calling anyone.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let call = Call::get("/rooms", With::Nothing);
    stage.show_call(lux, call).await?.refused(Reason::MandateRequired)?;
    let intent = stage.show_intent(lux, "search_rooms", None).await?;
    let call = Call::get("/rooms", With::Intent(&intent));
    let receipt = stage.show_call(lux, call).await?.receipt(StatusCode::OK)?;
    stage.show_hand_in(&receipt).await
}

/// A paid action takes two steps: the merchant commits to a price before the wallet pays.
pub(super) async fn booking(stage: &mut Stage<'_, '_, '_>) -> Result<Booking, DemoError> {
    let (intent, cart) = promise(stage).await?;
    let payment = pay(stage, &cart).await?;
    let receipt = book(stage, &payment).await?;
    Ok(Booking { intent, cart, payment, receipt })
}

async fn promise(
    stage: &mut Stage<'_, '_, '_>,
) -> Result<(Mandate<Intent>, Mandate<Cart>), DemoError> {
    stage
        .scene(
            "A price is promised",
            "The agent asks for two nights and shows an intent. The gateway asks the API for the price and \
             answers with a cart: a price that the hotel signed, for exactly this request.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let intent = stage.show_intent(lux, BOOK, None).await?;
    let call = Call::post(BOOKINGS, STAY, With::Intent(&intent));
    let reply = stage.show_call(lux, call).await?;
    reply.refused(Reason::PaymentRequired)?;
    let cart = reply.cart()?;
    stage.screen.fact("cart", &claims::cart(&cart))?;
    let claims = cart.claims();
    for line in &claims.line_items {
        let amount = Money { amount: line.amount, ..claims.total };
        stage.screen.fact("", &format!("{} x {}: {amount}", line.quantity, line.title))?;
    }
    Ok((intent, cart))
}

async fn pay(
    stage: &mut Stage<'_, '_, '_>,
    cart: &Mandate<Cart>,
) -> Result<Mandate<Payment>, DemoError> {
    stage
        .scene(
            "The cart is paid",
            "The wallet checks the hotel's signature and Ada's caps, writes the amount down, and only then signs \
             a payment for exactly that cart. Each token names the one before it by its hash.",
        )
        .await?;
    let payment = stage.show_pay(cart).await?;
    stage.show_budget("94.00 EUR", 0, 1).await?;
    Ok(payment)
}

async fn book(
    stage: &mut Stage<'_, '_, '_>,
    payment: &Mandate<Payment>,
) -> Result<Mandate<Receipt>, DemoError> {
    stage
        .scene(
            "The room is booked",
            "The same request again, now with the payment. The gateway writes down that it is used, passes the \
             call on, and signs what became of it.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let call = Call::post(BOOKINGS, STAY, With::Payment(payment));
    let receipt = stage.show_call(lux, call).await?.receipt(StatusCode::CREATED)?;
    same(&Status::Executed, &receipt.claims().status)?;
    stage.show_reached(Seen::default(), Seen { calls: 1, executed: 1 })?;
    stage.show_hand_in(&receipt).await?;
    stage.show_budget("94.00 EUR", 0, 0).await?;
    Ok(receipt)
}
