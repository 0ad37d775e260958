//! A dispute, rehearsed: both sides hand their logs in, honest or not, and a third person says who is right.
//!
//! The programs are the product's. What cheats is played: somebody who takes a side's key out of its keyring and signs
//! past the program that it belongs to.

mod backup;
mod deeds;
mod histories;
mod honest;
mod later;
mod verdict;

use super::shopping::Booking;
use crate::auditor::Auditor;
use crate::error::DemoError;
use crate::handed::Handed;
use crate::stage::Stage;

/// Who judges, and what was handed in: each log as its program wrote it.
#[derive(Debug)]
struct Dispute {
    auditor: Auditor,
    wallet: Handed,
    lux: Handed,
    sea: Handed,
}

/// Plays the dispute, after everything was stopped.
pub(super) async fn rehearse(
    stage: &mut Stage<'_, '_, '_>,
    booking: &Booking,
) -> Result<(), DemoError> {
    let dispute = honest::handed_in(stage, booking).await?;
    deeds::deleted(stage, (booking, &dispute)).await?;
    deeds::rewritten(stage, (booking, &dispute)).await?;
    let day = later::one_is_behind(stage, &dispute).await?;
    backup::put_back(stage, (&dispute, &day)).await?;
    histories::two(stage, (&dispute, &day)).await
}
