//! Yesterday's backup in place of today's log.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use mandate_audit::reconcile::FindingKind;
use mandate_gateway::Reason;
use tokio::time::{MissedTickBehavior, interval};

use super::Dispute;
use super::later::{Day, start_lux};
use super::verdict::{parting, promised};
use crate::call::{Call, With};
use crate::cheat;
use crate::error::{DemoError, same};
use crate::stage::Stage;

/// The entry of the gateway.toml that came into force; it may come again.
const POLICY_SEQ: u64 = 1;
/// How often the gateway's log is read until it says so; only a broken one takes so long.
const LOG_POLLS_MAX: u32 = 1_000;
/// How long to wait in between.
const LOG_POLL: Duration = Duration::from_millis(10);
/// How a gateway's log begins to say why it serves nobody.
const PROBLEM: &str = "problem=";

/// The hotel puts its backup back: its gateway does not serve, and its export convinces nobody.
pub(super) async fn put_back(
    stage: &mut Stage<'_, '_, '_>,
    (dispute, day): (&Dispute, &Day),
) -> Result<(), DemoError> {
    stage
        .scene(
            "The hotel puts yesterday's backup back",
            "A log can be cut short by putting an older copy in its place. The newest signed head is remembered \
             beside the key, in the keyring, and no backup of the folder takes that along.",
        )
        .await?;
    let (place, newest) = (stage.home.lux.state_dir(), stage.home.folder().join("newest"));
    rename(&place, &newest)?;
    rename(&day.backup, &place)?;
    let door = start_lux(stage).await?;
    let text = format!(
        "its gateway is started over the copy: process {}, {} of {} entries",
        stage.gateways.lux.id(),
        dispute.lux.head().size,
        day.lux.head().size
    );
    stage.screen.fact(door.id.as_str(), &text)?;
    let why = why(stage, day.lux.head().size).await?;
    let call = Call::get("/rooms", With::Intent(&day.search));
    stage.show_call_once(&door, call).await?.refused(Reason::Unavailable)?;
    stage.screen.fact("its log says", &why)?;
    stage.gateways.lux.stop().await?;
    rename(&place, &day.backup)?;
    rename(&newest, &place)?;
    let door = start_lux(stage).await?;
    let text = format!("the newest is put back: process {}", stage.gateways.lux.id());
    stage.screen.fact(door.id.as_str(), &text)?;
    stage.show_call(&door, call).await?.receipt(StatusCode::OK)?;
    stage.gateways.lux.stop().await?;
    went_on(stage, (dispute, day)).await
}

/// Who forgets that head, too, and goes on, is told by what the other side keeps.
async fn went_on(
    stage: &mut Stage<'_, '_, '_>,
    (dispute, day): (&Dispute, &Day),
) -> Result<(), DemoError> {
    let Dispute { auditor, lux, sea, .. } = dispute;
    let id = stage.home.lux.id.to_string();
    let key = stage.home.lux.key.load().await?;
    let size = day.lux.head().size;
    let cheated = cheat::gone_on(lux, (POLICY_SEQ, size), &key)?;
    let text = format!(
        "goes on from the copy all the same, with its key and past its gateway: {} entries more, as long a log as it \
         had, and that is handed in",
        size.saturating_sub(lux.head().size)
    );
    stage.screen.fact(&id, &text)?;
    let found = auditor.reconcile(&day.wallet, &[&cheated, sea]).await?;
    let findings: [_; 2] = promised(&found, (FindingKind::Missing, &id))?;
    for finding in findings {
        after(lux.head().size, finding.from)?;
        stage.show_finding(finding)?;
    }
    let parting = parting(&found, "Ada's wallet")?;
    after(parting.agreed, lux.head().size)?;
    after(lux.head().size, parting.parted)?;
    stage.show_parting(parting)
}

/// Makes sure that something is not before an entry.
fn after(entry: u64, met: u64) -> Result<(), DemoError> {
    same(&format!("not before {entry}"), &format!("not before {}", entry.min(met)))
}

/// Why the gateway says that it serves nobody; it does as soon as it has its key.
async fn why(stage: &Stage<'_, '_, '_>, signed: u64) -> Result<String, DemoError> {
    let path = stage.home.lux.log();
    let expected = format!("{signed} were signed: it is an older copy");
    let mut ticks = interval(LOG_POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..LOG_POLLS_MAX {
        ticks.tick().await;
        let log = fs::read_to_string(&path).map_err(DemoError::io("read", &path))?;
        let line = log.lines().find(|line| line.contains(&expected));
        if let Some((_, problem)) = line.and_then(|line| line.split_once(PROBLEM)) {
            // The rest is the way out, for its operator.
            return Ok(problem.split(';').next().unwrap_or_default().to_owned());
        }
    }
    Err(DemoError::differs(&expected, &"no such line in its log"))
}

fn rename(from: &Path, to: &Path) -> Result<(), DemoError> {
    fs::rename(from, to).map_err(DemoError::io("move", from))
}
