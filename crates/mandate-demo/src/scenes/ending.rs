//! What it took, and what is left.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use crate::error::{DemoError, same};
use crate::stage::{Budget, Stage};
use crate::timing::Times;

/// How many coffees are bought to take the time.
const COFFEES: usize = 50;
/// What is appended to a file to take the disk's own time, in bytes.
const APPENDED_BYTES: usize = 4096;

/// How long mints and paid calls take.
pub(super) async fn times(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "What it takes",
            "Fifty coffees for 0.50 EUR, one by one. In each mint: the call, the durable commit, then the \
             signature. In each paid call: the payment checked, used on disk, the API asked, the receipt on disk \
             and signed.",
        )
        .await?;
    let lux = &stage.sellers.lux;
    stage.agent.start_timing();
    let mut paid = Times::default();
    let coffee = r#"{"coffee": "espresso"}"#;
    for _ in 0..COFFEES {
        let cart = stage.quoted(lux, ("order_coffee", "/coffees", coffee)).await?;
        let payment = stage.pay(&cart).await?;
        let start = Instant::now();
        let receipt = stage.execute(lux, ("/coffees", coffee), &payment).await?;
        paid.push(start.elapsed());
        stage.agent.hand_in(&receipt).await?;
    }
    let calls = empty_calls(stage).await?;
    let folder = stage.home.folder().to_owned();
    let disk = tokio::task::spawn_blocking(move || appends(&folder)).await??;
    let row = |name: &str, times: &Times| [name.to_owned(), times.median(), times.longest()];
    let rows = [
        ["", "p50", "longest"].map(str::to_owned),
        row("an intent", &stage.agent.intent_times),
        row("a payment, its cart's signature checked", &stage.agent.payment_times),
        row("a paid call through the gateway, to its receipt", &paid),
        row("for comparison: a call to the wallet that does nothing", &calls),
        row("for comparison: the disk alone (4 KiB, fdatasync)", &disk),
    ];
    stage.screen.table(&rows)?;
    if cfg!(debug_assertions) {
        stage
            .screen
            .fact("", "(an unoptimised build; `cargo run --release` shows what it can do)")?;
    }
    Ok(())
}

async fn empty_calls(stage: &mut Stage<'_, '_, '_>) -> Result<Times, DemoError> {
    let mut times = Times::default();
    let expected = stage.home.principal().to_string();
    for _ in 0..COFFEES {
        let start = Instant::now();
        let id = stage.agent.principal().await?;
        times.push(start.elapsed());
        same(&expected, &id)?;
    }
    Ok(times)
}

fn appends(folder: &Path) -> Result<Times, DemoError> {
    let path = folder.join("appended");
    let failed = || DemoError::io("append to", &path);
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let mut file = file.map_err(failed())?;
    let mut times = Times::default();
    for _ in 0..COFFEES {
        let start = Instant::now();
        file.write_all(&[0; APPENDED_BYTES]).map_err(failed())?;
        file.sync_data().map_err(failed())?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// What is left under each cap.
pub(super) async fn statement(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage
        .scene(
            "What is left",
            "The agent may ask at any time, so that it need not run into a cap to learn of it.",
        )
        .await?;
    let Budget { limit, spent, left, bookings, bookings_max } =
        stage.budget("420.00 EUR", 3).await?;
    let row = |cells: [&str; 4]| cells.map(str::to_owned);
    let counted = format!("bookings at {} a day", stage.sellers.sea.id);
    let rows = [
        row(["cap", "limit", "used", "left"]),
        ["all merchants a day".to_owned(), limit.to_string(), spent.to_string(), left.to_string()],
        [
            counted,
            bookings_max.to_string(),
            bookings.to_string(),
            bookings_max.saturating_sub(bookings).to_string(),
        ],
    ];
    stage.screen.table(&rows)
}
