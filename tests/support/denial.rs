//! A denial as a client sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A refused call, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// The gRPC code.
    pub code: Code,
    /// `ErrorInfo.reason`.
    pub reason: String,
    /// `ErrorInfo.metadata`.
    pub metadata: BTreeMap<String, String>,
    /// `RetryInfo.retry_delay`.
    pub retry: Option<Duration>,
    /// The sentence.
    pub message: String,
}

/// Takes a refusal apart; every one carries an `ErrorInfo` of our domain.
///
/// # Panics
///
/// If the call was not refused, or its status carries no `ErrorInfo`.
#[track_caller]
#[must_use]
pub fn denied<T: std::fmt::Debug>(answer: Result<T, Status>) -> Denied {
    let status = answer.expect_err("the call was not refused");
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, mandate_proto::ERROR_DOMAIN);
    Denied {
        code: status.code(),
        reason: info.reason.clone(),
        metadata: info.metadata.clone().into_iter().collect(),
        retry: details.retry_info().and_then(|info| info.retry_delay),
        message: status.message().to_owned(),
    }
}
