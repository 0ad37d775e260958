//! What the agent met, for comparison with the journals.

use std::collections::{BTreeMap, BTreeSet};

use mandate::{CartHash, IntentHash, MerchantId, PaymentHash, ReceiptHash};
use mandate_gateway::Reason;

use crate::call::{Call, Reply, With};

/// What the agent met.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Intents, each counted once.
    pub(crate) intents: BTreeSet<IntentHash>,
    /// Payments, each counted once however often it was asked for.
    pub(crate) payments: BTreeSet<PaymentHash>,
    /// Receipts handed in.
    pub(crate) receipts: usize,
    /// Refusals of the wallet.
    pub(crate) denials: usize,
    /// What each merchant answered.
    pub(crate) merchants: BTreeMap<MerchantId, Answers>,
}

/// What a merchant answered.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Carts, each counted once.
    pub(crate) carts: BTreeSet<CartHash>,
    /// Receipts, each counted once.
    pub(crate) receipts: BTreeSet<ReceiptHash>,
    /// Calls that were refused although their mandate was genuine.
    pub(crate) refusals: usize,
}

impl Tally {
    /// Counts what a gateway answered.
    pub(crate) fn note(&mut self, merchant: &MerchantId, call: &Call<'_>, reply: &Reply) {
        let answers = self.merchants.entry(merchant.clone()).or_default();
        answers.carts.extend(reply.cart.as_ref().map(mandate::Mandate::hash));
        answers.receipts.extend(reply.receipt.as_ref().map(mandate::Mandate::hash));
        // What is not refused for good is not written down.
        let passing = [Reason::NotExpired, Reason::PaymentRequired, Reason::UpstreamFailed];
        let is_refusal = reply
            .problem
            .as_ref()
            .is_some_and(|problem| passing.iter().all(|reason| reason.as_str() != problem.reason));
        if is_refusal && !matches!(call.with, With::Nothing) {
            count(&mut answers.refusals);
        }
    }
}

/// One more.
pub(crate) fn count(counter: &mut usize) {
    *counter = counter.saturating_add(1);
}
