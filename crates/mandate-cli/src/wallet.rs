//! The running wallet, over its two sockets.
//!
//! Each call waits for its answer, but not for ever. What the wallet refuses is a [`Failure::Denied`]; a wallet that is
//! not there is a [`Failure::Unreachable`], with the way to start it.

use std::error::Error;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, StatusCode};
use mandate_proto::v1::control_client::ControlClient;
use mandate_proto::v1::wallet_client::WalletClient;
use mandate_proto::{ERROR_DOMAIN, v1};
use rustix::process::geteuid;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::backup::uncopied;
use crate::failure::{Denial, Failure, chain};
use crate::places::Places;

/// Who answers, in messages.
pub(crate) const WALLET: &str = "wallet";

/// How long the wallet may take to let us in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the wallet may take to answer. A write waits for the disk; a key store may wait for the desktop.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer, in bytes: a page of 64 entries of 64 KiB, and its frame.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Where the figures are on the principal's socket.
const METRICS_URI: &str = "http://localhost/metrics";
/// The reason that a uid gets which the socket is not for.
const NOT_FOR_THIS_UID: &str = "AGENT_UNKNOWN";

/// For whom a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
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
struct Line {
    runtime: Runtime,
    socket: PathBuf,
    door: Door,
}

impl Line {
    fn open(socket: PathBuf, door: Door) -> Result<(Self, Channel), Failure> {
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
    fn ask<R>(
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
    fn ask_patiently<R>(
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

/// The wallet as its principal asks it.
#[derive(Debug)]
pub(crate) struct Control {
    client: ControlClient<Channel>,
    line: Line,
}

impl Control {
    /// Connects to the principal's socket.
    pub(crate) fn connect(places: &Places) -> Result<Self, Failure> {
        let (line, channel) = Line::open(places.control_socket()?, Door::Principal)?;
        let client = ControlClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Self { client, line })
    }

    /// What the wallet is, holds and obeys.
    pub(crate) fn status(&self) -> Result<v1::GetStatusResponse, Failure> {
        self.line.ask(self.client.clone().get_status(v1::GetStatusRequest {}))
    }

    /// Stops minting.
    pub(crate) fn freeze(&self, ask: v1::FreezeRequest) -> Result<v1::FreezeResponse, Failure> {
        self.line.ask(self.client.clone().freeze(ask))
    }

    /// Ends a freeze, or confirms the clock.
    pub(crate) fn thaw(&self, ask: v1::ThawRequest) -> Result<v1::ThawResponse, Failure> {
        self.line.ask(self.client.clone().thaw(ask))
    }

    /// Has the key wiped from the wallet's memory.
    pub(crate) fn lock(&self) -> Result<v1::LockResponse, Failure> {
        self.line.ask(self.client.clone().lock(v1::LockRequest {}))
    }

    /// Has the key fetched again.
    pub(crate) fn unlock(&self) -> Result<v1::UnlockResponse, Failure> {
        self.line.ask(self.client.clone().unlock(v1::UnlockRequest {}))
    }

    /// What would be answered.
    pub(crate) fn explain(&self, ask: v1::ExplainRequest) -> Result<v1::ExplainResponse, Failure> {
        self.line.ask(self.client.clone().explain(ask))
    }

    /// Every cap and what is left of it.
    pub(crate) fn caps(&self) -> Result<v1::GetBudgetResponse, Failure> {
        self.line.ask(self.client.clone().list_caps(v1::ListCapsRequest {}))
    }

    /// Open holds after an entry.
    pub(crate) fn holds(&self, after_seq: u64) -> Result<v1::ListHoldsResponse, Failure> {
        self.line.ask(self.client.clone().list_holds(v1::ListHoldsRequest { after_seq }))
    }

    /// Carts after an entry that wait for a yes.
    pub(crate) fn approvals(&self, after_seq: u64) -> Result<v1::ListApprovalsResponse, Failure> {
        self.line.ask(self.client.clone().list_approvals(v1::ListApprovalsRequest { after_seq }))
    }

    /// Says yes or no to one of them.
    pub(crate) fn decide(
        &self,
        ask: v1::DecideApprovalRequest,
    ) -> Result<v1::DecideApprovalResponse, Failure> {
        self.line.ask(self.client.clone().decide_approval(ask))
    }

    /// The payment of an open hold whose time is over, as it was signed.
    pub(crate) fn payment(&self, seq: u64) -> Result<v1::GetPaymentResponse, Failure> {
        self.line.ask(self.client.clone().get_payment(v1::GetPaymentRequest { seq }))
    }

    /// Hands in a receipt.
    pub(crate) fn receipt(
        &self,
        ask: v1::RecordReceiptRequest,
    ) -> Result<v1::RecordReceiptResponse, Failure> {
        self.line.ask(self.client.clone().record_receipt(ask))
    }

    /// Has wallet.toml read again.
    pub(crate) fn reload(&self) -> Result<v1::ReloadResponse, Failure> {
        self.line.ask(self.client.clone().reload(v1::ReloadRequest {}))
    }

    /// Entries of the journal, as stored: at most `limit` from `from_seq` on.
    pub(crate) fn entries(&self, from_seq: u64, limit: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let ask = v1::ReadLogRequest { from_seq, limit, newest: false };
        let mut client = self.client.clone();
        self.line.ask(async move {
            let mut pages = client.read_log(ask).await?.into_inner();
            let mut entries = Vec::new();
            while let Some(page) = pages.message().await? {
                entries.extend(page.entries);
            }
            Ok(Response::new(entries))
        })
    }

    /// The newest checkpoint, after one was signed of what is new; nothing if none ever was.
    pub(crate) fn checkpoint(&self) -> Result<String, Failure> {
        let ask = v1::GetCheckpointRequest {};
        Ok(self.line.ask(self.client.clone().get_checkpoint(ask))?.checkpoint)
    }

    /// The way from an entry to the root of the first `size` entries.
    pub(crate) fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let ask = v1::ProveEntryRequest { seq, size };
        Ok(self.line.ask(self.client.clone().prove_entry(ask))?.hashes)
    }

    /// Writes the bytes of a whole copy of the ledger.
    pub(crate) fn backup(&self, to: &mut File) -> Result<(), Failure> {
        let mut client = self.client.clone();
        let written = self.line.ask_patiently(async move {
            let mut chunks = client.backup(v1::BackupRequest {}).await?.into_inner();
            while let Some(v1::BackupResponse { chunk }) = chunks.message().await? {
                if let Err(error) = to.write_all(&chunk) {
                    return Ok(Response::new(Err(error)));
                }
            }
            Ok(Response::new(Ok(())))
        })?;
        written.map_err(|error| uncopied(&error))
    }

    /// Has the whole journal checked.
    pub(crate) fn verify(&self) -> Result<v1::VerifyLogResponse, Failure> {
        self.line.ask_patiently(self.client.clone().verify_log(v1::VerifyLogRequest {}))
    }
}

/// The wallet's figures, as Prometheus reads them.
pub(crate) fn metrics(places: &Places) -> Result<String, Failure> {
    let (line, mut channel) = Line::open(places.control_socket()?, Door::Principal)?;
    line.ask(async move { page(&mut channel).await.map(Response::new) })
}

/// Asks for the page of figures, which stands beside the gRPC services on the same socket.
async fn page(channel: &mut Channel) -> Result<String, Status> {
    let failed = |error: &(dyn Error + 'static)| Status::unavailable(chain(error));
    let request = Request::get(METRICS_URI).body(Body::empty());
    let request = request.map_err(|error| failed(&error))?;
    poll_fn(|context| GrpcService::poll_ready(channel, context))
        .await
        .map_err(|error| failed(&error))?;
    let answer = GrpcService::call(channel, request).await.map_err(|error| failed(&error))?;
    // A refusal is one of gRPC's, also here.
    if let Some(refused) = Status::from_header_map(answer.headers()) {
        return Err(refused);
    }
    if answer.status() != StatusCode::OK {
        return Err(Status::unimplemented("there are no figures"));
    }
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| failed(&*error))?.to_bytes();
    String::from_utf8(body.into()).map_err(|error| Status::internal(error.to_string()))
}

/// The wallet as an agent asks it.
#[derive(Debug)]
pub(crate) struct Agents {
    client: WalletClient<Channel>,
    line: Line,
}

impl Agents {
    /// Connects to the agents' socket.
    pub(crate) fn connect(places: &Places) -> Result<Self, Failure> {
        let (line, channel) = Line::open(places.wallet_socket()?, Door::Agents)?;
        Ok(Self { client: WalletClient::new(channel), line })
    }

    /// Asks for an intent.
    pub(crate) fn intent(
        &self,
        ask: v1::MintIntentRequest,
    ) -> Result<v1::MintIntentResponse, Failure> {
        self.line.ask(self.client.clone().mint_intent(ask))
    }

    /// Asks for a payment.
    pub(crate) fn payment(
        &self,
        ask: v1::MintPaymentRequest,
    ) -> Result<v1::MintPaymentResponse, Failure> {
        self.line.ask(self.client.clone().mint_payment(ask))
    }

    /// Hands in a receipt.
    pub(crate) fn receipt(
        &self,
        ask: v1::RecordReceiptRequest,
    ) -> Result<v1::RecordReceiptResponse, Failure> {
        self.line.ask(self.client.clone().record_receipt(ask))
    }
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
