//! What the principal is told, as it goes over the wire.

use mandate::Head;
use mandate_host::key::NoKey;
use mandate_host::supervisor::unit;
use mandate_ledger::{Equivocation, Explanation, Hold, PendingApproval, Refusal, Verified};
use mandate_policy::Rules;
use mandate_proto::v1;
use tonic::Status;

use crate::convert::{cap, money_out, timestamp};
use crate::daemon::Daemon;
use crate::mint::{Mint, Origin};
use crate::status;

/// What the wallet is, holds and obeys right now.
pub(super) async fn status(daemon: &Daemon) -> Result<v1::GetStatusResponse, Status> {
    let ledger = daemon.ledger.status(daemon.clock.read()).await;
    let ledger = ledger.map_err(|error| status::failed(&error))?;
    let policy = daemon.policy.in_force.standing();
    let rules = daemon.ledger.rules();
    let (key_id, key_store, key_problem) = match daemon.mint.room().note() {
        Ok(Origin { id, store }) => (id.to_string(), store.to_string(), String::new()),
        Err(NoKey::Absent { problem }) => (String::new(), String::new(), problem.to_string()),
        Err(NoKey::Locked) => (String::new(), String::new(), Refusal::Locked.to_string()),
    };
    let unit = unit();
    let path = |path: &std::path::Path| path.display().to_string();
    Ok(v1::GetStatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        principal_name: rules.principal().name.to_string(),
        principal_id: daemon.ledger.principal().to_string(),
        key_id,
        key_store,
        key_problem,
        policy_digest: policy.digest.to_string(),
        policy_loaded_at: Some(timestamp(policy.loaded_at)),
        policy_problem: policy.problem.map(|problem| problem.to_string()).unwrap_or_default(),
        frozen: ledger.frozen.iter().map(ToString::to_string).collect(),
        clock_problem: ledger.clock.map(|fault| fault.to_string()).unwrap_or_default(),
        ledger_problem: ledger.distrusted.unwrap_or_default(),
        log_size: ledger.head.size,
        log_root: ledger.head.root.to_string(),
        holds: ledger.holds,
        config_path: path(daemon.policy.watched().file()),
        ledger_path: path(daemon.ledger.path()),
        wallet_socket: path(&daemon.paths.wallet_socket()),
        control_socket: path(&daemon.paths.control_socket()),
        equivocations: ledger.equivocations.into_iter().map(equivocation).collect(),
        locked: ledger.locked,
        warnings: warnings(daemon, &rules),
        unit_is_users: unit.as_ref().is_some_and(|unit| unit.is_users),
        unit: unit.map(|unit| unit.name).unwrap_or_default(),
        sockets_handed_in: daemon.sockets.are_handed_in(),
        metrics_address: daemon.metrics.address().map(|at| at.to_string()).unwrap_or_default(),
        metrics_problem: daemon.metrics.problem().unwrap_or_default(),
    })
}

fn warnings(daemon: &Daemon, rules: &Rules) -> Vec<String> {
    let sockets = daemon.sockets.warnings(rules);
    daemon.warnings.list().into_iter().chain(sockets).chain(daemon.memory.problem()).collect()
}

fn equivocation(found: Equivocation) -> v1::Equivocation {
    let Equivocation { seq, peer, kid: _, earlier_seq, rule } = found;
    v1::Equivocation { merchant_id: peer, seq, earlier_seq, rule: rule.to_string() }
}

/// What would be answered; a missing key stands against everything, last.
pub(super) fn explanation(explained: Explanation, mint: &Mint) -> v1::ExplainResponse {
    let Explanation { mut refusals, caps, free } = explained;
    // The ledger knows of a lock by itself.
    refusals.extend(mint.ready().err().filter(|refusal| !refusals.contains(refusal)));
    let violation = |refusal: &Refusal| v1::Violation {
        reason: refusal.reason().as_str().to_owned(),
        message: refusal.to_string(),
    };
    v1::ExplainResponse {
        allowed: refusals.is_empty(),
        violations: refusals.iter().map(violation).collect(),
        caps: caps.into_iter().map(cap).collect(),
        free,
    }
}

/// One payment that is not settled.
pub(super) fn hold(hold: &Hold) -> v1::Hold {
    v1::Hold {
        seq: hold.seq,
        jti: hold.jti.to_string(),
        agent: hold.charge.agent.to_string(),
        merchant_id: hold.charge.merchant.to_string(),
        action_sku: hold.charge.action.to_string(),
        total: Some(money_out(hold.total())),
        minted_at: Some(timestamp(hold.charge.at)),
        expires_at: Some(timestamp(hold.expires_at)),
        payment_hash: hold.payment.map(|hash| hash.to_string()).unwrap_or_default(),
    }
}

/// One cart that waits for the principal's yes.
pub(super) fn approval(pending: PendingApproval) -> v1::Approval {
    let PendingApproval { asked, cart } = pending;
    v1::Approval {
        seq: asked.seq,
        cart,
        agent: asked.agent.to_string(),
        merchant_id: asked.merchant.to_string(),
        action_sku: asked.action.to_string(),
        total: Some(money_out(asked.total)),
        expires_at: Some(timestamp(asked.expires_at)),
    }
}

/// What a full check that found nothing wrong can vouch for.
pub(super) fn whole(verified: Verified) -> v1::VerifyLogResponse {
    let Head { size, root } = verified.head;
    v1::VerifyLogResponse { size, root: root.to_string(), fault: String::new() }
}

/// What a full check found to be wrong.
pub(super) fn broken(fault: String) -> v1::VerifyLogResponse {
    v1::VerifyLogResponse { size: 0, root: String::new(), fault }
}
