//! The one table from refusals and failures to what goes over the wire.
//!
//! The client gets the stable reason and what a program can act on; neither secrets nor whole tokens pass here, and
//! nothing of the policy beyond the caller's own request.

use std::time::Duration;

use mandate::UnixSeconds;
use mandate_host::log;
use mandate_ledger::{LedgerError, Refusal};
use mandate_policy::{Denial, Reason, Violation};
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

    /// A cap that is reached; a wait is given only where it helps and its end is known.
    fn cap(
        violation: &Violation,
        metadata: Vec<(&'static str, String)>,
        resets_at: Option<UnixSeconds>,
        now: UnixSeconds,
    ) -> Self {
        let mut hints = Self { metadata, retryable: violation.mends_with_time(), wait: None };
        if let Some(at) = resets_at {
            hints.metadata.push(("resets_at", at.to_string()));
            hints.wait = hints.retryable.then(|| Duration::from_secs(at.since(now)));
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
        Violation::CapExceeded { label, limit, spent, remaining, resets_at, per: _, asked: _ } => {
            Hints::cap(
                violation,
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
        Violation::CountExceeded { label, limit, spent, resets_at, per: _ } => Hints::cap(
            violation,
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
            // By receipts, which come without a change of wallet.toml; nobody knows when.
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
            Status::with_error_details(code(reason), message, details(reason, Hints::default()))
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

#[cfg(test)]
mod tests {
    use mandate_policy::Per;

    use super::*;

    /// What a program is told of one violation, a minute before the window ends.
    fn told(violation: Violation) -> (String, Option<Duration>) {
        let refusal = Refusal::Policy(Denial { violations: vec![violation] });
        let status = refused(&refusal, UnixSeconds::new(40).unwrap());
        let details = status.get_error_details();
        let retryable = details.error_info().unwrap().metadata["retryable"].clone();
        (retryable, details.retry_info().and_then(|info| info.retry_delay))
    }

    #[test]
    fn a_wait_is_told_only_where_time_alone_helps() {
        let resets_at = |per| (per == Per::Day).then(|| UnixSeconds::new(100).unwrap());
        let money = |text: &str| text.parse().unwrap();
        let above = |per, asked| Violation::CapExceeded {
            label: "10.00 EUR".to_owned(),
            per,
            asked: money(asked),
            limit: money("10.00 EUR"),
            spent: money("0.01 EUR"),
            remaining: money("9.99 EUR"),
            resets_at: resets_at(per),
        };
        let count = |per| Violation::CountExceeded {
            label: "1 payment".to_owned(),
            per,
            limit: 1,
            spent: 1,
            resets_at: resets_at(per),
        };
        let no = ("false".to_owned(), None);
        let yes = |wait_s: Option<u64>| ("true".to_owned(), wait_s.map(Duration::from_secs));
        let trailing: Per = "24h".parse().unwrap();
        assert_eq!(told(above(Per::Day, "10.00 EUR")), yes(Some(60)));
        assert_eq!(told(above(trailing, "10.00 EUR")), yes(None));
        for per in [Per::Payment, Per::Day, trailing, Per::Lifetime] {
            assert_eq!(told(above(per, "10.01 EUR")), no, "{per} never has room for it");
        }
        assert_eq!(told(above(Per::Lifetime, "10.00 EUR")), no);
        assert_eq!(told(count(Per::Day)), yes(Some(60)));
        assert_eq!(told(count(trailing)), yes(None));
        assert_eq!(told(count(Per::Lifetime)), no);
        let open = Violation::TooManyUnsettled { limit: 2, open: 2 };
        assert_eq!(told(open), yes(None), "receipts end it");
        for violation in [
            Violation::ActionIsFree,
            Violation::ApprovalDenied,
            Violation::ApprovalRequired { total: money("1.00 EUR") },
            Violation::CurrencyNotCapped { currency: None },
            Violation::PriceAboveLimit { limit: money("1.00 EUR") },
        ] {
            assert_eq!(told(violation), no);
        }
    }
}
