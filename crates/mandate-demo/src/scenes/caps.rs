//! Caps that hold against a loop, follow their file, and a freeze above all of them.

use std::time::{Duration, Instant};

use mandate::digest::PolicyDigest;
use mandate_policy::Reason;
use mandate_proto::v1;
use tokio::time::{MissedTickBehavior, interval};

use crate::answer::Answer;
use crate::error::{DemoError, same};
use crate::stage::Stage;
use crate::timing;

/// How often the agent books.
const BOOKINGS: usize = 40;
/// How many of them at the same time; the wallet takes 32 calls of one agent.
const AT_ONCE: usize = 20;
/// How many Ada allows in a day.
const BOOKINGS_MAX: usize = 3;
/// Longest wait for an edited wallet.toml to come into force; only a broken wallet takes so long.
const RELOAD_WAIT: Duration = Duration::from_secs(10);
/// How often the wallet is asked whether it has.
const RELOAD_POLL: Duration = Duration::from_millis(5);

/// An agent that lost track.
pub(super) async fn forty_bookings(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "Forty bookings in a loop",
        "The agent lost track and books a room forty times, twenty at once. Ada allows three a day.",
    )?;
    let hotels = &stage.home.hotels;
    let mut carts = Vec::new();
    for _ in 0..BOOKINGS {
        carts.push(stage.quoted(hotels, "book_room", ("Room, 1 night", "90.00 EUR")).await?);
    }
    let (mut payments, mut denials) = (Vec::new(), Vec::new());
    for carts in carts.chunks(AT_ONCE) {
        for answer in stage.agent.pay_all(hotels, carts).await? {
            match answer {
                Answer::Granted(payment) => payments.push(payment),
                denied @ Answer::Denied(_) => denials.push(denied.denied(Reason::CountExceeded)?),
            }
        }
    }
    same(&BOOKINGS_MAX, &payments.len())?;
    same(&BOOKINGS, &payments.len().saturating_add(denials.len()))?;
    for (payment, order) in payments.iter().zip(["lux-1", "lux-2", "lux-3"]) {
        stage.execute(hotels, payment, order).await?;
    }
    stage.screen.granted(&format!("{} of {BOOKINGS}", payments.len()), "paid, 90.00 EUR each")?;
    if let Some(denied) = denials.first() {
        stage.screen.refused(&format!("{} of {BOOKINGS}", denials.len()), denied)?;
    }
    stage.show_budget("364.00 EUR", 3).await
}

/// Ada lowers a cap while the wallet runs.
pub(super) async fn lowered(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "A cap is lowered",
        "Ada edits wallet.toml while the wallet runs: 400.00 EUR a day. What was spent stays spent.",
    )?;
    let rail = &stage.home.rail;
    let cart = stage.quoted(rail, "buy_ticket", ("Night train to Nice", "120.00 EUR")).await?;
    let before = stage.budget("364.00 EUR", 3).await?;
    same(&"136.00 EUR", &before.left.to_string().as_str())?;
    stage.screen.fact("before", "a cart for 120.00 EUR; 136.00 EUR are left, it would fit")?;
    let home = stage.home;
    let digest = home.write(&home.toml("400.00 EUR".parse()?))?;
    let took = in_force(stage, digest).await?;
    stage
        .screen
        .fact("edited", &format!("in force {} after the file was saved", timing::shown(took)))?;
    let denied = stage.agent.pay(rail, &cart).await?.denied(Reason::CapExceeded)?;
    stage.screen.refused("payment", &denied)?;
    stage.show_budget("364.00 EUR", 3).await
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
        let status = Answer::of(stage.control.get_status(v1::GetStatusRequest {}).await)?;
        let status = status.granted()?.into_inner();
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
    stage.screen.scene(
        "Freeze",
        "One word from Ada stops every mint at once and for as long as she likes; only she can end it.",
    )?;
    let rail = &stage.home.rail;
    let cart = stage.quoted(rail, "buy_ticket", ("Lyon day pass", "11.00 EUR")).await?;
    let ask = v1::FreezeRequest { scope: None, reason: "the agent books in a loop".to_owned() };
    let frozen = Answer::of(stage.control.freeze(ask).await)?.granted()?.into_inner();
    same(&"a durable freeze", &if frozen.durable { "a durable freeze" } else { "a passing one" })?;
    let denied = stage.agent.intent(rail, &"search_trains".parse()?, None).await?;
    stage.screen.refused("free search", &denied.denied(Reason::Frozen)?)?;
    let denied = stage.agent.pay(rail, &cart).await?.denied(Reason::Frozen)?;
    stage.screen.refused("payment", &denied)?;
    let thaw = v1::ThawRequest { scope: None, clock: false };
    Answer::of(stage.control.thaw(thaw).await)?.granted()?;
    let payment = stage.pay(rail, &cart).await?;
    stage.execute(rail, &payment, "rail-1003").await?;
    let total = payment.claims().total;
    stage.screen.granted("thawed", &format!("the same cart, {total}"))?;
    stage.show_budget("375.00 EUR", 3).await
}
