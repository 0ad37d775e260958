//! Reserving a payment: the whole decision about a cart, in one transaction.
//!
//! The cart's shape and signature were checked before; everything that depends on what was written is checked here.

use std::sync::Arc;

use mandate::key::Jwk;
use mandate::token::{
    CLOCK_SKEW_S, CapClaim, Cart, CartClaims, Draft, Intent, IntentClaims, Limit, Mandate, Payment,
    PaymentClaims, VerifyError,
};
use mandate::{AgentName, Head, Jti, Money, UnixSeconds};
use mandate_journal::StoreError;
use mandate_policy::{
    Allowed, Ask, Cap, Decision, Denial, Per, Request, Rules, Spent, Violation, decide,
};

use crate::accounts::{self, Hold, Owner};
use crate::damage::damaged;
use crate::desk::{Desk, stored_draft};
use crate::equivocation::HandedIn;
use crate::event::{self, About, CapSeen, Event, kind};
use crate::gate::Permit;
use crate::intent::unfit;
use crate::refusal::{HoldState, Outcome, Refusal};
use crate::request::{Call, Caller};

/// The intent that a cart answers.
struct AskedIntent {
    seq: u64,
    draft: Draft<Intent>,
}

impl Desk<'_, '_> {
    pub(crate) fn reserve(
        &mut self,
        caller: &Caller,
        cart: &Mandate<Cart>,
        jti: Jti,
    ) -> Result<Outcome<Permit<Payment>>, StoreError> {
        match self.try_reserve(caller, cart, jti)? {
            // It was written down where it was found.
            denied @ Outcome::Denied(Refusal::Equivocation { .. }) => Ok(denied),
            Outcome::Denied(refusal) => {
                let intent_seq = self.intent_seq(&cart.claims().intent)?;
                let about = About { intent_seq, ..about(cart) };
                self.deny(caller, Call::MintPayment, refusal, about).map(Outcome::Denied)
            }
            granted @ Outcome::Granted(_) => Ok(granted),
        }
    }

    fn try_reserve(
        &mut self,
        caller: &Caller,
        cart: &Mandate<Cart>,
        jti: Jti,
    ) -> Result<Outcome<Permit<Payment>>, StoreError> {
        let claims = cart.claims();
        let agent = match self.listed_agent(caller) {
            Ok(agent) => agent,
            Err(refusal) => return Ok(Outcome::Denied(refusal)),
        };
        if let Some(refusal) = self.barred(&agent, &claims.iss) {
            return Ok(Outcome::Denied(refusal));
        }
        let intent = match self.intent(&agent, claims)? {
            Ok(intent) => intent,
            Err(refusal) => return Ok(Outcome::Denied(refusal)),
        };
        if let Some(hold) = accounts::hold_by_intent(self.tx.db(), intent.seq)? {
            if hold.cart == cart.hash() {
                return self.again(&hold);
            }
            return Ok(Outcome::Denied(Refusal::IntentAlreadyPaid));
        }
        if let Some(refusal) = self.misfit(cart, &intent)? {
            return Ok(Outcome::Denied(refusal));
        }
        if let Some(found) = self.contradiction(&claims.iss, cart, intent.seq)? {
            let about = About { intent_seq: Some(intent.seq), ..about(cart) };
            let handed_in = HandedIn { caller, call: Call::MintPayment, token: cart, about };
            return self.accuse(&claims.iss, handed_in, found).map(Outcome::Denied);
        }
        let consent = match self.consent(&agent, cart)? {
            Ok(consent) => consent,
            Err(refusal) => return Ok(Outcome::Denied(refusal)),
        };
        let rules = Arc::clone(&self.rules);
        let request = Request {
            agent: &agent,
            merchant: &claims.iss,
            action: &claims.action.sku,
            ask: Ask::Payment { total: claims.total, consent },
        };
        let now = self.now.wall;
        let (spent, unsettled) = self.spent(&agent)?;
        let allowed = match decide(&rules, &request, spent, unsettled, now) {
            Decision::Allow(allowed) => allowed,
            Decision::Deny(denial) => {
                self.ask_principal(caller, &agent, cart, (intent.seq, &denial))?;
                return Ok(Outcome::Denied(Refusal::Policy(denial)));
            }
        };
        let seen = caps_seen(&rules, &allowed, spent);
        let owner = self.tx.projection().owner()?;
        let draft = match self.draft_payment(owner, &rules, cart, &allowed, jti) {
            Ok(draft) => draft,
            Err(refusal) => return Ok(Outcome::Denied(refusal)),
        };
        let keys = rules
            .merchant(&claims.iss)
            .map(|merchant| merchant.keys.iter().map(Jwk::from).collect());
        let appended = self.append(
            kind::PAYMENT,
            &event::Payment {
                agent: agent.clone(),
                uid: caller.uid,
                header: draft.header().to_owned(),
                claims: draft.claims_json().to_owned(),
                cart: cart.as_str().to_owned(),
                intent_seq: intent.seq,
                keys: keys.unwrap_or_default(),
                caps: seen,
                policy: rules.digest(),
            },
        )?;
        let pair = (agent, claims.iss.clone());
        Ok(Outcome::Granted(self.permit(draft, appended.head, appended.seq, pair)))
    }

    /// The cart was paid before: the same bytes, while they can still be used.
    fn again(&self, hold: &Hold) -> Result<Outcome<Permit<Payment>>, StoreError> {
        if hold.state != HoldState::Open || self.now.wall > hold.expires_at {
            return Ok(Outcome::Denied(Refusal::CartAlreadyPaid { state: hold.state }));
        }
        let Event::Payment(minted) = self.event(hold.seq)? else {
            return Err(damaged(format!("entry {} is no payment", hold.seq)));
        };
        let draft = stored_draft::<Payment>(hold.seq, &minted.header, &minted.claims)?;
        let head = self.head_after(hold.seq)?;
        let pair = (hold.charge.agent.clone(), hold.charge.merchant.clone());
        Ok(Outcome::Granted(self.permit(draft, head, hold.seq, pair)))
    }

    /// The intent the cart names, if it is this agent's.
    fn intent(
        &self,
        agent: &AgentName,
        cart: &CartClaims,
    ) -> Result<Result<AskedIntent, Refusal>, StoreError> {
        let Some(seq) = accounts::seq_of_hash(self.tx.db(), cart.intent.as_bytes())? else {
            return Ok(Err(Refusal::IntentUnknown));
        };
        let Event::Intent(minted) = self.event(seq)? else {
            return Ok(Err(Refusal::IntentUnknown));
        };
        if minted.agent != *agent {
            return Ok(Err(Refusal::IntentUnknown));
        }
        let draft = stored_draft::<Intent>(seq, &minted.header, &minted.claims)?;
        Ok(Ok(AskedIntent { seq, draft }))
    }

    /// Why the cart cannot be paid for this intent, its price aside from the caps.
    fn misfit(
        &self,
        cart: &Mandate<Cart>,
        intent: &AskedIntent,
    ) -> Result<Option<Refusal>, StoreError> {
        // The rules may have changed since the signature was checked.
        let issuer = &cart.claims().iss;
        let Some(merchant) = self.rules.merchant(issuer) else {
            return Ok(Some(Refusal::MerchantNotAllowed { merchant: issuer.clone() }));
        };
        let kid = *cart.kid();
        if merchant.keys.key(&kid).is_none() {
            return Ok(Some(Refusal::CartSignatureInvalid(VerifyError::KeyUnknown { kid })));
        }
        let head = self.head_after(intent.seq)?;
        let asked = intent.draft.claims();
        Ok(mismatch(cart.claims(), asked, head)
            .or_else(|| untimely(cart.claims(), asked, self.now.wall))
            .or_else(|| above_limit(cart.claims(), asked)))
    }

    fn draft_payment(
        &self,
        owner: &Owner,
        rules: &Rules,
        cart: &Mandate<Cart>,
        allowed: &Allowed,
        jti: Jti,
    ) -> Result<Draft<Payment>, Refusal> {
        let now = self.now.wall;
        let hash = cart.hash();
        let head = cart.head();
        let cart = cart.claims();
        let caps = matching(rules, allowed)
            .filter(|(_, cap)| cap.is_told_to().is_some())
            .map(|(_, cap)| {
                let window = cap.window(rules.timezone(), now);
                // The wallet counts a trailing window from a whole minute on; the merchant is told its exact start.
                let from = match cap.per() {
                    Per::Trailing(trailing) => now.minus(trailing.seconds()),
                    _ => window.from,
                };
                CapClaim {
                    currency: cap.spend().map(|spend| spend.currency),
                    max: cap.spend().map(|spend| spend.amount),
                    count: cap.count(),
                    from,
                    until: window.until,
                    action: cap.selector().action.clone(),
                    agent: cap.selector().agent.clone(),
                }
            })
            .collect();
        let claims = PaymentClaims {
            iss: owner.principal.clone(),
            aud: cart.iss.clone(),
            jti,
            iat: now,
            exp: now.plus(rules.payment_ttl_s()).min(cart.exp),
            act: cart.act.clone(),
            action: cart.action.clone(),
            total: cart.total,
            intent: cart.intent,
            cart: hash,
            caps,
            peer_log: head,
        };
        Draft::new(&claims, owner.key_id).map_err(|error| unfit(&error))
    }
}

/// The first claim in which a cart is not the answer to its intent.
fn mismatch(cart: &CartClaims, asked: &IntentClaims, intent_head: Head) -> Option<Refusal> {
    let request = asked.action.request;
    let fits = [
        ("iss", cart.iss == asked.aud),
        ("aud", cart.aud == asked.iss),
        ("act", cart.act == asked.act),
        ("action.sku", cart.action.sku == asked.action.sku),
        ("action.quantity", cart.action.quantity == asked.action.quantity),
        ("action.request", request.is_none_or(|request| request == cart.action.request)),
        ("peer_log", cart.peer_log == intent_head),
    ];
    let field = fits.into_iter().find_map(|(field, fits)| (!fits).then_some(field))?;
    Some(Refusal::CartMismatch { field })
}

/// A cart from too far ahead, one that ran out, or one for an intent that had run out.
fn untimely(cart: &CartClaims, asked: &IntentClaims, now: UnixSeconds) -> Option<Refusal> {
    if cart.life().is_ahead(now, CLOCK_SKEW_S) {
        return Some(Refusal::CartAhead { iat: cart.iat });
    }
    // A payment has to live for a second at least, and never longer than its cart.
    if now >= cart.exp {
        return Some(Refusal::CartExpired { exp: cart.exp });
    }
    let late = asked.life().has_ended(cart.iat, CLOCK_SKEW_S);
    late.then_some(Refusal::IntentExpired { exp: asked.exp })
}

/// The agent said what it was ready to pay.
fn above_limit(cart: &CartClaims, asked: &IntentClaims) -> Option<Refusal> {
    let Limit { currency, max } = asked.limit?;
    if cart.total.currency == currency && cart.total.amount <= max {
        return None;
    }
    let limit = Money { currency, amount: max };
    let violations = vec![Violation::PriceAboveLimit { limit }];
    Some(Refusal::Policy(Denial { violations }))
}

fn matching<'r>(rules: &'r Rules, allowed: &'r Allowed) -> impl Iterator<Item = (usize, &'r Cap)> {
    allowed.caps.iter().filter_map(|index| rules.caps().get(*index).map(|cap| (*index, cap)))
}

fn caps_seen(rules: &Rules, allowed: &Allowed, spent: &[Spent]) -> Vec<CapSeen> {
    matching(rules, allowed)
        .map(|(index, cap)| {
            let spent = spent.get(index).copied().unwrap_or_default();
            let total = |limit: Money| Money { currency: limit.currency, amount: spent.amount };
            CapSeen {
                cap: cap.label().to_owned(),
                spent: cap.spend().map(total),
                count: spent.count,
            }
        })
        .collect()
}

fn about(cart: &Mandate<Cart>) -> About {
    let hash = cart.hash();
    let cart = cart.claims();
    About {
        merchant: Some(cart.iss.clone()),
        action: Some(cart.action.sku.clone()),
        total: Some(cart.total),
        cart: Some(hash),
        ..About::default()
    }
}
