//! What the wallet answered, and whether that is what was promised.

use mandate_policy::Reason;
use mandate_proto::ERROR_DOMAIN;
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::error::DemoError;

/// A refusal, as the agent sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    /// The stable reason.
    pub(crate) reason: String,
    /// The sentence.
    pub(crate) sentence: String,
}

/// A yes or a no.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// No.
    Denied(Denied),
    /// Yes.
    Granted(T),
}

impl<T> Answer<T> {
    /// Reads the answer to a call.
    ///
    /// # Errors
    ///
    /// [`DemoError::Status`] for an error that is no refusal of the wallet.
    pub(crate) fn of(result: Result<T, Status>) -> Result<Self, DemoError> {
        let status = match result {
            Ok(value) => return Ok(Self::Granted(value)),
            Err(status) => status,
        };
        match status.get_error_details().error_info() {
            Some(info) if info.domain == ERROR_DOMAIN => Ok(Self::Denied(Denied {
                reason: info.reason.clone(),
                sentence: status.message().to_owned(),
            })),
            _ => {
                let message = status.message().to_owned();
                Err(DemoError::Status { code: status.code(), message })
            }
        }
    }

    /// The yes that was promised.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if it is a no.
    pub(crate) fn granted(self) -> Result<T, DemoError> {
        match self {
            Self::Granted(value) => Ok(value),
            Self::Denied(Denied { reason, sentence }) => {
                Err(DemoError::differs(&"a mandate", &format_args!("{reason}: {sentence}")))
            }
        }
    }

    /// The no that was promised.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if it is a yes, or a no for another reason.
    pub(crate) fn denied(self, expected: Reason) -> Result<Denied, DemoError> {
        match self {
            Self::Granted(_) => Err(DemoError::differs(&expected, &"a mandate")),
            Self::Denied(denied) if denied.reason == expected.as_str() => Ok(denied),
            Self::Denied(Denied { reason, sentence }) => {
                Err(DemoError::differs(&expected, &format_args!("{reason}: {sentence}")))
            }
        }
    }

    /// The yes, made into something else.
    ///
    /// # Errors
    ///
    /// Those of `make`.
    pub(crate) fn map<U>(
        self,
        make: impl FnOnce(T) -> Result<U, DemoError>,
    ) -> Result<Answer<U>, DemoError> {
        Ok(match self {
            Self::Granted(value) => Answer::Granted(make(value)?),
            Self::Denied(denied) => Answer::Denied(denied),
        })
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    fn refused(reason: &str, domain: &str) -> Result<(), Status> {
        let metadata = [("cap".to_owned(), "day".to_owned())];
        let details = ErrorDetails::with_error_info(reason, domain, metadata);
        Err(Status::with_error_details(Code::ResourceExhausted, "no more today", details))
    }

    #[test]
    fn a_promise_that_is_not_kept_names_both_sides() {
        let met = || Answer::of(refused("CAP_EXCEEDED", "mandate")).unwrap();
        assert_eq!(met().denied(Reason::CapExceeded).unwrap().sentence, "no more today");
        let other = met().denied(Reason::Frozen).unwrap_err();
        assert_eq!(other.to_string(), "expected FROZEN, met CAP_EXCEEDED: no more today");
        let yes = met().granted().unwrap_err();
        assert_eq!(yes.to_string(), "expected a mandate, met CAP_EXCEEDED: no more today");
        let granted = Answer::of(Ok(())).unwrap().denied(Reason::Frozen).unwrap_err();
        assert_eq!(granted.to_string(), "expected FROZEN, met a mandate");
    }

    #[test]
    fn an_error_of_the_transport_is_no_refusal() {
        assert!(matches!(
            Answer::<()>::of(Err(Status::unavailable("gone"))),
            Err(DemoError::Status { code: Code::Unavailable, .. })
        ));
        assert!(Answer::of(refused("CAP_EXCEEDED", "elsewhere")).is_err());
    }
}
