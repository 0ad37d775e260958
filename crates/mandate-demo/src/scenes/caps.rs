//! Caps that hold against a loop, follow their file, and a freeze above all of them.

use std::time::{Duration, Instant};

use mandate::Mandate;
use mandate::digest::PolicyDigest;
use mandate_policy::Reason;
use mandate_proto::v1;
use tokio::time::{MissedTickBehavior, interval};

use super::{BOOK, BOOKINGS};
use crate::answer::Answer;
use crate::error::{DemoError, same};
use crate::home::write;
use crate::rules::{self, BOOKINGS_MAX};
use crate::stage::Stage;
use crate::timing;

/// How often the agent books.
const TRIES: usize = 40;
/// How many of them at the same time; the wallet takes 32 calls of one agent.
const AT_ONCE: usize = 20;
/// One night in the attic.
const ATTIC: &str = r#"{"room": "7", "nights": 1}"#;
/// One night in the garden room.
const NIGHT: &str = r#"{"room": "12", "nights": 1}"#;
/// Two nights in it.
const TWO_NIGHTS: &str = r#"{"room": "12", "nights": 2}"#;
/// Longest wait for an edited wallet.toml to come into force; only a broken wallet takes so long.
const RELOAD_WAIT: Duration = Duration::from_secs(10);
/// How often the wallet is asked whether it has.
const RELOAD_POLL: Duration = Duration::from_millis(5);

/// An agent that lost track.
pub(super) async fn forty_bookings(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "Forty bookings in a loop",
            "The agent lost track and books at sea-view forty times, twenty at once. Ada allows three a day there.",
        )
        .await?;
    let sea = &stage.sellers.sea;
    let mut carts = Vec::new();
    for _ in 0..TRIES {
        carts.push(stage.quoted(sea, (BOOK, BOOKINGS, ATTIC)).await?);
    }
    let (mut payments, mut denials) = (Vec::new(), Vec::new());
    for carts in carts.chunks(AT_ONCE) {
        for answer in stage.agent.pay_all(carts.iter().map(Mandate::as_str)).await? {
            match answer {
                Answer::Granted(payment) => payments.push(payment),
                denied @ Answer::Denied(_) => denials.push(denied.denied(Reason::CountExceeded)?),
            }
        }
    }
    same(&BOOKINGS_MAX, &payments.len())?;
    same(&TRIES, &payments.len().saturating_add(denials.len()))?;
    for payment in &payments {
        stage.buy(sea, (BOOKINGS, ATTIC), payment).await?;
    }
    let paid = format!("{} of {TRIES}", payments.len());
    stage.screen.granted(&paid, "paid, 32.00 EUR each, and booked")?;
    if let Some(denied) = denials.first() {
        stage.screen.refused(&format!("{} of {TRIES}", denials.len()), denied)?;
    }
    stage.show_budget("380.00 EUR", 3, 1).await
}

/// Ada lowers a cap while the wallet runs.
pub(super) async fn lowered(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "A cap is lowered",
            "Ada edits wallet.toml while the wallet runs: 460.00 EUR a day. What was spent stays spent.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let cart = stage.quoted(lux, (BOOK, BOOKINGS, TWO_NIGHTS)).await?;
    let before = stage.budget("380.00 EUR", 3).await?;
    same(&"120.00 EUR", &before.left.to_string().as_str())?;
    same(&"94.00 EUR", &cart.claims().total.to_string().as_str())?;
    stage.screen.fact("before", "a cart for 94.00 EUR; 120.00 EUR are left, it would fit")?;
    let home = stage.home;
    let text = rules::toml(home, stage.sellers.doors(), "460.00 EUR".parse()?);
    let took = in_force(stage, write(home.paths.config(), &text)?).await?;
    stage
        .screen
        .fact("edited", &format!("in force {} after the file was saved", timing::shown(took)))?;
    stage.show_no_pay("the cart for 94.00 EUR", cart.as_str(), Reason::CapExceeded).await?;
    stage.show_budget("380.00 EUR", 3, 1).await
}

/// Waits until the wallet obeys the file of this digest; says how long that took.
async fn in_force(
    stage: &mut Stage<'_, '_, '_>,
    digest: PolicyDigest,
) -> Result<Duration, DemoError> {
    let start = Instant::now();
    let mut ticks = interval(RELOAD_POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let status = stage.status().await?;
        same(&"", &status.policy_problem.as_str())?;
        let took = start.elapsed();
        if status.policy_digest == digest.to_string() {
            return Ok(took);
        }
        if took > RELOAD_WAIT {
            return Err(DemoError::differs(&digest, &status.policy_digest));
        }
    }
}

/// Ada stops everything, and lets it go on.
pub(super) async fn freeze(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "Freeze",
            "One word from Ada stops every mint at once and for as long as she likes; only she can end it.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    let cart = stage.quoted(lux, (BOOK, BOOKINGS, NIGHT)).await?;
    let ask = v1::FreezeRequest { scope: None, reason: "the agent books in a loop".to_owned() };
    let frozen = Answer::of(stage.control.freeze(ask).await)?.granted()?.into_inner();
    same(&"a durable freeze", &if frozen.durable { "a durable freeze" } else { "a passing one" })?;
    stage.screen.fact("mandate", "freeze: written down, and in force")?;
    stage.show_no_intent(lux.id.as_str(), "search_rooms", Reason::Frozen).await?;
    stage.show_no_pay("a cart from before the freeze", cart.as_str(), Reason::Frozen).await?;
    let thaw = v1::ThawRequest { scope: None, clock: false };
    Answer::of(stage.control.thaw(thaw).await)?.granted()?;
    stage.screen.fact("mandate", "thaw")?;
    let payment = stage.show_pay(&cart).await?;
    stage.buy(lux, (BOOKINGS, NIGHT), &payment).await?;
    stage.show_budget("427.00 EUR", 3, 1).await
}
