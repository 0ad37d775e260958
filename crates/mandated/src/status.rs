//! The one table from refusals and failures to what goes over the wire.
//!
//! The client gets the stable reason and what a program can act on; neither secrets nor whole tokens pass here, and
//! nothing of the policy beyond the caller's own request.

use std::time::Duration;

use mandate::UnixSeconds;
use mandate_host::log;
use mandate_ledger::{LedgerError, Refusal};
use mandate_policy::{Denial, Per, Reason, Violation};
use mandate_proto::ERROR_DOMAIN;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::reload::ReloadError;

/// How long a client waits before it asks again while the key is being fetched.
const KEY_RETRY: Duration = Duration::from_secs(5);
/// How long a client waits before it asks again after a failed write.
const LEDGER_RETRY: Duration = Duration::from_secs(1);

/// The gRPC code of a reason.
///
/// Source: the table of `mandate.v1` in `wallet.proto`.
pub(crate) fn code(reason: Reason) -> Code {
    match reason {
        Reason::AgentUnknown
        | Reason::ActionNotAllowed
        | Reason::ApprovalDenied
        | Reason::CurrencyNotCapped
        | Reason::MerchantNotAllowed
        | Reason::PriceAboveLimit => Code::PermissionDenied,
        Reason::CapExceeded
        | Reason::CountExceeded
        | Reason::RateLimited
        | Reason::TooManyUnsettled => Code::ResourceExhausted,
        Reason::ActionIsFree
        | Reason::ApprovalRequired
        | Reason::CartAlreadyPaid
        | Reason::CartExpired
        | Reason::ClockUntrusted
        | Reason::Equivocation
        | Reason::Frozen
        | Reason::IntentAlreadyPaid
        | Reason::IntentExpired
        | Reason::IntentUnknown
        | Reason::LedgerUnsafe
        | Reason::ReceiptConflict => Code::FailedPrecondition,
        Reason::CartMalformed
        | Reason::CartMismatch
        | Reason::CartSignatureInvalid
        | Reason::FieldInvalid
        | Reason::IdempotencyConflict
        | Reason::ReceiptInvalid => Code::InvalidArgument,
        Reason::KeyUnavailable | Reason::LedgerUnavailable => Code::Unavailable,
    }
}

/// What stands in `ErrorInfo.metadata` beside `retryable`, and how long to wait.
#[derive(Debug, Default)]
struct Hints {
    metadata: Vec<(&'static str, String)>,
    /// The same request may succeed later although nobody changes anything.
    retryable: bool,
    wait: Option<Duration>,
}

impl Hints {
    fn after(wait: Duration) -> Self {
        Self { metadata: Vec::new(), retryable: true, wait: Some(wait) }
    }

    /// A window that ends by itself; a wait is given only where its end is known.
    fn window(
        per: Per,
        metadata: Vec<(&'static str, String)>,
        resets_at: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Self {
        let mut hints = Self { metadata, retryable: per.moves_on(), wait: None };
        if let Some(at) = resets_at {
            hints.metadata.push(("resets_at", at.to_string()));
            hints.wait = Some(Duration::from_secs(at.since(now)));
        }
        hints
    }
}

/// A refusal as a gRPC status. `now` is the reading that the decision was made at.
pub(crate) fn refused(refusal: &Refusal, now: UnixSeconds) -> Status {
    let hints = match refusal {
        Refusal::Policy(Denial { violations }) => {
            violations.first().map(|violation| violation_hints(violation, now)).unwrap_or_default()
        }
        Refusal::KeyUnavailable { .. } => Hints::after(KEY_RETRY),
        Refusal::RateLimited { retry_after_ms, .. } => {
            Hints::after(Duration::from_millis(*retry_after_ms))
        }
        _ => Hints::default(),
    };
    let mut details = details(refusal.reason(), hints);
    if let Refusal::FieldInvalid { field, problem } = refusal {
        details.add_bad_request_violation(*field, problem);
    }
    Status::with_error_details(code(refusal.reason()), refusal.to_string(), details)
}

fn violation_hints(violation: &Violation, now: UnixSeconds) -> Hints {
    match violation {
        Violation::CapExceeded { label, per, limit, spent, remaining, resets_at, asked: _ } => {
            Hints::window(
                *per,
                vec![
                    ("cap", label.clone()),
                    ("limit", limit.to_string()),
                    ("spent", spent.to_string()),
                    ("remaining", remaining.to_string()),
                ],
                *resets_at,
                now,
            )
        }
        Violation::CountExceeded { label, per, limit, spent, resets_at } => Hints::window(
            *per,
            vec![
                ("cap", label.clone()),
                ("limit", limit.to_string()),
                ("spent", spent.to_string()),
                ("remaining", limit.saturating_sub(*spent).to_string()),
            ],
            *resets_at,
            now,
        ),
        Violation::PriceAboveLimit { limit } => {
            Hints { metadata: vec![("limit", limit.to_string())], ..Hints::default() }
        }
        Violation::TooManyUnsettled { limit, open } => Hints {
            metadata: vec![("limit", limit.to_string()), ("spent", open.to_string())],
            retryable: true,
            wait: None,
        },
        _ => Hints::default(),
    }
}

/// A ledger that could not answer. The log gets the cause, the client the reason.
pub(crate) fn failed(error: &LedgerError) -> Status {
    tracing::error!(error = %log::chain(error), "the ledger could not answer");
    let reason = Reason::LedgerUnavailable;
    let message = "the ledger could not be written; nothing was minted: see the wallet's log";
    Status::with_error_details(code(reason), message, details(reason, Hints::after(LEDGER_RETRY)))
}

/// A reload that changed nothing, and why. Only the principal sees this.
pub(crate) fn not_reloaded(error: &ReloadError) -> Status {
    match error {
        ReloadError::Config(error) => {
            let reason = Reason::FieldInvalid;
            let message = log::chain_lines(error);
            Status::with_error_details(
                Code::FailedPrecondition,
                message,
                details(reason, Hints::default()),
            )
        }
        ReloadError::Ledger(error) => failed(error),
    }
}

/// The answer to a uid that no rule lists.
pub(crate) fn agent_unknown() -> Status {
    let reason = Reason::AgentUnknown;
    let message = "this uid is not an agent listed in wallet.toml; only the principal can list it";
    Status::with_error_details(code(reason), message, details(reason, Hints::default()))
}

fn details(reason: Reason, hints: Hints) -> ErrorDetails {
    let Hints { metadata, retryable, wait } = hints;
    let retryable = [("retryable", retryable.to_string())];
    let metadata = metadata.into_iter().chain(retryable);
    #[expect(clippy::disallowed_types, reason = "the type that tonic-types takes")]
    let metadata: std::collections::HashMap<_, _> =
        metadata.map(|(key, value)| (key.to_owned(), value)).collect();
    let mut details = ErrorDetails::new();
    details.set_error_info(reason.as_str(), ERROR_DOMAIN, metadata);
    if wait.is_some() {
        details.set_retry_info(wait);
    }
    details
}
