//! One entry, written twice: each hotel is shown another history, and each is content.

use http::StatusCode;
use mandate::{IntentClaims, Jti};
use mandate_audit::reconcile::FindingKind;
use mandate_host::clock::wall_clock;

use super::Dispute;
use super::later::Day;
use super::verdict::{promised, rests_on};
use crate::call::{Call, With};
use crate::cheat;
use crate::claims::{head, short};
use crate::error::{DemoError, same};
use crate::handed::Handed;
use crate::process::Process;
use crate::sellers::Door;
use crate::stage::Stage;

/// How long the second intent lives, in seconds.
const LIFE_S: u64 = 60;

/// Ada signs two tokens as one entry of her log.
pub(super) async fn two(
    stage: &mut Stage<'_, '_, '_>,
    (dispute, day): (&Dispute, &Day),
) -> Result<(), DemoError> {
    stage
        .scene(
            "Ada shows two histories",
            "The wallet never signs two tokens as one entry; Ada does it with its key, and shows each hotel another \
             one. One hotel alone cannot know; both logs together show it.",
        )
        .await?;
    let (home, id) = (stage.home, stage.home.sea.id.to_string());
    let payment = &day.payment;
    let seq = payment.head().size.saturating_sub(1);
    let key = home.key.load().await?;
    let now = wall_clock();
    let claims = IntentClaims {
        aud: home.sea.id.clone(),
        jti: Jti::from_random(random()?),
        iat: now,
        exp: now.plus(LIFE_S),
        ..day.search.claims().clone()
    };
    let second = cheat::second_history(&day.wallet, (seq, &day.search, &claims), &key)?;
    same(&payment.head().size, &second.head().size)?;
    let text = format!(
        "signs intent {} for {id} as entry {seq}, head {}; there her log has payment {} to {}, head {}",
        short(second.hash()),
        head(second.head()),
        short(payment.hash()),
        home.lux.id,
        head(payment.head()),
    );
    stage.screen.fact("Ada", &text)?;
    let (process, address) = Process::gateway(&home.sea).await?;
    stage.gateways.sea = process;
    let door = Door { address, ..stage.sellers.sea.clone() };
    let call = Call::get("/rooms", With::Intent(&second));
    stage.show_call(&door, call).await?.receipt(StatusCode::OK)?;
    stage.gateways.sea.stop().await?;
    let dir = home.sea.state_dir();
    let sea = tokio::task::spawn_blocking(move || Handed::gateway(&dir)).await??;
    let found = dispute.auditor.reconcile(&day.wallet, &[&day.lux, &sea]).await?;
    let [finding] = promised(&found, (FindingKind::TwoHistories, "Ada's wallet"))?;
    same(&seq, &finding.from)?;
    rests_on(finding, (&payment.hash().to_string(), home.lux.id.as_str()))?;
    rests_on(finding, (&second.hash().to_string(), &id))?;
    stage.show_finding(finding)
}

fn random() -> Result<[u8; 16], DemoError> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)?;
    Ok(bits)
}
