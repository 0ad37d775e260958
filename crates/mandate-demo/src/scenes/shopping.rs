//! The agent shops as it should.

use mandate_host::clock::wall_clock;

use crate::claims;
use crate::error::{DemoError, same};
use crate::stage::{Stage, quote};
use crate::timing;

/// A free action takes one step.
pub(super) async fn search(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "A free search",
        "One intent is enough: one merchant, one action, one minute. The merchant checks it without a call.",
    )?;
    let rail = &stage.home.rail;
    let intent = stage.intent(rail, "search_trains").await?;
    stage.screen.fact("intent", &claims::intent(&intent))?;
    let receipt = rail.sign_receipt(&rail.executed_free(&intent, wall_clock())?)?;
    stage.agent.hand_in(&receipt).await?;
    stage.screen.fact("receipt", &claims::receipt(&receipt))
}

/// A paid action takes two: the merchant commits to a price before the wallet pays.
pub(super) async fn ticket(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "A ticket is bought",
        "The agent names a ceiling, the merchant signs a price, the wallet signs a payment for exactly that \
         cart. Each token names the one before it by its hash.",
    )?;
    let rail = &stage.home.rail;
    let action = "buy_ticket".parse()?;
    let ceiling = Some("60.00 EUR".parse()?);
    let intent = stage.agent.intent(rail, &action, ceiling).await?.granted()?;
    stage.screen.fact("intent", &claims::intent(&intent))?;
    let cart = quote(rail, &intent, ("Paris - Lyon", "49.00 EUR"), |_| ())?;
    stage.screen.fact("cart", &claims::cart(&cart))?;
    let payment = stage.pay(rail, &cart).await?;
    stage.screen.fact("payment", &claims::payment(&payment))?;
    let receipt = stage.execute(rail, &payment, "rail-1001").await?;
    stage.screen.fact("receipt", &claims::receipt(&receipt))?;
    stage.show_budget("49.00 EUR", 0).await
}

/// The same cart gives the same bytes, also after a crash.
pub(super) async fn retry(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "A retry costs nothing",
        "Answers get lost and agents ask again. One cart is one payment: the same bytes, counted once.",
    )?;
    let rail = &stage.home.rail;
    let cart = stage.quoted(rail, "buy_ticket", ("Lyon - Paris", "45.00 EUR")).await?;
    let first = stage.pay(rail, &cart).await?;
    stage.screen.fact(
        "paid",
        &format!("{}, payment {}", first.claims().total, claims::short(first.hash())),
    )?;
    let again = stage.pay(rail, &cart).await?;
    same(&first.as_str(), &again.as_str())?;
    stage
        .screen
        .fact("asked again", &format!("payment {}, the same bytes", claims::short(again.hash())))?;
    let took = stage.crash().await?;
    stage.screen.fact(
        "kill -9",
        &format!(
            "the wallet is killed and started again: process {}, ready after {}",
            stage.daemon.id(),
            timing::shown(took)
        ),
    )?;
    let after = stage.pay(rail, &cart).await?;
    same(&first.as_str(), &after.as_str())?;
    stage
        .screen
        .fact("asked again", &format!("payment {}, the same bytes", claims::short(after.hash())))?;
    stage.execute(rail, &after, "rail-1002").await?;
    stage.show_budget("94.00 EUR", 0).await
}
