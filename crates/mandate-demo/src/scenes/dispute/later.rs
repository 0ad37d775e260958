//! One purchase more, and a log that was handed in before it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use mandate::{Intent, Mandate, Payment};
use mandate_audit::reconcile::{Reconciliation, Tally};

use super::Dispute;
use super::verdict::whose;
use crate::error::{DemoError, same};
use crate::handed::Handed;
use crate::process::Process;
use crate::sellers::Door;
use crate::stage::Stage;

/// What is bought.
const COFFEE: &str = r#"{"coffee": "espresso"}"#;

/// What one more day brought.
#[derive(Debug)]
pub(super) struct Day {
    /// A copy of the hotel's folder from the evening before.
    pub(super) backup: PathBuf,
    /// What Ada paid.
    pub(super) payment: Mandate<Payment>,
    /// An intent for a search at that hotel, not used yet.
    pub(super) search: Mandate<Intent>,
    /// Her log after it.
    pub(super) wallet: Handed,
    /// The hotel's.
    pub(super) lux: Handed,
}

/// A purchase after one side's export was made is no reason for a quarrel.
pub(super) async fn one_is_behind(
    stage: &mut Stage<'_, '_, '_>,
    dispute: &Dispute,
) -> Result<Day, DemoError> {
    stage
        .scene(
            "One side is merely behind",
            "A day later Ada has bought a coffee, and one side hands in the folder of the day before. That is no lie: \
             what was signed after an export was made is counted, and nobody is accused.",
        )
        .await?;
    let day = a_day(stage).await?;
    let Dispute { auditor, wallet, lux, sea } = dispute;
    let id = stage.home.lux.id.to_string();
    for (name, found) in [
        (&*id, auditor.reconcile(&day.wallet, &[lux, sea]).await?),
        ("Ada's wallet", auditor.reconcile(wallet, &[&day.lux, sea]).await?),
    ] {
        let tally = behind(&found, name)?;
        let text = format!(
            "nothing is wrong; {name} handed in {} entries, and 2 tokens that it signed later, at up to {}, are kept by \
             the other side",
            tally.head.size, tally.beyond_size
        );
        stage.show_agreed(&found, &text)?;
    }
    Ok(day)
}

/// The one log that is behind, by two tokens.
fn behind<'f>(found: &'f Reconciliation, name: &str) -> Result<&'f Tally, DemoError> {
    let beyond = found.logs.iter().map(|tally| format!("{} {}", whose(&tally.log), tally.beyond));
    let behind = found.logs.iter().find(|tally| whose(&tally.log) == name && tally.beyond == 2);
    let others = found.logs.iter().filter(|tally| tally.beyond > 0).count();
    same(&"1 log behind", &format!("{others} log behind").as_str())?;
    behind.ok_or_else(|| {
        DemoError::differs(&format_args!("{name} 2"), &beyond.collect::<Vec<_>>().join(", "))
    })
}

/// Wallet and hotel run for a purchase, after the hotel has made a backup.
async fn a_day(stage: &mut Stage<'_, '_, '_>) -> Result<Day, DemoError> {
    let home = stage.home;
    let backup = home.folder().join("backup");
    copy(&home.lux.state_dir(), &backup)?;
    stage.start_wallet().await?;
    let door = start_lux(stage).await?;
    let cart = stage.quoted(&door, ("order_coffee", "/coffees", COFFEE)).await?;
    let payment = stage.pay(&cart).await?;
    stage.buy(&door, ("/coffees", COFFEE), &payment).await?;
    let search = stage.intent(&door, "search_rooms").await?;
    stage.wallet.stop().await?;
    stage.gateways.lux.stop().await?;
    let text = format!(
        "wallet and {} run again: one coffee for {}; both stopped, both logs exported anew",
        home.lux.id,
        payment.claims().total
    );
    stage.screen.fact("a day later", &text)?;
    let dirs = (home.paths.state_dir().to_owned(), home.lux.state_dir());
    let read = tokio::task::spawn_blocking(move || {
        Ok::<_, DemoError>((Handed::wallet(&dirs.0)?, Handed::gateway(&dirs.1)?))
    });
    let (wallet, lux) = read.await??;
    Ok(Day { backup, payment, search, wallet, lux })
}

/// Starts the hotel's gateway over whatever is in its folder.
///
/// # Errors
///
/// [`DemoError`] when it does not get ready.
pub(super) async fn start_lux(stage: &mut Stage<'_, '_, '_>) -> Result<Door, DemoError> {
    let (process, address) = Process::gateway(&stage.home.lux).await?;
    stage.gateways.lux = process;
    Ok(Door { address, ..stage.sellers.lux.clone() })
}

/// Copies a folder of files, as a backup does. Blocks.
fn copy(from: &Path, to: &Path) -> Result<(), DemoError> {
    let listing = || DemoError::io("list", from);
    DirBuilder::new().mode(0o700).create(to).map_err(DemoError::io("make the folder", to))?;
    for item in from.read_dir().map_err(listing())? {
        let item = item.map_err(listing())?;
        let path = item.path();
        fs::copy(&path, to.join(item.file_name())).map_err(DemoError::io("copy", &path))?;
    }
    Ok(())
}
