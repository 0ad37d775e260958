//! How the principal ends holds without their agents: a payment's own bytes once more, and a receipt taken.

use std::sync::Arc;

use mandate::clock::ClockReading;
use mandate_host::log;
use mandate_ledger::{Call, Caller, Expired, Outcome, Redeemed, Refusal};
use mandate_proto::v1;
use tonic::Status;

use crate::daemon::Daemon;
use crate::status;
use crate::wallet::{recorded, request, verified_receipt};

/// The payment of an open hold whose time is over, exactly as it was signed before.
pub(super) async fn payment(daemon: &Daemon, seq: u64) -> Result<v1::GetPaymentResponse, Status> {
    let now = daemon.clock.read();
    let wall = now.wall;
    let refused = |refusal: &Refusal| status::refused(refusal, wall);
    let Expired { permit, hash } = match daemon.ledger.expired(now, seq).await {
        Ok(Outcome::Granted(expired)) => expired,
        Ok(Outcome::Denied(refusal)) => return Err(refused(&refusal)),
        Err(error) => return Err(status::failed(&error)),
    };
    match daemon.mint.sign(permit) {
        Redeemed::Signed(payment) if payment.hash() == hash => {
            Ok(v1::GetPaymentResponse { mandate: payment.as_str().to_owned() })
        }
        Redeemed::Signed(_) => {
            // An entry was changed under its stored hash, or the key is another one: nothing leaves this room.
            tracing::error!(seq, "a payment was not made again as it was");
            let problem = format!("entry {seq} does not give the payment that was signed");
            daemon.ledger.distrust(problem);
            daemon.report().await;
            Err(refused(&Refusal::LedgerUnsafe))
        }
        Redeemed::Failed(error) => Err(refused(&error.into())),
        // Its gate is open; were it not, this is the sentence for it.
        Redeemed::Withheld(withheld) => Err(refused(&withheld.stop().clone().into())),
    }
}

/// Takes a receipt that the principal hands in.
pub(super) async fn receipt(
    daemon: Arc<Daemon>,
    uid: u32,
    message: v1::RecordReceiptRequest,
) -> Result<v1::RecordReceiptResponse, Status> {
    let now = daemon.clock.read();
    let caller = Caller { agent: None, uid };
    let receipt = match request::receipt(&message) {
        Ok(receipt) => verified_receipt(&daemon, receipt).await?,
        Err(refusal) => Err(refusal),
    };
    let wall = now.wall;
    let outcome = match receipt {
        Ok(receipt) => daemon.ledger.record_receipt(now, &caller, receipt).await,
        Err(refusal) => deny(&daemon, now, &caller, refusal).await,
    };
    match outcome {
        Ok(Outcome::Granted(answer)) => Ok(recorded(answer)),
        Ok(Outcome::Denied(refusal)) => {
            let detail = log::shown(&refusal.to_string());
            tracing::info!(uid, reason = %refusal.reason(), %detail, "denied the principal");
            Err(status::refused(&refusal, wall))
        }
        Err(error) => Err(status::failed(&error)),
    }
}

/// Writes the denial down and gives it as the answer.
async fn deny<T>(
    daemon: &Daemon,
    now: ClockReading,
    caller: &Caller,
    refusal: Refusal,
) -> Result<Outcome<T>, mandate_ledger::LedgerError> {
    daemon.ledger.deny(now, caller, Call::RecordReceipt, refusal).await.map(Outcome::Denied)
}
