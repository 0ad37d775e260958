//! One request at the writer's desk: inside the transaction, with the rows and one clock reading.

use mandate::clock::{ClockFault, ClockReading};
use mandate::text::VoidReason;
use mandate::token::{Action, BoundAction};
use mandate::token::{
    Cart, CartClaims, Draft, DraftError, Intent, IntentClaims, Mandate, Payment, Quote, Receipt,
    ReceiptClaims, Status, UnverifiedMandate,
};
use mandate::{Head, IntentHash, Jti, MinorUnits, Money};
use mandate_journal::{Appended, StoreError, Transaction};
use serde::Serialize;

use super::answer::{IntentState, Outcome, Presented, Reservation};
use super::damage::damaged;
use super::equivocation::Trusted;
use super::event::{self, Decider, Event, kind};
use super::key::UseKey;
use super::recorded::Recorded;
use super::rows::{self, UseState};
use super::sales::{Sales, stored_token};
use super::standing::Standing;
use super::stopped;
use super::totals::{self, Charge};
use crate::judge::{self, Call};
use crate::refusal::Refusal;

/// What a mandate that is used says, whichever kind it is.
struct Used {
    iss: mandate::PrincipalId,
    act: mandate::AgentName,
    action: Action,
    total: Option<Money>,
    intent: IntentHash,
    paid: Option<(mandate::CartHash, mandate::PaymentHash)>,
    head: Head,
}

impl Used {
    fn free(intent: &UnverifiedMandate<Intent>) -> Self {
        let claims = intent.claims();
        Self {
            iss: claims.iss.clone(),
            act: claims.act.clone(),
            action: claims.action.clone(),
            total: None,
            intent: intent.hash(),
            paid: None,
            head: intent.head(),
        }
    }

    fn paid(payment: &UnverifiedMandate<Payment>) -> Self {
        let claims = payment.claims();
        Self {
            iss: claims.iss.clone(),
            act: claims.act.clone(),
            action: claims.action.clone().into(),
            total: Some(claims.total),
            intent: claims.intent,
            paid: Some((claims.cart, payment.hash())),
            head: payment.head(),
        }
    }
}

pub(super) struct Desk<'a, 't> {
    pub(super) tx: &'a mut Transaction<'t, Sales>,
    pub(super) now: ClockReading,
    clock: Result<(), ClockFault>,
    pub(super) standing: &'a Standing,
}

impl<'a, 't> Desk<'a, 't> {
    pub(super) fn open(
        tx: &'a mut Transaction<'t, Sales>,
        now: ClockReading,
        standing: &'a Standing,
    ) -> Self {
        let clock = tx.believe(&now);
        Self { tx, now, clock, standing }
    }

    /// Whether anything may be used, sent or signed.
    pub(super) fn usable(&self) -> Result<(), Refusal> {
        self.standing.usable()
    }

    pub(super) fn clock(&self) -> Result<(), ClockFault> {
        self.clock
    }

    /// Whether times may be judged: by a clock that is not believed nobody is late, early or to blame.
    pub(super) fn believed(&self) -> Result<(), Refusal> {
        self.clock.map_err(Refusal::ClockUntrusted)
    }

    /// Writes one entry at this request's time. An unbelieved clock never becomes the measure of later ones.
    pub(super) fn append(
        &mut self,
        kind: &'static str,
        fields: &impl Serialize,
    ) -> Result<Appended, StoreError> {
        let appended = self.tx.append(self.now.wall, kind, fields)?;
        if self.clock.is_ok() {
            self.tx.set_mark(&self.now);
        }
        Ok(appended)
    }

    /// Promises a price; the same cart if one lives already.
    pub(super) fn quote(
        &mut self,
        presented: &Trusted<Intent>,
        call: &Call,
        quote: &Quote,
        life_s: u64,
        jti: Jti,
    ) -> Result<Result<IntentState, Refusal>, StoreError> {
        let intent = &presented.mandate;
        let offered = |settings: &_| judge::offered(settings, &call.action);
        if let Err(refusal) = self.stands(&intent.claims().iss, presented, offered) {
            return Ok(Err(refusal));
        }
        match self.intent_state(&intent.hash(), call.request)? {
            Ok(IntentState::Fresh) => {}
            known => return Ok(known),
        }
        // The API may have taken its time with the price; a wallet pays no cart that came after its intent ran out.
        if let Err(refusal) = judge::timely(intent.claims().life(), self.now.wall) {
            return Ok(Err(refusal));
        }
        if let Some(refusal) = self.equivocation(&intent.claims().iss, presented, None)? {
            return Ok(Err(refusal));
        }
        let draft = match self.draft_cart(intent, call, quote, life_s, jti)? {
            Ok(draft) => draft,
            Err(error) => return Ok(Err(Refusal::QuoteUnfit(error))),
        };
        let appended = self.append(
            kind::CART,
            &event::Cart {
                header: draft.header().to_owned(),
                claims: draft.claims_json().to_owned(),
                intent: intent.as_str().to_owned(),
            },
        )?;
        Ok(Ok(IntentState::Quoted(Recorded { draft, head: appended.head })))
    }

    fn draft_cart(
        &self,
        intent: &Mandate<Intent>,
        call: &Call,
        quote: &Quote,
        life_s: u64,
        jti: Jti,
    ) -> Result<Result<Draft<Cart>, DraftError>, StoreError> {
        let owner = self.tx.projection().owner()?;
        let IntentClaims { iss, act, action, .. } = intent.claims();
        let claims = CartClaims {
            iss: owner.merchant.clone(),
            aud: iss.clone(),
            jti,
            iat: self.now.wall,
            exp: self.now.wall.plus(life_s),
            act: act.clone(),
            action: BoundAction {
                sku: action.sku.clone(),
                quantity: action.quantity,
                request: call.request,
            },
            line_items: quote.line_items().to_vec(),
            total: quote.total(),
            intent: intent.hash(),
            peer_log: intent.head(),
        };
        Ok(Draft::new(&claims, owner.key_id))
    }

    /// Reserves the use of a payment, or says what is known of it.
    pub(super) fn present_payment(
        &mut self,
        presented: &Trusted<Payment>,
        cart: Option<&(u64, Mandate<Cart>)>,
        call: &Call,
    ) -> Result<Presented, StoreError> {
        let payment = &presented.mandate;
        let sold = |settings: &_| judge::sold(settings, &call.action);
        if let Err(refusal) = self.stands(&payment.claims().iss, presented, sold) {
            return Ok(Presented::Refused(refusal));
        }
        let key = payment.hash().into();
        if let Some(known) = self.known(&key, call)? {
            return Ok(known);
        }
        let merchant = self.tx.projection().owner()?.merchant.clone();
        let claims = payment.claims();
        let judged = self
            .believed()
            .and_then(|()| judge::payment(payment, &merchant, call, self.now.wall))
            .and_then(|()| judge::cart(claims, cart.map(|(_, cart)| cart)));
        if let Err(refusal) = judged {
            return Ok(Presented::Refused(refusal));
        }
        if let Some(other) = rows::use_by_intent(self.tx.db(), &claims.intent)? {
            return Ok(Presented::UsedByAnother(stopped::receipt_of(self.tx.db(), &other)?));
        }
        let answers = cart.map(|(seq, _)| *seq);
        if let Some(refusal) = self.equivocation(&claims.iss, presented, answers)? {
            return Ok(Presented::Refused(refusal));
        }
        let charge = Charge::of(claims);
        if let Some(index) = totals::first_passed(self.tx.db(), &charge, &claims.caps)? {
            return Ok(Presented::Refused(Refusal::OverCap { index }));
        }
        self.reserve(key, payment.as_str(), answers, call)
    }

    /// Reserves the use of an intent for a free action, or says what is known of it.
    pub(super) fn present_free(
        &mut self,
        presented: &Trusted<Intent>,
        call: &Call,
    ) -> Result<Presented, StoreError> {
        let intent = &presented.mandate;
        let offered = |settings: &_| judge::offered(settings, &call.action);
        if let Err(refusal) = self.stands(&intent.claims().iss, presented, offered) {
            return Ok(Presented::Refused(refusal));
        }
        let key = intent.hash().into();
        if let Some(known) = self.known(&key, call)? {
            return Ok(known);
        }
        let merchant = self.tx.projection().owner()?.merchant.clone();
        let judged = self
            .believed()
            .and_then(|()| judge::intent(intent.claims(), &merchant, call, self.now.wall));
        if let Err(refusal) = judged {
            return Ok(Presented::Refused(refusal));
        }
        // Its action was a paid one then: used for free, it would bar the payment that may be out.
        if rows::newest_cart(self.tx.db(), &intent.hash())?.is_some() {
            return Ok(Presented::Refused(Refusal::Quoted));
        }
        // Its action was a paid one when it was used.
        if let Some(other) = rows::use_by_intent(self.tx.db(), &intent.hash())? {
            return Ok(Presented::UsedByAnother(stopped::receipt_of(self.tx.db(), &other)?));
        }
        if let Some(refusal) = self.equivocation(&intent.claims().iss, presented, None)? {
            return Ok(Presented::Refused(refusal));
        }
        self.reserve(key, intent.as_str(), None, call)
    }

    fn reserve(
        &mut self,
        key: UseKey,
        mandate: &str,
        cart_seq: Option<u64>,
        call: &Call,
    ) -> Result<Presented, StoreError> {
        let used = event::Use { mandate: mandate.to_owned(), cart_seq, request: call.request };
        let seq = self.append(kind::USE, &used)?.seq;
        Ok(Presented::Reserved(Reservation { seq, key }))
    }

    /// Says for good what became of a use; what was said before stays.
    pub(super) fn settle(
        &mut self,
        key: &UseKey,
        outcome: &Outcome,
        by: Decider,
        jti: Jti,
    ) -> Result<Option<Recorded<Receipt>>, StoreError> {
        let Some(used) = rows::use_by_key(self.tx.db(), key)? else { return Ok(None) };
        if used.state != UseState::Reserved {
            return stopped::receipt_of(self.tx.db(), &used);
        }
        let seq = used.seq;
        let Event::Use(entry) = stopped::event(self.tx.db(), seq)? else {
            return Err(damaged(format!("entry {seq} is no use")));
        };
        let what = if entry.cart_seq.is_some() {
            Used::paid(&stored_token(seq, &entry.mandate)?)
        } else {
            Used::free(&stored_token(seq, &entry.mandate)?)
        };
        let draft = self.draft_receipt(what, outcome, jti)?;
        let appended = self.append(
            kind::RECEIPT,
            &event::Receipt {
                header: draft.header().to_owned(),
                claims: draft.claims_json().to_owned(),
                of_seq: seq,
                by,
            },
        )?;
        Ok(Some(Recorded { draft, head: appended.head }))
    }

    /// Voids a payment that was never presented in its time, which bars it for ever.
    pub(super) fn bar(
        &mut self,
        presented: &Trusted<Payment>,
        cart: Option<&(u64, Mandate<Cart>)>,
        reason: VoidReason,
        jti: Jti,
    ) -> Result<Presented, StoreError> {
        let payment = &presented.mandate;
        if let Err(refusal) = self.stands(&payment.claims().iss, presented, |_| Ok(())) {
            return Ok(Presented::Refused(refusal));
        }
        let key = payment.hash().into();
        if let Some(used) = rows::use_by_key(self.tx.db(), &key)? {
            return Ok(match stopped::receipt_of(self.tx.db(), &used)? {
                Some(receipt) => Presented::Settled(receipt),
                None => Presented::Refused(Refusal::InProgress),
            });
        }
        let claims = payment.claims();
        let merchant = self.tx.projection().owner()?.merchant.clone();
        let judged = judge::addressed(&claims.aud, &merchant)
            .and_then(|()| judge::cart(claims, cart.map(|(_, cart)| cart)));
        if let Err(refusal) = judged {
            return Ok(Presented::Refused(refusal));
        }
        if let Some(other) = rows::use_by_intent(self.tx.db(), &claims.intent)? {
            return Ok(Presented::UsedByAnother(stopped::receipt_of(self.tx.db(), &other)?));
        }
        let timely = self.believed().and_then(|()| judge::past_use(claims.life(), self.now.wall));
        if let Err(refusal) = timely {
            return Ok(Presented::Refused(refusal));
        }
        let answers = cart.map(|(seq, _)| *seq);
        if let Some(refusal) = self.equivocation(&claims.iss, presented, answers)? {
            return Ok(Presented::Refused(refusal));
        }
        let stored = stored_token(self.tx.head().size, payment.as_str())?;
        let draft = self.draft_receipt(Used::paid(&stored), &Outcome::Void { reason }, jti)?;
        let appended = self.append(
            kind::BAR,
            &event::Bar {
                header: draft.header().to_owned(),
                claims: draft.claims_json().to_owned(),
                mandate: payment.as_str().to_owned(),
                cart_seq: answers.unwrap_or_default(),
            },
        )?;
        Ok(Presented::Settled(Recorded { draft, head: appended.head }))
    }

    fn draft_receipt(
        &self,
        used: Used,
        outcome: &Outcome,
        jti: Jti,
    ) -> Result<Draft<Receipt>, StoreError> {
        let owner = self.tx.projection().owner()?;
        let Used { iss, act, action, total, intent, paid, head } = used;
        let (status, reason, order) = match outcome {
            Outcome::Executed { order } => (Status::Executed, None, order.clone()),
            Outcome::Void { reason } => (Status::Void, Some(reason.clone()), None),
        };
        let total = total.map(|total| match status {
            Status::Executed => total,
            Status::Void => Money { amount: MinorUnits::ZERO, ..total },
        });
        let claims = ReceiptClaims {
            iss: owner.merchant.clone(),
            aud: iss,
            jti,
            iat: self.now.wall,
            act,
            action,
            total,
            intent,
            cart: paid.map(|(cart, _)| cart),
            payment: paid.map(|(_, payment)| payment),
            status,
            reason,
            order,
            peer_log: head,
        };
        // Every part was checked when its token was, and together they are far below the limit.
        Draft::new(&claims, owner.key_id).map_err(StoreError::projection)
    }
}
