//! The principal's yes or no to one cart.
//!
//! It is about one cart, one agent and one expiry, and it moves no total: every cap still has to hold when the cart is
//! paid.

use mandate::AgentName;
use mandate::token::{Cart, Mandate};
use mandate_journal::StoreError;
use mandate_policy::{Consent, Denial, Violation};

use crate::accounts::{self, ApprovalAsked};
use crate::damage::damaged;
use crate::desk::Desk;
use crate::event::{self, ApprovalAnswer, Event, kind};
use crate::refusal::{Outcome, Refusal};
use crate::request::Caller;

/// A request for approval that waits for an answer.
#[derive(Debug, Clone)]
pub struct PendingApproval {
    /// The request.
    pub asked: ApprovalAsked,
    /// The merchant's cart, whole: what a person decides about.
    pub cart: String,
}

impl Desk<'_, '_> {
    /// Requests after entry `after_seq` that nobody answered and whose cart has not run out, oldest first.
    pub(crate) fn pending_approvals(
        &self,
        after_seq: u64,
        limit: usize,
    ) -> Result<Vec<PendingApproval>, StoreError> {
        let rows = accounts::pending_approvals(self.tx.db(), after_seq, self.now.wall, limit)?;
        let with_cart = rows.into_iter().map(|asked| match self.event(asked.seq)? {
            Event::ApprovalRequest(request) => Ok(PendingApproval { asked, cart: request.cart }),
            _ => Err(damaged(format!("entry {} asks for no approval", asked.seq))),
        });
        with_cart.collect()
    }

    /// What the principal said of this cart when this agent asked; a no is a refusal.
    pub(crate) fn consent(
        &self,
        agent: &AgentName,
        cart: &Mandate<Cart>,
    ) -> Result<Result<Consent, Refusal>, StoreError> {
        let asked = accounts::approval_of_cart(self.tx.db(), &cart.hash())?;
        Ok(match asked.filter(|asked| asked.agent == *agent).and_then(|asked| asked.answer) {
            None => Ok(Consent::Standing),
            Some(ApprovalAnswer::Approved) => Ok(Consent::Given),
            Some(ApprovalAnswer::Denied) => {
                Err(Refusal::Policy(Denial { violations: vec![Violation::ApprovalDenied] }))
            }
        })
    }

    /// Puts a cart before the principal if their yes is all it lacks; asked once, it is not asked again.
    pub(crate) fn ask_principal(
        &mut self,
        caller: &Caller,
        agent: &AgentName,
        cart: &Mandate<Cart>,
        (intent_seq, denial): (u64, &Denial),
    ) -> Result<(), StoreError> {
        let alone = matches!(*denial.violations, [Violation::ApprovalRequired { .. }]);
        if !alone || accounts::approval_of_cart(self.tx.db(), &cart.hash())?.is_some() {
            return Ok(());
        }
        let request = event::ApprovalRequest {
            agent: agent.clone(),
            uid: caller.uid,
            cart: cart.as_str().to_owned(),
            intent_seq,
        };
        self.append(kind::APPROVAL_REQUEST, &request)?;
        Ok(())
    }

    /// Writes the principal's answer down. The first one stands: a yes may have been used by now.
    pub(crate) fn answer_approval(
        &mut self,
        uid: u32,
        of_seq: u64,
        answer: ApprovalAnswer,
    ) -> Result<Outcome<ApprovalAsked>, StoreError> {
        let refuse =
            |problem: String| Ok(Outcome::Denied(Refusal::FieldInvalid { field: "seq", problem }));
        if let Err(fault) = self.clock() {
            return Ok(Outcome::Denied(Refusal::ClockUntrusted(fault)));
        }
        let Some(asked) = accounts::approval(self.tx.db(), of_seq)? else {
            return refuse(format!(
                "{of_seq} is no request for approval; `mandate approvals` lists what waits"
            ));
        };
        match asked.answer {
            Some(before) if before == answer => return Ok(Outcome::Granted(asked)),
            Some(before) => {
                let way_out = match before {
                    ApprovalAnswer::Approved => {
                        "if it must not be paid, run `mandate freeze` or `mandate lock`"
                    }
                    ApprovalAnswer::Denied => "the agent has to ask for a new quote",
                };
                return refuse(format!(
                    "{of_seq} was {before} before, and the first answer stands; {way_out}"
                ));
            }
            None => {}
        }
        if self.now.wall >= asked.expires_at {
            return refuse(format!(
                "the cart of {of_seq} ran out at {}; the agent has to ask for a new quote",
                asked.expires_at.utc()
            ));
        }
        self.append(kind::APPROVAL, &event::Approval { of_seq, answer, uid })?;
        Ok(Outcome::Granted(ApprovalAsked { answer: Some(answer), ..asked }))
    }
}
