//! The service that the principal calls: watches and steers, mints nothing that was not minted before.

mod backup;
mod log;
mod report;
mod request;
mod settle;

use std::sync::Arc;

use mandate_ledger::{ApprovalAnswer, BudgetFilter, LedgerError, Outcome, Refusal};
use mandate_proto::v1;
use mandate_proto::v1::control_server::Control;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::convert::cap;
use crate::daemon::Daemon;
use crate::serve::Peer;
use crate::status;
use crate::stops::Unverified;
use crate::wallet::peer;
use request::{FreezeAsk, ThawAsk};

/// Holds in one answer, as the contract has it.
const HOLDS_MAX: usize = 500;
/// Requests for approval in one answer, as the contract has it.
const APPROVALS_MAX: usize = 100;
/// Full checks of the journal at a time; one takes minutes on a large ledger.
const CHECKS_MAX: usize = 1;
/// Backups at a time; each takes as much disk as the ledger.
const BACKUPS_MAX: usize = 1;

/// The principal's service.
#[derive(Debug, Clone)]
pub(crate) struct ControlService {
    daemon: Arc<Daemon>,
    checks: Arc<Semaphore>,
    backups: Arc<Semaphore>,
}

impl ControlService {
    pub(crate) fn new(daemon: Arc<Daemon>) -> Self {
        let (checks, backups) = (Semaphore::new(CHECKS_MAX), Semaphore::new(BACKUPS_MAX));
        Self { daemon, checks: Arc::new(checks), backups: Arc::new(backups) }
    }

    /// Who calls, checked against the file as it is now: a reload may have brought another owner.
    fn principal<T>(&self, request: &Request<T>) -> Result<Peer, Status> {
        let peer = peer(request)?;
        if self.daemon.is_principal(peer.uid) { Ok(peer) } else { Err(status::agent_unknown()) }
    }

    /// Runs work that must not stop when the client hangs up: what is written down is told to everybody it is for.
    async fn to_the_end<T, F>(&self, work: impl FnOnce(Arc<Daemon>) -> F) -> Result<T, Status>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
    {
        self.daemon.to_the_end(work(Arc::clone(&self.daemon))).await
    }

    fn refused(&self, refusal: &Refusal) -> Status {
        status::refused(refusal, self.daemon.clock.read().wall)
    }
}

#[tonic::async_trait]
impl Control for ControlService {
    async fn get_status(
        &self,
        request: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        self.principal(&request)?;
        let v1::GetStatusRequest {} = request.into_inner();
        report::status(&self.daemon).await.map(Response::new)
    }

    async fn freeze(
        &self,
        request: Request<v1::FreezeRequest>,
    ) -> Result<Response<v1::FreezeResponse>, Status> {
        let uid = self.principal(&request)?.uid;
        let ask = request::freeze(request.into_inner());
        let FreezeAsk { scope, reason } = ask.map_err(|refusal| self.refused(&refusal))?;
        let durable =
            self.to_the_end(async move |daemon| daemon.freeze(uid, scope, reason).await).await?;
        Ok(Response::new(v1::FreezeResponse { durable }))
    }

    async fn thaw(
        &self,
        request: Request<v1::ThawRequest>,
    ) -> Result<Response<v1::ThawResponse>, Status> {
        let uid = self.principal(&request)?.uid;
        let ask = request::thaw(request.into_inner());
        let ask = ask.map_err(|refusal| self.refused(&refusal))?;
        self.to_the_end(async move |daemon| thaw(&daemon, uid, ask).await).await?;
        Ok(Response::new(v1::ThawResponse {}))
    }

    async fn lock(
        &self,
        request: Request<v1::LockRequest>,
    ) -> Result<Response<v1::LockResponse>, Status> {
        let uid = self.principal(&request)?.uid;
        let v1::LockRequest {} = request.into_inner();
        let durable = self.to_the_end(async move |daemon| daemon.lock(uid).await).await?;
        Ok(Response::new(v1::LockResponse { durable }))
    }

    async fn unlock(
        &self,
        request: Request<v1::UnlockRequest>,
    ) -> Result<Response<v1::UnlockResponse>, Status> {
        let uid = self.principal(&request)?.uid;
        let v1::UnlockRequest {} = request.into_inner();
        let problem = self.to_the_end(async move |daemon| daemon.unlock(uid).await).await?;
        Ok(Response::new(v1::UnlockResponse { key_problem: problem.unwrap_or_default() }))
    }

    async fn reload(
        &self,
        request: Request<v1::ReloadRequest>,
    ) -> Result<Response<v1::ReloadResponse>, Status> {
        self.principal(&request)?;
        let v1::ReloadRequest {} = request.into_inner();
        let reload = async move |daemon: Arc<Daemon>| {
            daemon.reload().await.map_err(|error| status::not_reloaded(&error))
        };
        let policy_digest = self.to_the_end(reload).await?.to_string();
        Ok(Response::new(v1::ReloadResponse { policy_digest }))
    }

    async fn explain(
        &self,
        request: Request<v1::ExplainRequest>,
    ) -> Result<Response<v1::ExplainResponse>, Status> {
        self.principal(&request)?;
        let ask = request::explain(request.into_inner(), &self.daemon.ledger.rules());
        let ask = ask.map_err(|refusal| self.refused(&refusal))?;
        let explained = self.daemon.ledger.explain(self.daemon.clock.read(), ask).await;
        let explained = explained.map_err(|error| status::failed(&error))?;
        Ok(Response::new(report::explanation(explained, &self.daemon.mint)))
    }

    async fn list_holds(
        &self,
        request: Request<v1::ListHoldsRequest>,
    ) -> Result<Response<v1::ListHoldsResponse>, Status> {
        self.principal(&request)?;
        let v1::ListHoldsRequest { after_seq } = request.into_inner();
        // One more than is answered tells whether there are more.
        let limit = HOLDS_MAX.saturating_add(1);
        let now = self.daemon.clock.read();
        let holds = self.daemon.ledger.holds(now, after_seq, limit).await;
        let mut holds = holds.map_err(|error| status::failed(&error))?;
        let more = holds.len() > HOLDS_MAX;
        holds.truncate(HOLDS_MAX);
        let holds = holds.iter().map(report::hold).collect();
        Ok(Response::new(v1::ListHoldsResponse { holds, more }))
    }

    async fn list_approvals(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        self.principal(&request)?;
        let v1::ListApprovalsRequest { after_seq } = request.into_inner();
        // One more than is answered tells whether there are more.
        let limit = APPROVALS_MAX.saturating_add(1);
        let now = self.daemon.clock.read();
        let pending = self.daemon.ledger.pending_approvals(now, after_seq, limit).await;
        let mut pending = pending.map_err(|error| status::failed(&error))?;
        let more = pending.len() > APPROVALS_MAX;
        pending.truncate(APPROVALS_MAX);
        let approvals = pending.into_iter().map(report::approval).collect();
        Ok(Response::new(v1::ListApprovalsResponse { approvals, more }))
    }

    async fn decide_approval(
        &self,
        request: Request<v1::DecideApprovalRequest>,
    ) -> Result<Response<v1::DecideApprovalResponse>, Status> {
        let uid = self.principal(&request)?.uid;
        let v1::DecideApprovalRequest { seq, approve } = request.into_inner();
        let answer = if approve { ApprovalAnswer::Approved } else { ApprovalAnswer::Denied };
        self.to_the_end(async move |daemon| decide(&daemon, uid, seq, answer).await).await?;
        Ok(Response::new(v1::DecideApprovalResponse {}))
    }

    async fn get_payment(
        &self,
        request: Request<v1::GetPaymentRequest>,
    ) -> Result<Response<v1::GetPaymentResponse>, Status> {
        self.principal(&request)?;
        let v1::GetPaymentRequest { seq } = request.into_inner();
        settle::payment(&self.daemon, seq).await.map(Response::new)
    }

    async fn record_receipt(
        &self,
        request: Request<v1::RecordReceiptRequest>,
    ) -> Result<Response<v1::RecordReceiptResponse>, Status> {
        let uid = self.principal(&request)?.uid;
        let message = request.into_inner();
        self.to_the_end(|daemon| settle::receipt(daemon, uid, message)).await.map(Response::new)
    }

    async fn list_caps(
        &self,
        request: Request<v1::ListCapsRequest>,
    ) -> Result<Response<v1::GetBudgetResponse>, Status> {
        self.principal(&request)?;
        let v1::ListCapsRequest {} = request.into_inner();
        let now = self.daemon.clock.read();
        let caps = self.daemon.ledger.budget(now, None, BudgetFilter::default()).await;
        let caps = caps.map_err(|error| status::failed(&error))?;
        Ok(Response::new(v1::GetBudgetResponse { caps: caps.into_iter().map(cap).collect() }))
    }

    type ReadLogStream = ReceiverStream<log::Page>;

    async fn read_log(
        &self,
        request: Request<v1::ReadLogRequest>,
    ) -> Result<Response<Self::ReadLogStream>, Status> {
        self.principal(&request)?;
        Ok(Response::new(log::read(&self.daemon, request.into_inner())))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        self.principal(&request)?;
        let v1::GetCheckpointRequest {} = request.into_inner();
        // Without a key, or on a full disk, the last one that was signed is still good.
        self.daemon.seal().await;
        let checkpoint = self.daemon.ledger.checkpoint();
        let checkpoint = checkpoint.map(|checkpoint| checkpoint.to_string()).unwrap_or_default();
        Ok(Response::new(v1::GetCheckpointResponse { checkpoint }))
    }

    async fn prove_entry(
        &self,
        request: Request<v1::ProveEntryRequest>,
    ) -> Result<Response<v1::ProveEntryResponse>, Status> {
        self.principal(&request)?;
        let v1::ProveEntryRequest { seq, size } = request.into_inner();
        let ledger = self.daemon.ledger.clone();
        if seq >= size || size > ledger.head().size {
            let problem = format!("{seq} is not within the first {size} entries");
            let refusal = Refusal::FieldInvalid { field: "seq", problem };
            return Err(self.refused(&refusal));
        }
        let path = tokio::task::spawn_blocking(move || ledger.inclusion_path(seq, size)).await;
        let path = path.map_err(|error| Status::internal(error.to_string()))?;
        let path = path.map_err(|error| status::failed(&LedgerError::NotApplied(error)))?;
        let hashes = path.iter().map(|hash| hash.as_bytes().to_vec()).collect();
        Ok(Response::new(v1::ProveEntryResponse { hashes }))
    }

    type BackupStream = ReceiverStream<backup::Chunk>;

    async fn backup(
        &self,
        request: Request<v1::BackupRequest>,
    ) -> Result<Response<Self::BackupStream>, Status> {
        let peer = self.principal(&request)?;
        let v1::BackupRequest {} = request.into_inner();
        let Ok(turn) = Arc::clone(&self.backups).try_acquire_owned() else {
            return Err(Status::resource_exhausted("a backup is under way; wait for its end"));
        };
        // Without a key, or on a full disk, the copy has the last checkpoint that was signed.
        self.daemon.seal().await;
        tracing::info!(uid = peer.uid, "a backup is made");
        Ok(Response::new(backup::send(self.daemon.ledger.clone(), turn)))
    }

    async fn verify_log(
        &self,
        request: Request<v1::VerifyLogRequest>,
    ) -> Result<Response<v1::VerifyLogResponse>, Status> {
        self.principal(&request)?;
        let v1::VerifyLogRequest {} = request.into_inner();
        let Ok(turn) = Arc::clone(&self.checks).try_acquire_owned() else {
            return Err(Status::resource_exhausted("a check is under way; wait for its end"));
        };
        let daemon = Arc::clone(&self.daemon);
        // What it finds stops the minting also when the client hangs up.
        let checked = self.daemon.tasks.spawn(async move {
            let verified = daemon.verify().await;
            drop(turn);
            verified
        });
        match checked.await {
            Ok(Ok(verified)) => Ok(Response::new(report::whole(verified))),
            Ok(Err(Unverified::Distrusted(fault))) => Ok(Response::new(report::broken(fault))),
            Ok(Err(Unverified::Stopped)) => Err(Status::unavailable("the wallet is stopping")),
            Ok(Err(Unverified::Unchecked(problem))) => Err(Status::resource_exhausted(problem)),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }
}

async fn thaw(daemon: &Daemon, uid: u32, ask: ThawAsk) -> Result<(), Status> {
    let now = daemon.clock.read();
    let thawed = match ask {
        ThawAsk::Clock => daemon.ledger.confirm_clock(now, uid).await,
        ThawAsk::Scope(scope) => daemon.ledger.thaw(now, uid, scope).await,
    };
    thawed.map_err(|error| status::failed(&error))?;
    tracing::info!(uid, "thawed");
    daemon.report().await;
    Ok(())
}

/// Writes the principal's answer down, then wakes whoever waits for it.
async fn decide(daemon: &Daemon, uid: u32, seq: u64, answer: ApprovalAnswer) -> Result<(), Status> {
    let now = daemon.clock.read();
    let wall = now.wall;
    let told = daemon.ledger.answer_approval(now, uid, seq, answer).await;
    match told.map_err(|error| status::failed(&error))? {
        Outcome::Granted(asked) => {
            tracing::info!(uid, seq, %answer, agent = %asked.agent, "a cart was answered about");
            daemon.approvals.tell(asked.cart);
            Ok(())
        }
        Outcome::Denied(refusal) => Err(status::refused(&refusal, wall)),
    }
}
