//! One socket of the running wallet.
//!
//! Each call waits for its answer, but not for ever. What the wallet refuses is a [`Failure::Denied`]; a wallet that is
//! not there is a [`Failure::Unreachable`], with the way to start it.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use mandate_proto::ERROR_DOMAIN;
use rustix::process::geteuid;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::failure::{Denial, Failure, chain};

/// Who answers, in messages.
pub(crate) const WALLET: &str = "wallet";

/// How long the wallet may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the wallet may take to answer. A write waits for the disk; a key store may wait for the desktop.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The reason that a uid gets which the socket is not for.
const NOT_FOR_THIS_UID: &str = "AGENT_UNKNOWN";

/// For whom a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Agents,
    Principal,
}

impl Door {
    /// Who may use it.
    fn who(self) -> &'static str {
        match self {
            Self::Agents => "the uids of the agents that wallet.toml lists",
            Self::Principal => "the owner of wallet.toml and root",
        }
    }
}

/// One socket of the running wallet, and what it takes to wait for it.
#[derive(Debug)]
pub(super) struct Line {
    runtime: Runtime,
    socket: PathBuf,
    door: Door,
}

impl Line {
    pub(super) fn open(socket: PathBuf, door: Door) -> Result<(Self, Channel), Failure> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|error| Failure::Check(format!("the system gives no event loop: {error}")))?;
        let line = Self { runtime, socket, door };
        let connected = line.runtime.block_on(async {
            timeout(CONNECT_TIMEOUT, mandate_proto::connect(&line.socket)).await
        });
        match connected {
            Ok(Ok(channel)) => Ok((line, channel)),
            Ok(Err(error)) => Err(line.unreachable(unreached(&error, door))),
            Err(_elapsed) => Err(line.unreachable("it does not answer".to_owned())),
        }
    }

    fn unreachable(&self, problem: String) -> Failure {
        Failure::Unreachable { peer: WALLET, socket: self.socket.clone(), problem }
    }

    /// Waits for the answer to one call.
    pub(super) fn ask<R>(
        &self,
        call: impl Future<Output = Result<Response<R>, Status>>,
    ) -> Result<R, Failure> {
        let answer = self.runtime.block_on(async { timeout(ANSWER_TIMEOUT, call).await });
        match answer {
            Ok(answer) => self.read(answer),
            Err(_elapsed) => {
                let waited = ANSWER_TIMEOUT.as_secs();
                Err(self
                    .unreachable(format!("it did not answer within {waited} s; its log says more")))
            }
        }
    }

    /// Waits for the answer to a call that may take minutes.
    pub(super) fn ask_patiently<R>(
        &self,
        call: impl Future<Output = Result<Response<R>, Status>>,
    ) -> Result<R, Failure> {
        self.read(self.runtime.block_on(call))
    }

    fn read<R>(&self, answer: Result<Response<R>, Status>) -> Result<R, Failure> {
        answer.map(Response::into_inner).map_err(|status| self.failure(&status))
    }

    /// What a status that is no yes means.
    fn failure(&self, status: &Status) -> Failure {
        match denial(status) {
            Some(denial) if self.door == Door::Principal && denial.reason == NOT_FOR_THIS_UID => {
                Failure::Denied(Denial { message: not_for_you(self.door), ..denial })
            }
            Some(denial) => Failure::Denied(denial),
            None => match status.code() {
                Code::Unavailable => self.unreachable("it hung up; its log says more".to_owned()),
                Code::Unimplemented => {
                    let problem = "it does not know this request: mandate and mandated are of different versions";
                    Failure::Remote { peer: WALLET, problem: problem.to_owned() }
                }
                _ => Failure::Remote { peer: WALLET, problem: status.message().to_owned() },
            },
        }
    }
}

/// The refusal in a status, if it is one of the wallet's.
fn denial(status: &Status) -> Option<Denial> {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == ERROR_DOMAIN)?;
    let delay = details.retry_info().and_then(|retry| retry.retry_delay);
    Some(Denial {
        reason: info.reason.clone(),
        message: status.message().to_owned(),
        metadata: info.metadata.clone().into_iter().collect(),
        retry_after_ms: delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
    })
}

fn not_for_you(door: Door) -> String {
    format!("this socket is for {}; this is uid {}", door.who(), geteuid().as_raw())
}

/// Why nothing answers, and the way out.
fn unreached(error: &(dyn Error + 'static), door: Door) -> String {
    match io_kind(error) {
        Some(io::ErrorKind::NotFound) => {
            "no wallet is running there; start it with `mandated`, or name the folder of its sockets with \
             --runtime-dir"
                .to_owned()
        }
        Some(io::ErrorKind::ConnectionRefused) => {
            "the wallet that made this socket has ended; start it with `mandated`".to_owned()
        }
        Some(io::ErrorKind::PermissionDenied) => not_for_you(door),
        _ => chain(error),
    }
}

/// The kind of the first operating system's error among the causes.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn line(door: Door) -> Line {
        let runtime = Builder::new_current_thread().build().unwrap();
        Line { runtime, socket: PathBuf::from("/run/mandate/control.sock"), door }
    }

    fn refused(reason: &str) -> Status {
        let mut details = ErrorDetails::new();
        let metadata = [("limit".to_owned(), "500.00 EUR".to_owned())];
        details.set_error_info(reason, ERROR_DOMAIN, metadata);
        details.set_retry_info(Some(Duration::from_millis(1_500)));
        Status::with_error_details(Code::ResourceExhausted, "too much", details)
    }

    #[test]
    fn a_refusal_keeps_its_reason_and_its_hints() {
        let Failure::Denied(denial) = line(Door::Agents).failure(&refused("CAP_EXCEEDED")) else {
            panic!();
        };
        assert_eq!((denial.reason.as_str(), denial.message.as_str()), ("CAP_EXCEEDED", "too much"));
        assert_eq!(denial.metadata.get("limit").map(String::as_str), Some("500.00 EUR"));
        assert_eq!(denial.retry_after_ms, Some(1_500));
    }

    #[test]
    fn a_stranger_at_the_principals_door_is_told_whose_it_is() {
        let failure = line(Door::Principal).failure(&refused(NOT_FOR_THIS_UID));
        assert!(failure.to_string().contains("the owner of wallet.toml and root"), "{failure}");
        let failure = line(Door::Agents).failure(&refused(NOT_FOR_THIS_UID));
        assert!(failure.to_string().contains("too much"), "{failure}");
    }

    #[test]
    fn an_error_that_is_no_refusal_is_told_apart() {
        let line = line(Door::Principal);
        let gone = line.failure(&Status::unavailable("broken pipe"));
        assert!(matches!(gone, Failure::Unreachable { .. }), "{gone}");
        let other = line.failure(&Status::unimplemented("no such method"));
        assert!(other.to_string().contains("different versions"), "{other}");
        assert!(matches!(line.failure(&Status::internal("x")), Failure::Remote { .. }));
    }

    #[test]
    fn each_cause_has_its_way_out() {
        let cause = |kind| unreached(&io::Error::from(kind), Door::Principal);
        assert!(cause(io::ErrorKind::NotFound).contains("start it with `mandated`"));
        assert!(cause(io::ErrorKind::ConnectionRefused).contains("has ended"));
        assert!(cause(io::ErrorKind::PermissionDenied).contains("owner of wallet.toml and root"));
    }
}
