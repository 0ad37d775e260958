//! The running wallet, over its two sockets.

mod line;

use std::error::Error;
use std::fs::File;
use std::future::poll_fn;
use std::io::Write as _;

use http_body_util::{BodyExt as _, Limited};
use hyper::{Request, StatusCode};
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_proto::v1::wallet_client::WalletClient;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::backup::uncopied;
use crate::failure::{Failure, chain};
use crate::places::Places;
use line::{Door, Line};

pub(crate) use line::WALLET;

/// Largest answer, in bytes: a page of 64 entries of 64 KiB, and its frame.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Where the figures are on the principal's socket.
const METRICS_URI: &str = "http://localhost/metrics";
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
