//! The last clock reading that was believed, kept beside the head so that the next start is held against it.

use mandate::UnixSeconds;
use mandate::clock::{BootId, BootTime, ClockReading};
use rusqlite::{Connection, OptionalExtension as _};
use thiserror::Error;

use super::error::StoreError;

/// The row does not read back.
#[derive(Debug, Error)]
#[error("the journal's clock does not read back")]
struct MarkDamaged;

/// Reads the mark; `None` before the first.
pub(super) fn load(db: &Connection) -> Result<Option<ClockReading>, StoreError> {
    let mut query = db.prepare_cached(
        "SELECT wall, boot_id, elapsed_ms FROM journal_head WHERE wall IS NOT NULL",
    )?;
    let row: Option<(u64, String, u64)> =
        query.query_row((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    row.map(|(wall, boot_id, elapsed_ms)| {
        let wall = UnixSeconds::new(wall).or(Err(MarkDamaged));
        let id = boot_id.parse::<BootId>().or(Err(MarkDamaged));
        match (wall, id) {
            (Ok(wall), Ok(id)) => Ok(ClockReading { wall, boot: BootTime { id, elapsed_ms } }),
            _ => Err(StoreError::projection(MarkDamaged)),
        }
    })
    .transpose()
}
