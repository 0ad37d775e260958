//! What it took, what is left, and what was written down.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use mandate::{Head, PrincipalId};
use mandate_journal::Entry;
use mandate_ledger::StoppedLedger;
use mandate_ledger::event::kind;
use mandate_proto::v1;

use crate::answer::Answer;
use crate::error::{DemoError, same};
use crate::stage::{Budget, Stage};
use crate::timing::Times;

/// How many tickets are bought to take the time.
const TICKETS: usize = 50;
/// What is appended to a file to take the disk's own time, in bytes.
const APPENDED_BYTES: usize = 4096;
/// Entries of the journal read at a time.
const PAGE_ENTRIES: usize = 64;

/// How long mints take.
pub(super) async fn times(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "What a mint takes",
        "Fifty tram tickets, one by one. In each time: the call, the durable commit, then the signature.",
    )?;
    let rail = &stage.home.rail;
    stage.agent.start_timing();
    for number in 1..=TICKETS {
        let cart = stage.quoted(rail, "buy_ticket", ("Tram", "0.50 EUR")).await?;
        let payment = stage.pay(rail, &cart).await?;
        stage.execute(rail, &payment, &format!("tram-{number}")).await?;
    }
    let calls = empty_calls(stage).await?;
    let folder = stage.home.folder().to_owned();
    let disk = tokio::task::spawn_blocking(move || appends(&folder)).await??;
    let row = |name: &str, times: &Times| [name.to_owned(), times.median(), times.longest()];
    let rows = [
        ["", "p50", "longest"].map(str::to_owned),
        row("an intent", &stage.agent.intent_times),
        row("a payment, its cart's signature checked", &stage.agent.payment_times),
        row("for comparison: a call that does nothing", &calls),
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
    let expected = PrincipalId::from_key(&stage.home.public_key).to_string();
    for _ in 0..TICKETS {
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
    for _ in 0..TICKETS {
        let start = Instant::now();
        file.write_all(&[0; APPENDED_BYTES]).map_err(failed())?;
        file.sync_data().map_err(failed())?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// What is left under each cap.
pub(super) async fn statement(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "What is left",
        "The agent may ask at any time, so that it need not run into a cap to learn of it.",
    )?;
    let Budget { limit, spent, left, bookings, bookings_max } =
        stage.budget("400.00 EUR", 3).await?;
    let row = |cells: [&str; 4]| cells.map(str::to_owned);
    let hotels = format!("bookings at {} a day", stage.home.hotels.id());
    let rows = [
        row(["cap", "limit", "used", "left"]),
        ["all merchants a day".to_owned(), limit.to_string(), spent.to_string(), left.to_string()],
        [
            hotels,
            bookings_max.to_string(),
            bookings.to_string(),
            bookings_max.saturating_sub(bookings).to_string(),
        ],
    ];
    stage.screen.table(&rows)
}

/// What a check of the stopped ledger found.
struct Journal {
    owner: PrincipalId,
    head: Head,
    kinds: BTreeMap<String, usize>,
}

/// The log, checked by the wallet and then without it.
pub(super) async fn log(stage: &mut Stage<'_, '_, '_>) -> Result<(), DemoError> {
    stage.screen.scene(
        "The log",
        "Each yes and each no is one entry in a hash-chained log: checked by the wallet, then without it.",
    )?;
    let served = Answer::of(stage.control.verify_log(v1::VerifyLogRequest {}).await)?;
    let v1::VerifyLogResponse { size, root, fault } = served.granted()?.into_inner();
    same(&"", &fault.as_str())?;
    stage.screen.fact("wallet", &format!("{size} entries add up, root {root}"))?;
    stage.daemon.stop().await?;
    stage
        .screen
        .fact("stopped", "SIGTERM: it finished what was under way and ended with code 0")?;
    let dir = stage.home.paths.state_dir().to_owned();
    let journal = tokio::task::spawn_blocking(move || read(&dir)).await??;
    same(&PrincipalId::from_key(&stage.home.public_key), &journal.owner)?;
    same(&size, &journal.head.size)?;
    same(&root, &journal.head.root.to_string())?;
    stage
        .screen
        .fact("offline", "the same root, recomputed from the file by another process: this one")?;
    let of = |kind: &str| journal.kinds.get(kind).copied().unwrap_or(0);
    let tally = &stage.agent.tally;
    let expected = [
        (kind::INTENT, tally.intents.len()),
        (kind::PAYMENT, tally.payments.len()),
        (kind::RECEIPT, tally.receipts),
        (kind::DENIAL, tally.denials),
        (kind::FREEZE, 1),
        (kind::THAW, 1),
    ];
    for (kind, count) in expected {
        same(&format!("{count} x {kind}"), &format!("{} x {kind}", of(kind)))?;
    }
    let kinds: Vec<_> =
        journal.kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    stage.screen.fact("entries", &format!("{}; as many as the agent met", kinds.join(", ")))
}

/// Checks a ledger that no wallet serves, and counts its entries. Blocks.
fn read(dir: &Path) -> Result<Journal, DemoError> {
    let ledger = StoppedLedger::open(dir)?;
    let (owner, _) = ledger.owner()?;
    let head = ledger.verify()?.head;
    let mut kinds = BTreeMap::new();
    let mut next = 0;
    while next < head.size {
        let page = ledger.entries(next, PAGE_ENTRIES)?;
        if page.is_empty() {
            return Err(DemoError::differs(&format_args!("entry {next}"), &"the end of the log"));
        }
        for bytes in page {
            let entry = Entry::parse(&bytes)?;
            let count: &mut usize = kinds.entry(entry.kind.to_owned()).or_default();
            *count = count.saturating_add(1);
            next = entry.seq.saturating_add(1);
        }
    }
    Ok(Journal { owner, head, kinds })
}
