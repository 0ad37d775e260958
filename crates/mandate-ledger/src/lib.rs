//! The wallet's accounts over its journal: reserve, settle, release, freeze, lock.
//!
//! Every decision about money is made here, in one serialised transaction with the entry that records it, and is on
//! disk before it is answered. Only this crate makes a [`Permit`]; it never signs, and never reads a clock.

mod accounts;
mod approval;
mod budget;
mod control;
mod damage;
mod desk;
mod equivocation;
pub mod event;
mod gate;
mod intent;
mod ledger;
mod payment;
mod receipt;
mod refusal;
mod replay;
mod request;
mod restore;
mod stopped;
mod sync;

pub use accounts::{ApprovalAsked, Charge, Hold};
pub use approval::PendingApproval;
pub use event::{ApprovalAnswer, Event, EventError};
pub use gate::{Expired, Permit, Redeemed, Unhashed, Withheld};
pub use ledger::{
    Durability, EQUIVOCATIONS_MAX, Genesis, LEDGER_NAME, Ledger, LedgerError, LedgerStatus,
    ledger_path,
};
pub use mandate_journal::peers::Equivocation;
pub use mandate_journal::{
    Checkpoint, Damage, Died, Fault, Files, Hook, Hooks, Moment, Observer, OpenError, Options,
    Progress, RecallError, StoreError, Verified, VerifyFault, WriteError,
};
pub use refusal::{HoldState, Outcome, Refusal};
pub use replay::{Refused, Replay};
pub use request::{
    BudgetFilter, Call, Caller, CapBudget, ExplainAsk, Explanation, IDEMPOTENCY_KEY_BYTES_MAX,
    IdempotencyKey, IdempotencyKeyError, IntentAsk, Scope, ScopeError, Stop,
};
pub use restore::{PutError, Restoring, Staged};
pub use stopped::StoppedLedger;
