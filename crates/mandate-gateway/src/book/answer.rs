//! What the book answers about intents and uses, and what it is told of them.

use mandate::IntentHash;
use mandate::text::{Order, VoidReason};
use mandate::token::{Cart, Receipt};

use super::key::UseKey;
use super::recorded::Recorded;
use crate::refusal::Refusal;

/// A use that is on disk and waits for the API's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Its entry.
    pub seq: u64,
    /// What it is known by.
    pub key: UseKey,
}

/// What came of presenting a mandate for use.
#[derive(Debug)]
pub enum Presented {
    /// It was reserved before and nobody knows what became of it: the call goes to the API again, under the same key.
    Again(Reservation),
    /// It is not used.
    Refused(Refusal),
    /// It is reserved from now on: the call goes to the API for the first time.
    Reserved(Reservation),
    /// This mandate was used; the receipt says what came of it.
    Settled(Recorded<Receipt>),
    /// Another mandate used its cart or intent; there is a receipt once that one is settled.
    UsedByAnother(Option<Recorded<Receipt>>),
}

/// What a mandate is looked for by before its call is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The use of an intent for a paid action, or a cart of it that lives.
    Intent(IntentHash),
    /// The use of a payment, or of an intent for a free action.
    Use(UseKey),
}

/// What is known of an intent that asks for a price.
#[derive(Debug)]
pub enum IntentState {
    /// Nothing.
    Fresh,
    /// Its cart lives; it was quoted for this call.
    Quoted(Recorded<Cart>),
    /// It was used; there is a receipt once that use is settled.
    Used(Option<Recorded<Receipt>>),
}

/// What became of a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was executed, perhaps under a reference of the merchant's own.
    Executed {
        /// The reference.
        order: Option<Order>,
    },
    /// It was not executed and never will be.
    Void {
        /// Why.
        reason: VoidReason,
    },
}
