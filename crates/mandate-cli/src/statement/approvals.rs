//! What needed the principal's yes, and what they said.

use mandate::token::{Cart, UnverifiedMandate};
use mandate::{AgentName, MerchantId, Money, Sku, UnixSeconds};
use mandate_ledger::{ApprovalAnswer, event};
use serde::Serialize;

/// One cart that an agent asked the principal's yes for.
#[derive(Debug, Serialize)]
pub(super) struct ApprovalLine {
    /// The request's entry.
    pub(super) seq: u64,
    /// When it was asked.
    pub(super) at: UnixSeconds,
    /// Who asked.
    pub(super) agent: AgentName,
    pub(super) merchant: MerchantId,
    pub(super) action: Sku,
    pub(super) total: Money,
    /// What the principal said, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<ApprovalAnswer>,
    /// The answer's entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer_seq: Option<u64>,
}

impl ApprovalLine {
    /// Reads one from its entry; `None` if the cart does not read back, which a check of the journal tells more about.
    pub(super) fn read(
        seq: u64,
        at: UnixSeconds,
        request: &event::ApprovalRequest,
    ) -> Option<Self> {
        let cart = UnverifiedMandate::<Cart>::parse(&request.cart).ok()?;
        let claims = cart.claims();
        Some(Self {
            seq,
            at,
            agent: request.agent.clone(),
            merchant: claims.iss.clone(),
            action: claims.action.sku.clone(),
            total: claims.total,
            answer: None,
            answer_seq: None,
        })
    }

    /// The answer in words.
    pub(super) fn answered(&self) -> &'static str {
        match self.answer {
            None => "not answered",
            Some(ApprovalAnswer::Approved) => "approved",
            Some(ApprovalAnswer::Denied) => "denied",
        }
    }
}
