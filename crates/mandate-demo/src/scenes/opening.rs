//! Keys, two hotels behind their gateways, and the rules that the wallet signs under.

use mandate::discovery;

use crate::error::DemoError;
use crate::home::{Home, write};
use crate::rules;
use crate::screen::Screen;
use crate::sellers::{Gateways, Sellers};
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
        "mandate-demo: an AI agent shops while Ada is away. Her wallet signs what she allowed and nothing \
         else; the hotels' gateways let through what her wallet signed and nothing else.",
    )?;
    screen.say(
        "Wallet, gateways, keys, journals and signatures are real, each side in a process of its own; the \
         hotels' API, the agent and the cheats at the end are played. Every line is checked. It takes about 40 seconds: one payment \
         has to run out, and the scenes are told at a pace that fills that time.",
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
    screen.fact("keyring", &format!("{}, as account {}", home.key.store, home.key.account()))?;
    screen.fact("", &format!("({})", home.key.store.durability()))?;
    screen.fact("principal", home.principal().as_str())
}

/// What stands before a hotel's API.
pub(super) fn hotels(home: &Home, screen: &mut Screen<'_>) -> Result<(), DemoError> {
    screen.scene(
        "Two hotels",
        "Each puts a gateway before the API that it has. gateway.toml says what is sold, at which call, at \
         which price, and to whom.",
    )?;
    for shop in [&home.lux, &home.sea] {
        screen.fact("key", &format!("that of {}, as account {}", shop.id, shop.key.account()))?;
    }
    Ok(())
}

/// The gateways that run, and what they publish.
pub(super) fn gateways(
    home: &Home,
    (sellers, gateways): (&Sellers, &Gateways),
    screen: &mut Screen<'_>,
) -> Result<(), DemoError> {
    let api = sellers.api.address;
    screen.file(&home.lux.toml(api, &home.principal()))?;
    screen.fact("hotel's API", &format!("{api}; the booking system that both hotels use"))?;
    for (door, process) in sellers.doors().into_iter().zip([&gateways.lux, &gateways.sea]) {
        screen.fact(
            "gateway",
            &format!("process {} of {}, on http://{}", process.id(), door.id, door.address),
        )?;
    }
    let path = discovery::PATH;
    screen.fact(
        "published",
        &format!("the key of each, at {path}; Ada compares it and lists it in her rules"),
    )
}

/// wallet.toml, and the wallet that obeys it.
pub(super) async fn rules<'h, 's, 'o>(
    home: &'h Home,
    (sellers, gateways): (&'h Sellers, Gateways),
    screen: &'s mut Screen<'o>,
) -> Result<Stage<'h, 's, 'o>, DemoError> {
    screen.scene(
        "Ada's rules",
        "wallet.toml is the one file she writes. Who, where, what or which currency it does not list is refused.",
    )?;
    let text = rules::toml(home, sellers.doors(), PER_DAY.parse()?);
    write(home.paths.config(), &text)?;
    screen.file(&text)?;
    let (stage, took) = Stage::open(home, (sellers, gateways), screen).await?;
    let (id, took) = (stage.wallet.id(), timing::shown(took));
    stage.screen.fact(
        "wallet",
        &format!("process {id}, ready after {took}, in {}", home.folder().display()),
    )?;
    Ok(stage)
}
