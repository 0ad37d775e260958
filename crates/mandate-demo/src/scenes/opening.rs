//! A key, and the rules it signs under.

use mandate::PrincipalId;

use crate::error::DemoError;
use crate::home::Home;
use crate::screen::Screen;
use crate::stage::Stage;
use crate::timing;

/// What may be spent in a day, at first.
const PER_DAY: &str = "500.00 EUR";

/// Says what is about to be seen.
///
/// # Errors
///
/// [`DemoError::Screen`].
pub(crate) fn prologue(screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.say(
        "mandate-demo: an AI agent shops while Ada is away. Her wallet signs what she allowed, nothing else.",
    )?;
    screen.say(
        "Wallet, keyring, ledger and signatures are real, the merchants are played; every line is checked.",
    )?;
    screen.scene(
        "Ada's key",
        "It signs every mandate. It is made in the system's keyring and never written to a file.",
    )
}

/// Says how to come by a keyring, where none answers.
///
/// # Errors
///
/// [`DemoError::Screen`].
pub(crate) fn way_to_a_keyring(screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.say("")?;
    screen.say(
        "No keyring takes a key here, and a key in a file would be no secret. One of these helps:",
    )?;
    screen.fact("desktop", "log in, and unlock the login keyring (GNOME Keyring, KWallet)")?;
    screen.fact("server", "nothing to set up: the kernel's own keyring is enough (CONFIG_KEYS)")?;
    screen.fact(
        "container",
        "let its seccomp profile pass add_key and keyctl, as in \
         `docker run --security-opt seccomp=unconfined`",
    )
}

/// Where the key is, and what becomes of it.
pub(super) fn key(home: &Home, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.fact("keyring", &format!("{}, as account {}", home.store, home.account()))?;
    screen.fact("", &format!("({})", home.store.durability()))?;
    screen.fact("principal", PrincipalId::from_key(&home.public_key).as_str())
}

/// wallet.toml, and the wallet that obeys it.
pub(super) async fn rules<'h, 's, 'o>(
    home: &'h Home,
    screen: &'s mut Screen<'o>,
) -> Result<Stage<'h, 's, 'o>, DemoError> {
    screen.scene(
        "Ada's rules",
        "wallet.toml is the one file she writes. Who, where, what or which currency it does not list is refused.",
    )?;
    let text = home.toml(PER_DAY.parse()?);
    home.write(&text)?;
    screen.file(&text)?;
    let (stage, took) = Stage::open(home, screen).await?;
    let (id, took) = (stage.daemon.id(), timing::shown(took));
    stage.screen.fact(
        "wallet",
        &format!("process {id}, ready after {took}, in {}", home.folder().display()),
    )?;
    Ok(stage)
}
