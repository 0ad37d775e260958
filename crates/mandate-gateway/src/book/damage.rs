//! Stored facts that cannot be: rows and entries of our own making that do not read back.

use mandate_journal::StoreError;
use thiserror::Error;

/// Something this gateway wrote does not read back.
#[derive(Debug, Error)]
#[error("{0}; run `mandate-gateway audit verify`, and restore a backup if it fails")]
struct Damaged(String);

pub(super) fn damaged(what: impl Into<String>) -> StoreError {
    StoreError::projection(Damaged(what.into()))
}
