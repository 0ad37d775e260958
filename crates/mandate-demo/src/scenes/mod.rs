//! The story, scene by scene. Each one knows what it promises, and fails if anything else happens.

mod caps;
mod carts;
mod ending;
mod opening;
mod shopping;

use crate::error::DemoError;
use crate::home::Home;
use crate::screen::Screen;

pub(crate) use opening::{prologue, way_to_a_keyring};

/// Plays every scene. The wallet's process has ended when this returns, or when it is dropped.
///
/// # Errors
///
/// [`DemoError`] with the first thing that is not as promised.
pub(crate) async fn play(home: &Home, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    opening::key(home, screen)?;
    let mut stage = opening::rules(home, screen).await?;
    shopping::search(&mut stage).await?;
    shopping::ticket(&mut stage).await?;
    shopping::retry(&mut stage).await?;
    carts::raised_price(&mut stage).await?;
    carts::other_action(&mut stage).await?;
    carts::other_signature(&mut stage).await?;
    carts::injection(&mut stage).await?;
    caps::forty_bookings(&mut stage).await?;
    caps::lowered(&mut stage).await?;
    caps::freeze(&mut stage).await?;
    ending::times(&mut stage).await?;
    ending::statement(&mut stage).await?;
    ending::log(&mut stage).await
}

/// Says that nothing is left; by now the folder and the key were looked for in vain.
///
/// # Errors
///
/// [`DemoError::Screen`].
pub(crate) fn epilogue(screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.fact("removed", "the process, the folder and the key; nothing is left behind")?;
    screen.say("")?;
    screen.say(
        "Agent and wallet shared one user here, so this shows the rules, not the walls between users: \
         run mandated under a user of its own for those (systemd/).",
    )?;
    screen.say("")
}
