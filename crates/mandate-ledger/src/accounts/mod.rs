//! The wallet's projections over its journal: holds, totals, idempotency keys, freezes.
//!
//! Rows change through [`Projection::apply`] alone, one entry at a time, so replaying the journal makes them again.

mod approvals;
mod caps;
mod holds;
mod rows;
mod totals;

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate::history::Shown;
use mandate::token::{
    Cart as CartKind, Draft, Kind, Payment as PaymentKind, Receipt as ReceiptKind, Status,
    UnverifiedMandate,
};
use mandate::{AgentName, MerchantId, UnixSeconds};
use mandate_journal::{Entry, LogOwner, Projection, StoreError, peers};
use mandate_policy::{Rules, Spent};
use rusqlite::Connection;

use crate::damage::damaged;
use crate::event::{self, Effect, Event};
use crate::refusal::HoldState;
use crate::request::{Scope, Stop};

pub use approvals::ApprovalAsked;
pub(crate) use approvals::{approval, approval_of_cart, pending_approvals};
pub use holds::Hold;
pub(crate) use holds::{hold, hold_by_intent, open_holds};
pub(crate) use rows::{
    Owner, TokenState, answer_of, entries, idempotent_intent, is_unhashed_before, note_hash, owner,
    policy, seq_of_hash, stops, token_state, unhashed,
};
pub use totals::Charge;
pub(crate) use totals::Direction;

/// The wallet's state, in rows and in the little memory that every request needs.
#[derive(Debug)]
pub(crate) struct Accounts {
    /// Absent before the first entry.
    owner: Option<Owner>,
    unsettled: BTreeMap<AgentName, u64>,
    /// Absent until it is asked for, and after a commit that failed.
    caps: Option<caps::CapTotals>,
    /// Whether this was read from rows since it was last asked.
    reloaded: bool,
}

impl Accounts {
    /// Whose wallet it is.
    pub(crate) fn owner(&self) -> Result<&Owner, StoreError> {
        self.owner.as_ref().ok_or_else(|| damaged("the first entry is missing"))
    }

    /// Whether memory was read from rows since the last call: an earlier transaction may have been rolled back.
    pub(crate) fn take_reloaded(&mut self) -> bool {
        std::mem::take(&mut self.reloaded)
    }

    /// Has [`Accounts::take_reloaded`] say so.
    pub(crate) fn set_reloaded(&mut self) {
        self.reloaded = true;
    }

    /// Whether [`Accounts::take_reloaded`] would say so.
    pub(crate) fn is_reloaded(&self) -> bool {
        self.reloaded
    }

    /// Open holds of one agent.
    pub(crate) fn unsettled(&self, agent: &AgentName) -> u64 {
        self.unsettled.get(agent).copied().unwrap_or(0)
    }

    /// Open holds of all agents.
    pub(crate) fn unsettled_total(&self) -> u64 {
        self.unsettled.values().fold(0, |sum, open| sum.saturating_add(*open))
    }

    /// What each cap of `rules` has counted in its window at `now`.
    pub(crate) fn spent(
        &mut self,
        db: &Connection,
        rules: &Arc<Rules>,
        now: UnixSeconds,
    ) -> Result<&[Spent], StoreError> {
        let current = match self.caps.take() {
            Some(caps) if caps.is_of(rules) => caps,
            _ => caps::CapTotals::load(db, Arc::clone(rules), now)?,
        };
        self.caps.insert(current).at(db, now)
    }

    /// Counts a charge, or gives it back, in rows and in memory.
    pub(crate) fn move_total(
        &mut self,
        db: &Connection,
        charge: &Charge,
        direction: Direction,
    ) -> Result<(), StoreError> {
        totals::record(db, charge, direction)?;
        if let Some(caps) = &mut self.caps {
            caps.record(charge, direction);
        }
        Ok(())
    }

    fn opened(&mut self, agent: &AgentName) {
        let open = self.unsettled.entry(agent.clone()).or_default();
        *open = open.saturating_add(1);
    }

    fn closed(&mut self, agent: &AgentName) {
        if let Some(open) = self.unsettled.get_mut(agent) {
            *open = open.saturating_sub(1);
        }
    }

    fn apply_payment(
        &mut self,
        db: &Connection,
        seq: u64,
        payment: &event::Payment,
    ) -> Result<(), StoreError> {
        let draft = Draft::<PaymentKind>::from_stored(&payment.header, &payment.claims)
            .map_err(|error| damaged(format!("entry {seq}: {error}")))?;
        let hold = Hold::opened_by(seq, payment.intent_seq, &payment.agent, draft.claims());
        let cart = stored_token::<CartKind>(seq, &payment.cart)?;
        peers::note(db, seq, cart.claims().iss.as_str(), &Shown::from(&cart))?;
        holds::insert(db, &hold)?;
        rows::insert_token(db, seq)?;
        self.opened(&hold.charge.agent);
        self.move_total(db, &hold.charge, Direction::Count)
    }

    fn apply_approval_request(
        db: &Connection,
        seq: u64,
        request: &event::ApprovalRequest,
    ) -> Result<(), StoreError> {
        let cart = stored_token::<CartKind>(seq, &request.cart)?;
        approvals::insert(db, &ApprovalAsked::by(seq, &request.agent, &cart))
    }

    fn apply_withheld(&mut self, db: &Connection, of_seq: u64) -> Result<(), StoreError> {
        let hold = holds::hold(db, of_seq)?
            .ok_or_else(|| damaged(format!("entry {of_seq} is no hold to withhold")))?;
        holds::delete(db, of_seq)?;
        rows::delete_token(db, of_seq)?;
        self.closed(&hold.charge.agent);
        self.move_total(db, &hold.charge, Direction::GiveBack)
    }

    fn apply_receipt(
        &mut self,
        db: &Connection,
        seq: u64,
        receipt: &event::Receipt,
    ) -> Result<(), StoreError> {
        let token = stored_token::<ReceiptKind>(seq, &receipt.receipt)?;
        peers::note(db, seq, token.claims().iss.as_str(), &Shown::from(&token))?;
        let status = token.claims().status;
        rows::answer(db, receipt.of_seq, status, seq)?;
        let Some(hold) = holds::hold(db, receipt.of_seq)? else {
            // A free action holds nothing; a contradiction about it still freezes the merchant.
            if receipt.effect == Effect::Conflict {
                freeze(db, &token.claims().iss, seq)?;
            }
            return Ok(());
        };
        let state = match receipt.effect {
            Effect::Settled => HoldState::Executed,
            Effect::Released => HoldState::Void,
            Effect::Conflict => HoldState::Conflict,
        };
        holds::set_state(db, receipt.of_seq, state)?;
        match (hold.state, state) {
            (HoldState::Open, HoldState::Void) => {
                self.closed(&hold.charge.agent);
                self.move_total(db, &hold.charge, Direction::GiveBack)
            }
            (HoldState::Open, _) => {
                self.closed(&hold.charge.agent);
                Ok(())
            }
            (was, HoldState::Conflict) => {
                freeze(db, &hold.charge.merchant, seq)?;
                if was == HoldState::Void {
                    self.move_total(db, &hold.charge, Direction::Count)?;
                }
                Ok(())
            }
            (was, now) => Err(damaged(format!("entry {seq}: a hold went from {was} to {now}"))),
        }
    }
}

/// A merchant's token that was verified before it was written down.
fn stored_token<K: Kind>(seq: u64, compact: &str) -> Result<UnverifiedMandate<K>, StoreError> {
    UnverifiedMandate::parse(compact).map_err(|error| damaged(format!("entry {seq}: {error}")))
}

/// Freezes a merchant that contradicted itself.
fn freeze(db: &Connection, merchant: &MerchantId, seq: u64) -> Result<(), StoreError> {
    rows::stop(db, &Stop::Freeze(Scope::Merchant(merchant.clone())), seq)
}

fn apply_equivocation(
    db: &Connection,
    seq: u64,
    found: &event::Equivocation,
) -> Result<(), StoreError> {
    let shown = match UnverifiedMandate::<CartKind>::parse(&found.token) {
        Ok(cart) => Shown::from(&cart),
        Err(_no_cart) => Shown::from(&stored_token::<ReceiptKind>(seq, &found.token)?),
    };
    let peer = found.peer.as_str();
    peers::note(db, seq, peer, &shown)?;
    peers::accuse(db, seq, peer, &shown, (found.earlier_seq, found.rule))?;
    freeze(db, &found.peer, seq)
}

impl Projection for Accounts {
    const SCHEMA: &'static [&'static str] = &[rows::SCHEMA, approvals::SCHEMA, peers::SCHEMA];
    const TABLES: &'static [&'static str] = rows::TABLES;

    fn load(db: &Connection) -> Result<Self, StoreError> {
        Ok(Self {
            owner: rows::owner(db)?,
            unsettled: holds::open_counts(db)?,
            caps: None,
            reloaded: true,
        })
    }

    fn apply(&mut self, db: &Connection, entry: &Entry<'_>) -> Result<(), StoreError> {
        let seq = entry.seq;
        let event =
            Event::parse(entry).map_err(|error| damaged(format!("entry {seq}: {error}")))?;
        match event {
            Event::Init(init) => {
                rows::set_owner(db, &init)?;
                self.owner = rows::owner(db)?;
                Ok(())
            }
            Event::Intent(intent) => {
                if let Some(key) = &intent.idempotency_key {
                    rows::insert_idempotency(db, &intent.agent, key, seq)?;
                }
                rows::insert_token(db, seq)
            }
            Event::Payment(payment) => self.apply_payment(db, seq, &payment),
            Event::Receipt(receipt) => self.apply_receipt(db, seq, &receipt),
            Event::Equivocation(found) => apply_equivocation(db, seq, &found),
            Event::Withheld(withheld) => self.apply_withheld(db, withheld.of_seq),
            Event::Freeze(freeze) => rows::stop(db, &Stop::Freeze(freeze.scope), seq),
            Event::Thaw(thaw) => rows::end(db, &Stop::Freeze(thaw.scope)),
            Event::Lock(_) => rows::stop(db, &Stop::Lock, seq),
            Event::Unlock(_) => rows::end(db, &Stop::Lock),
            Event::Policy(policy) => rows::set_policy(db, &policy.digest),
            Event::ApprovalRequest(request) => Self::apply_approval_request(db, seq, &request),
            Event::Approval(approval) => {
                approvals::set_answer(db, approval.of_seq, approval.answer)
            }
            Event::Clock(_)
            | Event::Denial(_)
            | Event::PolicyRefused(_)
            | Event::RateLimited(_) => Ok(()),
        }
    }

    fn log_owner(&self) -> Option<LogOwner> {
        let Owner { principal, key, .. } = self.owner.as_ref()?;
        // Every id of a principal is a name that a key may have.
        let origin = format!("mandate/wallet/{principal}").parse().ok()?;
        Some(LogOwner { origin, key: *key })
    }
}

/// What a receipt's status does to an open hold.
pub(crate) fn effect_of(status: Status) -> Effect {
    match status {
        Status::Executed => Effect::Settled,
        Status::Void => Effect::Released,
    }
}
