//! What goes wrong by itself: an API that refuses, an API that dies, a wallet that dies.

use http::StatusCode;
use mandate::token::Status;
use mandate_gateway::Reason;

use super::{BOOK, BOOKINGS};
use crate::api::{Fault, Seen};
use crate::call::{Call, With};
use crate::claims::short;
use crate::error::{DemoError, same};
use crate::stage::Stage;
use crate::timing;

/// One night in the garden room.
const NIGHT: &str = r#"{"room": "12", "nights": 1}"#;
/// One night in the attic.
const ATTIC: &str = r#"{"room": "7", "nights": 1}"#;

/// The API says no.
pub(super) async fn refused(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "The hotel has no room left",
            "Paid, and then the API refuses. The gateway passes the refusal on with a signed void: the money is \
             Ada's again as soon as her wallet has it.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let payment = stage.show_prepaid(lux, (BOOK, BOOKINGS, NIGHT)).await?;
    stage.show_budget("252.00 EUR", 0, 2).await?;
    stage.sellers.api.hotel().fault = Some(Fault::SoldOut);
    let call = Call::post(BOOKINGS, NIGHT, With::Payment(&payment));
    let reply = stage.show_call(lux, call).await?;
    let void = reply.receipt(StatusCode::UNPROCESSABLE_ENTITY)?;
    same(&Status::Void, &void.claims().status)?;
    stage.show_hand_in(&void).await?;
    stage.show_budget("205.00 EUR", 0, 1).await
}

/// The API executes a call and dies before it answers.
pub(super) async fn hung_up(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "The hotel's API dies in the middle",
            "It books the room and hangs up. Nobody knows whether it did, so nothing is void and nothing is given \
             back; the agent sends the same again, and the API knows the call by its Idempotency-Key.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let payment = stage.show_prepaid(lux, (BOOK, BOOKINGS, NIGHT)).await?;
    let since = stage.sellers.api.hotel().seen();
    stage.sellers.api.hotel().fault = Some(Fault::HangsUp);
    let call = Call::post(BOOKINGS, NIGHT, With::Payment(&payment));
    let reply = stage.show_call(lux, call).await?;
    reply.refused(Reason::UpstreamFailed)?;
    same(&"no receipt", &reply.receipt.map_or("no receipt", |_| "a receipt"))?;
    let receipt = stage.show_call(lux, call).await?.receipt(StatusCode::CREATED)?;
    same(&Status::Executed, &receipt.claims().status)?;
    stage.show_reached(since, Seen { calls: 2, executed: 1 })?;
    stage.show_hand_in(&receipt).await?;
    stage.show_budget("252.00 EUR", 0, 1).await
}

/// The same cart gives the same bytes, also after a crash.
pub(super) async fn retry(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "The wallet dies in the middle",
            "Answers get lost and agents ask again. One cart is one payment: the same bytes, counted once, also by \
             a wallet that was killed in between.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let cart = stage.quoted(lux, (BOOK, BOOKINGS, ATTIC)).await?;
    let first = stage.show_pay(&cart).await?;
    let again = stage.pay(&cart).await?;
    same(&first.as_str(), &again.as_str())?;
    stage
        .screen
        .fact("asked again", &format!("payment {}, the same bytes", short(again.hash())))?;
    let took = stage.crash().await?;
    stage.screen.fact(
        "kill -9",
        &format!(
            "the wallet is killed and started again: process {}, ready after {}",
            stage.wallet.id(),
            timing::shown(took)
        ),
    )?;
    let after = stage.pay(&cart).await?;
    same(&first.as_str(), &after.as_str())?;
    stage
        .screen
        .fact("asked again", &format!("payment {}, the same bytes", short(after.hash())))?;
    stage.buy(lux, (BOOKINGS, ATTIC), &after).await?;
    stage.show_budget("284.00 EUR", 0, 1).await
}
