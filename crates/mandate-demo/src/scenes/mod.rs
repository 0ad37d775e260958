//! The story, scene by scene. Each one knows what it promises, and fails if anything else happens.

mod abuse;
mod caps;
mod dispute;
mod ending;
mod failure;
mod forgotten;
mod logs;
mod opening;
mod shopping;
mod story;

use crate::error::DemoError;
use crate::home::Home;
use crate::screen::Screen;
use crate::sellers::Sellers;

pub(crate) use opening::{prologue, way_to_a_keyring};

/// Books a room.
const BOOK: &str = "book_room";
/// The call that books one.
const BOOKINGS: &str = "/bookings";

/// Plays every scene. The processes have ended when this returns, or when it is dropped.
///
/// # Errors
///
/// [`DemoError`] with the first thing that is not as promised.
pub(crate) async fn play(home: &Home, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    opening::key(home, screen)?;
    opening::hotels(home, screen)?;
    let (sellers, gateways) = Sellers::open(home).await?;
    opening::gateways(home, (&sellers, &gateways), screen)?;
    let mut stage = opening::rules(home, (&sellers, gateways), screen).await?;
    shopping::search(&mut stage).await?;
    let booking = shopping::booking(&mut stage).await?;
    let forgotten = forgotten::paid(&mut stage).await?;
    abuse::replay(&mut stage, &booking).await?;
    abuse::elsewhere(&mut stage).await?;
    abuse::raised_price(&mut stage).await?;
    abuse::injection(&mut stage).await?;
    failure::refused(&mut stage).await?;
    failure::hung_up(&mut stage).await?;
    failure::retry(&mut stage).await?;
    caps::forty_bookings(&mut stage).await?;
    caps::lowered(&mut stage).await?;
    caps::freeze(&mut stage).await?;
    ending::times(&mut stage).await?;
    forgotten::voided(&mut stage, &forgotten).await?;
    ending::statement(&mut stage).await?;
    let logs = logs::check(&mut stage).await?;
    story::tell(&mut stage, &booking, &logs).await?;
    dispute::rehearse(&mut stage, &booking).await
}

/// Says that nothing is left; by now the folder and the keys were looked for in vain.
///
/// # Errors
///
/// [`DemoError::Screen`].
pub(crate) fn epilogue(screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.say("")?;
    screen.fact("removed", "the processes, the folder and the keys; nothing is left behind")?;
    screen.say("")?;
    screen.say(
        "Agent, wallet and gateways shared one user here, so this shows the rules, not the walls between users: \
         run mandated under a user of its own for those (systemd/).",
    )?;
    screen.say("")
}
