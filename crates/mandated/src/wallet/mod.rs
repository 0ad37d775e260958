//! The service that agents call.
//!
//! One call runs in one order: let in, parse, verify, reserve, sign, answer. From the reservation on it is a task of
//! its own, which goes on when the client hangs up and which shutdown waits for. Nothing is decided here.

pub(crate) mod request;

use std::sync::Arc;
use std::time::Duration;

use mandate::Jti;
use mandate::id::JTI_BYTES;
use mandate::key::Jwk;
use mandate::token::{
    Cart, Intent, Kind, Mandate, Payment, Receipt, Status as Answer, UnverifiedMandate,
};
use mandate_ledger::{Call, IntentAsk, LedgerError, Outcome, Permit, Redeemed, Refusal};
use mandate_policy::Reason;
use mandate_proto::v1;
use mandate_proto::v1::wallet_server::Wallet;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::convert::{cap, money_out, timestamp};
use crate::daemon::{Daemon, Visit, denied, granted};
use crate::own;
use crate::serve::Peer;
use crate::status;

/// The agents' service.
#[derive(Debug, Clone)]
pub(crate) struct WalletService {
    daemon: Arc<Daemon>,
}

impl WalletService {
    pub(crate) fn new(daemon: Arc<Daemon>) -> Self {
        Self { daemon }
    }

    fn enter<T>(&self, request: &Request<T>, call: Call) -> Result<Visit, Status> {
        self.daemon.enter(&peer(request)?, call)
    }

    /// A request read from the wire, or the status of its refusal.
    async fn parsed<T>(
        &self,
        visit: &Visit,
        call: Call,
        read: Result<T, Refusal>,
    ) -> Result<T, Status> {
        match read {
            Ok(value) => Ok(value),
            Err(refusal) => Err(self.daemon.deny(visit, call, refusal).await),
        }
    }

    /// As [`Self::parsed`], for a request with a peer's token; one that is none may be our own.
    async fn peers<T>(
        &self,
        visit: &Visit,
        call: Call,
        read: Result<T, Refusal>,
        compact: &str,
    ) -> Result<T, Status> {
        if read.is_err() {
            own::notice(&self.daemon, compact).await;
        }
        self.parsed(visit, call, read).await
    }

    /// Mints the payment of a cart; waits for the principal if that is all it lacks and the client wants to.
    async fn pay(
        &self,
        peer: &Peer,
        mut visit: Visit,
        cart: Arc<Mandate<Cart>>,
        wait: Duration,
    ) -> Result<Response<v1::MintPaymentResponse>, Status> {
        const CALL: Call = Call::MintPayment;
        let until = Instant::now().checked_add(wait).unwrap_or_else(Instant::now);
        // Before the ledger is asked, so that no answer falls in between.
        let mut answers = (!wait.is_zero()).then(|| self.daemon.approvals.listen());
        loop {
            let minting = mint_payment(Arc::clone(&self.daemon), visit, Arc::clone(&cart));
            let refusal = match self.daemon.to_the_end(minting).await? {
                Paid::Minted(minted) => return Ok(Response::new(minted)),
                Paid::Refused(back, refusal) => {
                    visit = back;
                    refusal
                }
            };
            if refusal.reason() != Reason::ApprovalRequired {
                return Err(denied(&visit, CALL, &refusal));
            }
            visit.tally.waits();
            let is_answered = match &mut answers {
                Some(answers) => answers.wait_for(&cart.hash(), until).await,
                None => false,
            };
            self.daemon.look_again(&mut visit, peer, CALL).await?;
            if !is_answered {
                return Err(denied(&visit, CALL, &refusal));
            }
            self.parsed(&visit, CALL, self.daemon.mint.ready()).await?;
        }
    }

    /// Runs work that must not stop when the client hangs up.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Status>> + Send + 'static,
    ) -> Result<Response<T>, Status> {
        self.daemon.to_the_end(work).await.map(Response::new)
    }
}

/// Who the kernel said it is.
pub(crate) fn peer<T>(request: &Request<T>) -> Result<Peer, Status> {
    request.extensions().get::<Peer>().cloned().ok_or_else(status::agent_unknown)
}

#[tonic::async_trait]
impl Wallet for WalletService {
    async fn mint_intent(
        &self,
        request: Request<v1::MintIntentRequest>,
    ) -> Result<Response<v1::MintIntentResponse>, Status> {
        const CALL: Call = Call::MintIntent;
        let visit = self.enter(&request, CALL)?;
        let ask = self.parsed(&visit, CALL, request::intent(request.into_inner())).await?;
        self.parsed(&visit, CALL, self.daemon.mint.ready()).await?;
        self.to_the_end(mint_intent(Arc::clone(&self.daemon), visit, ask)).await
    }

    async fn mint_payment(
        &self,
        request: Request<v1::MintPaymentRequest>,
    ) -> Result<Response<v1::MintPaymentResponse>, Status> {
        const CALL: Call = Call::MintPayment;
        let peer = peer(&request)?;
        let visit = self.daemon.enter(&peer, CALL)?;
        let message = request.into_inner();
        let ask = self.peers(&visit, CALL, request::payment(&message), &message.cart).await?;
        let cart = self.parsed(&visit, CALL, verified_cart(&self.daemon, ask.cart)).await?;
        self.parsed(&visit, CALL, self.daemon.mint.ready()).await?;
        self.pay(&peer, visit, Arc::new(cart), ask.approval_wait).await
    }

    async fn record_receipt(
        &self,
        request: Request<v1::RecordReceiptRequest>,
    ) -> Result<Response<v1::RecordReceiptResponse>, Status> {
        const CALL: Call = Call::RecordReceipt;
        let visit = self.enter(&request, CALL)?;
        let message = request.into_inner();
        let read = request::receipt(&message);
        let receipt = self.peers(&visit, CALL, read, &message.receipt).await?;
        let receipt = verified_receipt(&self.daemon, receipt).await;
        // Its error is a ledger that could not be read, or a thread that ended.
        let receipt = receipt.inspect_err(|_| visit.tally.refused(Reason::LedgerUnavailable))?;
        let receipt = self.parsed(&visit, CALL, receipt).await?;
        self.to_the_end(record_receipt(Arc::clone(&self.daemon), visit, receipt)).await
    }

    async fn get_budget(
        &self,
        request: Request<v1::GetBudgetRequest>,
    ) -> Result<Response<v1::GetBudgetResponse>, Status> {
        const CALL: Call = Call::GetBudget;
        let visit = self.enter(&request, CALL)?;
        let filter = self.parsed(&visit, CALL, request::budget(request.into_inner())).await?;
        let caps = self.daemon.ledger.budget(visit.now.clone(), Some(&visit.caller), filter).await;
        let caps = caps.map_err(|error| visit.failed(&error))?;
        visit.tally.granted();
        let caps = caps.into_iter().map(cap).collect();
        Ok(Response::new(v1::GetBudgetResponse { caps }))
    }

    async fn get_principal(
        &self,
        request: Request<v1::GetPrincipalRequest>,
    ) -> Result<Response<v1::GetPrincipalResponse>, Status> {
        let visit = self.enter(&request, Call::GetPrincipal)?;
        let v1::GetPrincipalRequest {} = request.into_inner();
        let jwk = serde_json::to_string(&Jwk::from(self.daemon.ledger.key()));
        let jwk = jwk.map_err(|error| Status::internal(error.to_string()))?;
        visit.tally.granted();
        let id = self.daemon.ledger.principal().to_string();
        Ok(Response::new(v1::GetPrincipalResponse { id, jwk }))
    }
}

async fn mint_intent(
    daemon: Arc<Daemon>,
    visit: Visit,
    ask: IntentAsk,
) -> Result<v1::MintIntentResponse, Status> {
    const CALL: Call = Call::MintIntent;
    let jti = fresh_jti()?;
    let answer = daemon.ledger.mint_intent(visit.now.clone(), &visit.caller, ask, jti).await;
    let permit: Permit<Intent> = granted(&visit, CALL, answer)?;
    let mandate = sign(&daemon, &visit, CALL, permit).await?;
    let claims = mandate.claims();
    tracing::debug!(agent = %visit.agent, jti = %claims.jti, merchant = %claims.aud, "minted an intent");
    visit.tally.granted();
    Ok(v1::MintIntentResponse {
        mandate: mandate.as_str().to_owned(),
        expires_at: Some(timestamp(claims.exp)),
    })
}

/// What came of a cart.
enum Paid {
    Minted(v1::MintPaymentResponse),
    /// With the visit, for who waits and asks again.
    Refused(Visit, Refusal),
}

async fn mint_payment(
    daemon: Arc<Daemon>,
    visit: Visit,
    cart: Arc<Mandate<Cart>>,
) -> Result<Paid, Status> {
    let jti = fresh_jti()?;
    let answer = daemon.ledger.reserve(visit.now.clone(), &visit.caller, cart, jti).await;
    let permit: Permit<Payment> = match answer.map_err(|error| visit.failed(&error))? {
        Outcome::Granted(permit) => permit,
        Outcome::Denied(refusal) => return Ok(Paid::Refused(visit, refusal)),
    };
    let mandate = sign(&daemon, &visit, Call::MintPayment, permit).await?;
    let claims = mandate.claims();
    tracing::debug!(agent = %visit.agent, jti = %claims.jti, merchant = %claims.aud, total = %claims.total, "minted a payment");
    visit.tally.granted();
    Ok(Paid::Minted(v1::MintPaymentResponse {
        mandate: mandate.as_str().to_owned(),
        expires_at: Some(timestamp(claims.exp)),
        total: Some(money_out(claims.total)),
    }))
}

async fn record_receipt(
    daemon: Arc<Daemon>,
    visit: Visit,
    receipt: Mandate<Receipt>,
) -> Result<v1::RecordReceiptResponse, Status> {
    let answer = daemon.ledger.record_receipt(visit.now.clone(), &visit.caller, receipt).await;
    let answer = granted(&visit, Call::RecordReceipt, answer)?;
    visit.tally.granted();
    Ok(recorded(answer))
}

/// What a receipt said, as it goes over the wire.
pub(crate) fn recorded(answer: Answer) -> v1::RecordReceiptResponse {
    let status = match answer {
        Answer::Executed => "executed",
        Answer::Void => "void",
    };
    v1::RecordReceiptResponse { status: status.to_owned() }
}

/// Redeems a permit; a freeze or a lock that came in between gives the reservation back.
async fn sign<K: Kind>(
    daemon: &Daemon,
    visit: &Visit,
    call: Call,
    permit: Permit<K>,
) -> Result<Mandate<K>, Status> {
    match daemon.mint.sign(permit) {
        Redeemed::Signed(mandate) => Ok(mandate),
        Redeemed::Withheld(withheld) => {
            match daemon.ledger.withhold(visit.now.clone(), withheld).await {
                Ok(refusal) => Err(denied(visit, call, &refusal)),
                Err(error) => Err(visit.failed(&error)),
            }
        }
        Redeemed::Failed(error) => {
            let refusal = Refusal::from(error);
            tracing::error!(%refusal, "a permit was not signed");
            daemon.report().await;
            Err(denied(visit, call, &refusal))
        }
    }
}

/// 128 bits from the system's generator.
fn fresh_jti() -> Result<Jti, Status> {
    let mut bits = [0; JTI_BYTES];
    match getrandom::fill(&mut bits) {
        Ok(()) => Ok(Jti::from_random(bits)),
        Err(error) => {
            tracing::error!(%error, "the system gives no random bytes");
            Err(Status::internal("the system gives no random bytes"))
        }
    }
}

/// Checks a cart's signature under the keys of the very merchant it names.
fn verified_cart(daemon: &Daemon, cart: UnverifiedMandate<Cart>) -> Result<Mandate<Cart>, Refusal> {
    let rules = daemon.ledger.rules();
    let issuer = &cart.claims().iss;
    let merchant = rules
        .merchant(issuer)
        .ok_or_else(|| Refusal::MerchantNotAllowed { merchant: issuer.clone() })?;
    cart.verify(&merchant.keys).map_err(Refusal::CartSignatureInvalid)
}

/// Checks a receipt's signature under the merchant's keys, now and when its payment was minted.
pub(crate) async fn verified_receipt(
    daemon: &Daemon,
    receipt: UnverifiedMandate<Receipt>,
) -> Result<Result<Mandate<Receipt>, Refusal>, Status> {
    let ledger = daemon.ledger.clone();
    let verified = tokio::task::spawn_blocking(move || {
        let keys = ledger.receipt_keys(&receipt)?;
        let invalid = |error: mandate::token::VerifyError| Refusal::ReceiptInvalid {
            problem: error.to_string(),
        };
        Ok(receipt.verify(&keys).map_err(invalid))
    });
    match verified.await {
        Ok(Ok(verified)) => Ok(verified),
        Ok(Err(error)) => Err(status::failed(&LedgerError::NotApplied(error))),
        Err(error) => {
            tracing::error!(%error, "a receipt's check did not come to its end");
            Err(Status::internal("the receipt's check did not come to its end"))
        }
    }
}
