//! Minting an intent: it reserves nothing, and is refused when no cart for it could be paid.

use mandate::token::{Action, Draft, DraftError, Intent, IntentClaims, Limit};
use mandate::{AgentName, Jti};
use mandate_journal::StoreError;
use mandate_policy::{Ask, Decision, Denial, Request, Violation, decide};

use crate::accounts::{self, Owner};
use crate::damage::damaged;
use crate::desk::{Desk, stored_draft};
use crate::event::{self, About, Event, kind};
use crate::gate::Permit;
use crate::refusal::{Outcome, Refusal};
use crate::request::{Call, Caller, IntentAsk};

impl Desk<'_, '_> {
    pub(crate) fn mint_intent(
        &mut self,
        caller: &Caller,
        ask: &IntentAsk,
        jti: Jti,
    ) -> Result<Outcome<Permit<Intent>>, StoreError> {
        let about = About {
            merchant: Some(ask.merchant.clone()),
            action: Some(ask.action.clone()),
            total: ask.price_max,
            cart: None,
            intent_seq: None,
            purpose: ask.purpose.clone(),
        };
        match self.try_intent(caller, ask, jti)? {
            Outcome::Denied(refusal) => {
                self.deny(caller, Call::MintIntent, refusal, about).map(Outcome::Denied)
            }
            granted @ Outcome::Granted(_) => Ok(granted),
        }
    }

    fn try_intent(
        &mut self,
        caller: &Caller,
        ask: &IntentAsk,
        jti: Jti,
    ) -> Result<Outcome<Permit<Intent>>, StoreError> {
        let agent = match self.listed_agent(caller) {
            Ok(agent) => agent,
            Err(refusal) => return Ok(Outcome::Denied(refusal)),
        };
        if let Some(refusal) = self.barred(&agent, &ask.merchant) {
            return Ok(Outcome::Denied(refusal));
        }
        if let Some(key) = &ask.idempotency_key
            && let Some(seq) = accounts::idempotent_intent(self.tx.db(), &agent, key)?
        {
            return self.replay_intent(&agent, ask, seq);
        }
        let now = self.now.wall;
        let rules = std::sync::Arc::clone(&self.rules);
        let request = Request {
            agent: &agent,
            merchant: &ask.merchant,
            action: &ask.action,
            ask: Ask::Intent { price_max: ask.price_max },
        };
        let (spent, unsettled) = self.spent(&agent)?;
        if let Decision::Deny(denial) = decide(&rules, &request, spent, unsettled, now) {
            return Ok(Outcome::Denied(Refusal::Policy(denial)));
        }
        let draft = match self.draft_intent(self.tx.projection().owner()?, &agent, ask, jti) {
            Ok(draft) => draft,
            Err(error) => return Ok(Outcome::Denied(unfit(&error))),
        };
        let appended = self.append(
            kind::INTENT,
            &event::Intent {
                agent: agent.clone(),
                uid: caller.uid,
                header: draft.header().to_owned(),
                claims: draft.claims_json().to_owned(),
                purpose: ask.purpose.clone(),
                idempotency_key: ask.idempotency_key.clone(),
                policy: rules.digest(),
            },
        )?;
        let pair = (agent, ask.merchant.clone());
        Ok(Outcome::Granted(self.permit(draft, appended.head, appended.seq, pair)))
    }

    fn draft_intent(
        &self,
        owner: &Owner,
        agent: &AgentName,
        ask: &IntentAsk,
        jti: Jti,
    ) -> Result<Draft<Intent>, DraftError> {
        let claims = IntentClaims {
            iss: owner.principal.clone(),
            aud: ask.merchant.clone(),
            jti,
            iat: self.now.wall,
            exp: self.now.wall.plus(self.rules.intent_ttl_s()),
            act: agent.clone(),
            action: Action {
                sku: ask.action.clone(),
                quantity: ask.quantity,
                request: ask.request,
            },
            limit: ask.price_max.map(|max| Limit { currency: max.currency, max: max.amount }),
        };
        Draft::new(&claims, owner.key_id)
    }

    /// Same key and fields: the same bytes, until they expire.
    fn replay_intent(
        &self,
        agent: &AgentName,
        ask: &IntentAsk,
        seq: u64,
    ) -> Result<Outcome<Permit<Intent>>, StoreError> {
        let Event::Intent(minted) = self.event(seq)? else {
            return Err(damaged(format!("entry {seq} is no intent")));
        };
        let draft = stored_draft::<Intent>(seq, &minted.header, &minted.claims)?;
        let claims = draft.claims();
        let limit = ask.price_max.map(|max| Limit { currency: max.currency, max: max.amount });
        let same = claims.aud == ask.merchant
            && claims.action.sku == ask.action
            && claims.action.quantity == ask.quantity
            && claims.action.request == ask.request
            && claims.limit == limit
            && minted.purpose == ask.purpose;
        if !same {
            return Ok(Outcome::Denied(Refusal::IdempotencyConflict));
        }
        if claims.life().has_ended(self.now.wall, 0) {
            return Ok(Outcome::Denied(Refusal::IntentExpired { exp: claims.exp }));
        }
        let head = self.head_after(seq)?;
        let pair = (agent.clone(), ask.merchant.clone());
        Ok(Outcome::Granted(self.permit(draft, head, seq, pair)))
    }

    /// The caller as an agent of the rules in force: they may have changed since it connected.
    pub(crate) fn listed_agent(&self, caller: &Caller) -> Result<AgentName, Refusal> {
        let listed = self.rules.agent_by_uid(caller.uid).map(|agent| agent.name.clone());
        match listed {
            Some(name) if caller.agent.as_ref() == Some(&name) => Ok(name),
            _ => Err(Refusal::Policy(Denial { violations: vec![Violation::AgentUnknown] })),
        }
    }
}

/// The rules of a token were broken by what was asked, not by the wallet.
pub(crate) fn unfit(error: &DraftError) -> Refusal {
    Refusal::FieldInvalid { field: "mandate", problem: error.to_string() }
}
