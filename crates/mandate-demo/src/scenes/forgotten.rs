//! A payment that nobody presents, told in two parts: it takes its time to be given back.

use std::time::Duration;

use http::StatusCode;
use mandate::discovery::RECEIPTS_PATH;
use mandate::token::Status;
use mandate::{CLOCK_SKEW_S, Mandate, Payment};
use mandate_gateway::Reason;
use mandate_host::clock::wall_clock;

use super::{BOOK, BOOKINGS};
use crate::api::Seen;
use crate::call::{Call, With};
use crate::error::{DemoError, same};
use crate::rules::PAYMENT_LIFE_S;
use crate::stage::Stage;

/// What is paid for and not called.
const STAY: &str = r#"{"room": "7", "nights": 1}"#;
/// The pause before each scene while the payment's time passes.
const PACE: Duration = Duration::from_millis(2_700);

/// It is paid, and no call follows.
pub(super) async fn paid(stage: &mut Stage<'_, '_, '_>) -> Result<Mandate<Payment>, DemoError> {
    stage
        .scene(
            "A payment that nobody presents",
            "The agent pays for the attic and forgets to book it. What is signed counts as spent, until the hotel \
             signs that it will never be used; no timer and no word of the agent gives it back.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let payment = stage.show_prepaid(lux, (BOOK, BOOKINGS, STAY)).await?;
    let path = receipt_of(&payment);
    let call = Call::post(&path, "", With::Payment(&payment));
    stage.show_call(lux, call).await?.refused(Reason::NotExpired)?;
    stage.show_budget("126.00 EUR", 0, 1).await?;
    stage.screen.fact(
        "later",
        &format!(
            "it lives {PAYMENT_LIFE_S} s, and clocks may differ by {CLOCK_SKEW_S} s; the story goes on \
             meanwhile and comes back to it"
        ),
    )?;
    stage.pace = PACE;
    Ok(payment)
}

/// Its time is over, and the hotel signs a void: what `mandate settle` asks for.
pub(super) async fn voided(
    stage: &mut Stage<'_, '_, '_>,
    payment: &Mandate<Payment>,
) -> Result<(), DemoError> {
    stage
        .scene(
            "Back to the payment that nobody presented",
            "Its time is over. The hotel signs a void for it, as `mandate settle` asks for, and the amount is \
             Ada's again. A void is for ever: whoever finds the payment now can do nothing with it.",
        )
        .await?;
    stage.pace = Duration::ZERO;
    let ends = payment.claims().exp.plus(CLOCK_SKEW_S);
    let left_s = ends.plus(1).since(wall_clock());
    if left_s > 0 {
        stage.screen.fact("waiting", &format!("{left_s} s more"))?;
        tokio::time::sleep(Duration::from_secs(left_s)).await;
    }
    let lux = &stage.sellers.lux;
    let path = receipt_of(payment);
    let call = Call::post(&path, "", With::Payment(payment));
    let void = stage.show_call(lux, call).await?.receipt(StatusCode::OK)?;
    same(&Status::Void, &void.claims().status)?;
    stage.show_hand_in(&void).await?;
    let since = stage.sellers.api.hotel().seen();
    let call = Call::post(BOOKINGS, STAY, With::Payment(payment));
    let again = stage.show_call(lux, call).await?.receipt(StatusCode::OK)?;
    same(&void.as_str(), &again.as_str())?;
    stage.show_reached(since, Seen::default())?;
    stage.show_budget("420.00 EUR", 3, 0).await
}

/// Where a merchant tells what became of a payment.
fn receipt_of(payment: &Mandate<Payment>) -> String {
    format!("{RECEIPTS_PATH}/{}", payment.hash())
}
