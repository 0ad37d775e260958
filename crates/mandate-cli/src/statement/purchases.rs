//! Payments: what each was for, and what became of it.

use mandate::token::{Cart, Receipt, Status, UnverifiedMandate};
use mandate::{AgentName, Jti, MerchantId, MinorUnits, Money, Sku, UnixSeconds};
use mandate_ledger::event::{self, Effect};
use mandate_ledger::{Charge, Scope};
use mandate_terminal::record::damaged;
use serde::Serialize;

use crate::audit::fact::payment_claims;
use crate::failure::Failure;
use crate::record::Wallet;

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fate {
    /// Its receipts contradict each other: it counts.
    Conflict,
    /// The merchant signed that the action was done.
    Executed,
    /// Minted and not settled: it counts.
    Held,
    /// The merchant signed that it will never be used: given back.
    Void,
    /// A freeze or a lock stopped the signature: given back.
    Withheld,
}

impl Fate {
    /// As programs name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Executed => "executed",
            Self::Held => "held",
            Self::Void => "void",
            Self::Withheld => "withheld",
        }
    }

    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Conflict => "receipts in conflict, counted",
            Self::Executed => "executed",
            Self::Held => "held",
            Self::Void => "void, given back",
            Self::Withheld => "never signed, given back",
        }
    }
}

/// One payment.
#[derive(Debug, Serialize)]
pub(super) struct Purchase {
    /// Its entry.
    pub(super) seq: u64,
    /// When it was minted.
    pub(super) at: UnixSeconds,
    /// Who paid.
    pub(super) agent: AgentName,
    /// Why, in the agent's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<String>,
    /// Whom.
    pub(super) merchant: MerchantId,
    /// For what.
    pub(super) action: Sku,
    /// How many of it.
    pub(super) quantity: u32,
    /// The lines of the cart, in the merchant's words.
    pub(super) titles: Vec<String>,
    /// How much.
    pub(super) total: Money,
    /// What became of it.
    pub(super) fate: Fate,
    /// The merchant's reference, or its reason for a void.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    /// The entry that settled it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) settled_seq: Option<u64>,
    /// The payment's id.
    pub(super) jti: Jti,
    #[serde(skip)]
    pub(super) intent_seq: u64,
}

impl Purchase {
    /// Reads a payment from its entry; its purpose is in another one.
    pub(super) fn read(seq: u64, payment: &event::Payment) -> Result<Self, Failure> {
        let claims = payment_claims(payment)
            .ok_or_else(|| damaged::<Wallet>(&format!("entry {seq} holds no payment")))?;
        let cart = UnverifiedMandate::<Cart>::parse(&payment.cart)
            .map_err(|error| damaged::<Wallet>(&format!("the cart of entry {seq}: {error}")))?;
        let titles = cart.claims().line_items.iter().map(|item| item.title.to_string());
        Ok(Self {
            seq,
            at: claims.iat,
            agent: payment.agent.clone(),
            purpose: None,
            merchant: claims.aud,
            action: claims.action.sku,
            quantity: claims.action.quantity.get(),
            titles: titles.collect(),
            total: claims.total,
            fate: Fate::Held,
            note: None,
            settled_seq: None,
            jti: claims.jti,
            intent_seq: payment.intent_seq,
        })
    }

    /// What it counts, and under what.
    pub(super) fn charge(&self) -> Charge {
        Charge {
            agent: self.agent.clone(),
            merchant: self.merchant.clone(),
            action: self.action.clone(),
            currency: self.total.currency,
            amount: self.total.amount,
            at: self.at,
        }
    }

    /// The action, with how many of it where that is not one.
    pub(super) fn ordered(&self) -> String {
        match self.quantity {
            1 => self.action.to_string(),
            quantity => format!("{quantity} x {}", self.action),
        }
    }

    /// Notes what an answer to it says.
    pub(super) fn settle(&mut self, answer: &Answer) {
        self.fate = answer.fate;
        self.note.clone_from(&answer.note);
        self.settled_seq = Some(answer.seq);
    }
}

/// An entry that says what became of a payment.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) seq: u64,
    pub(super) fate: Fate,
    note: Option<String>,
    /// What it does to the sums.
    pub(super) moves: Option<Direction>,
}

/// Whether an amount is counted or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Count,
    GiveBack,
}

impl Direction {
    /// A sum after an amount was moved; it stops at nothing and at the largest amount, as the ledger's do.
    pub(super) fn apply(self, sum: MinorUnits, amount: MinorUnits) -> MinorUnits {
        match self {
            Self::Count => add(sum, amount),
            Self::GiveBack => sum.checked_sub(amount).unwrap_or(MinorUnits::ZERO),
        }
    }
}

/// A sum that stops at the largest amount.
pub(super) fn add(sum: MinorUnits, amount: MinorUnits) -> MinorUnits {
    sum.checked_add(amount).unwrap_or(MinorUnits::MAX)
}

impl Answer {
    /// Reads a receipt from its entry; `None` if it is of a free action.
    pub(super) fn read(seq: u64, receipt: &event::Receipt) -> Result<Option<Self>, Failure> {
        let token = UnverifiedMandate::<Receipt>::parse(&receipt.receipt)
            .map_err(|error| damaged::<Wallet>(&format!("the receipt of entry {seq}: {error}")))?;
        let claims = token.claims();
        if claims.payment.is_none() {
            return Ok(None);
        }
        let order = claims.order.as_ref().map(ToString::to_string);
        let note = order.or_else(|| claims.reason.as_ref().map(ToString::to_string));
        let (fate, moves) = match (receipt.effect, claims.status) {
            (Effect::Settled, _) => (Fate::Executed, None),
            (Effect::Released, _) => (Fate::Void, Some(Direction::GiveBack)),
            // What was given back by the earlier void counts again.
            (Effect::Conflict, Status::Executed) => (Fate::Conflict, Some(Direction::Count)),
            (Effect::Conflict, Status::Void) => (Fate::Conflict, None),
        };
        Ok(Some(Self { seq, fate, note, moves }))
    }

    /// A payment that a freeze stopped, or a lock where there is no scope.
    pub(super) fn withheld(seq: u64, scope: Option<&Scope>) -> Self {
        let moves = Some(Direction::GiveBack);
        let note = scope.map_or_else(|| "locked".to_owned(), |scope| format!("frozen: {scope}"));
        Self { seq, fate: Fate::Withheld, note: Some(note), moves }
    }
}
