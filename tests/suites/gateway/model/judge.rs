//! What a mandate is held against, in the order of the contract.

use super::{
    AGENTS, Amount, Cap, Cart, Forgery, Intent, Mandate, Payment, Slip, State, Told, World, no,
    unavailable,
};
use crate::wares::{CALLS, WARES};

const SKEW_S: u64 = 30;

/// What the book says about a mandate that is presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    Fresh,
    /// Reserved before, for the same call.
    Again(usize),
    /// It has its receipt.
    Settled(usize),
    /// This other use has its cart or intent.
    InTheWay(usize),
    Refused(Told),
}

impl World {
    pub(super) fn timely(&self, iat: u64, exp: u64) -> Result<(), Told> {
        if self.now.wall > exp + SKEW_S {
            return Err(no(401, "expired"));
        }
        if iat > self.now.wall + SKEW_S { Err(no(401, "not_yet_valid")) } else { Ok(()) }
    }

    /// What speaks against a mandate whatever its call is.
    pub(super) fn current(&self, iat: u64, exp: u64, forgery: Option<Forgery>) -> Result<(), Told> {
        self.timely(iat, exp)?;
        if forgery == Some(Forgery::Audience) {
            return Err(no(401, "audience_mismatch"));
        }
        Ok(())
    }

    pub(super) fn judge_intent(&self, intent: usize, call: usize) -> Result<(), Told> {
        if self.bent() {
            return Err(unavailable());
        }
        let asked = &self.intents[intent];
        let ware = CALLS[call].ware.expect("a listed call");
        self.current(asked.iat, asked.exp, asked.forgery)?;
        if asked.ware != ware {
            return Err(no(403, "scope_mismatch"));
        }
        let bound = asked.bound.map_or(!WARES[ware].request_required, |bound| bound == call);
        if bound { Ok(()) } else { Err(no(403, "request_mismatch")) }
    }

    pub(super) fn judge_free(&self, intent: usize, call: usize) -> Judged {
        if let Some(known) = self.known(Mandate::Intent(intent), call) {
            return known;
        }
        if let Err(told) = self.judge_intent(intent, call) {
            return Judged::Refused(told);
        }
        Judged::Fresh
    }

    /// The state of a mandate that was presented before, whatever the time.
    pub(super) fn known(&self, mandate: Mandate, call: usize) -> Option<Judged> {
        let used = self.use_of(mandate)?;
        Some(match self.uses[used].state {
            State::Executed | State::Void => Judged::Settled(used),
            State::Reserved if self.uses[used].call == Some(call) => Judged::Again(used),
            State::Reserved => Judged::Refused(no(403, "request_mismatch")),
        })
    }

    pub(super) fn judge_payment(&self, payment: usize, call: usize) -> Judged {
        if let Some(known) = self.known(Mandate::Payment(payment), call) {
            return known;
        }
        let paid = &self.payments[payment];
        let cart = &self.carts[paid.cart];
        let (mut sku, mut request) = (self.intents[cart.intent].ware, cart.call);
        match paid.slip {
            Some(Slip::Sku(other)) => sku = other,
            Some(Slip::Request(other)) => request = other,
            _ => {}
        }
        if self.bent() {
            return Judged::Refused(unavailable());
        }
        if let Err(told) = self.current(paid.iat, paid.exp, paid.forgery) {
            return Judged::Refused(told);
        }
        if Some(sku) != CALLS[call].ware {
            return Judged::Refused(no(403, "scope_mismatch"));
        }
        if request != call {
            return Judged::Refused(no(403, "request_mismatch"));
        }
        if let Err(told) = self.judge_cart(payment) {
            return Judged::Refused(told);
        }
        if let Some(other) = self.use_of_intent(cart.intent) {
            return Judged::InTheWay(other);
        }
        if paid.caps.iter().any(|cap| self.passes(payment, cap)) {
            return Judged::Refused(no(403, "over_cap"));
        }
        Judged::Fresh
    }

    /// Holds a payment against its cart.
    pub(super) fn judge_cart(&self, payment: usize) -> Result<(), Told> {
        let paid = &self.payments[payment];
        match paid.slip {
            Some(Slip::Cart | Slip::Intent) => Err(no(403, "cart_unknown")),
            Some(Slip::Total { .. } | Slip::Currency) => Err(no(403, "price_mismatch")),
            Some(_) => Err(no(403, "scope_mismatch")),
            None if paid.exp > self.carts[paid.cart].exp => Err(no(403, "scope_mismatch")),
            None => Ok(()),
        }
    }

    /// What a cap has counted of a principal's payments: the sum and the number.
    pub fn spent(&self, payer: usize, cap: &Cap) -> (u64, u64) {
        let counted = self.uses.iter().filter(|used| {
            let asked = &self.intents[used.intent];
            let counts = |price: Amount| counted_by(cap, price, asked, used.at);
            used.state != State::Void && asked.payer == payer && used.price.is_some_and(counts)
        });
        counted.fold((0, 0), |(sum, count), used| {
            (sum + used.price.map_or(0, |(_, amount)| amount), count + 1)
        })
    }

    pub(super) fn passes(&self, payment: usize, cap: &Cap) -> bool {
        let Payment { cart, iat, .. } = self.payments[payment];
        let Cart { intent, price, .. } = self.carts[cart];
        let asked = &self.intents[intent];
        if !counted_by(cap, price, asked, iat) {
            return false;
        }
        let (sum, count) = self.spent(asked.payer, cap);
        cap.max.is_some_and(|max| sum + price.1 > max)
            || cap.count.is_some_and(|most| count >= most)
    }

    pub(super) fn judge_void(&self, payment: usize) -> Judged {
        if let Some(used) = self.use_of(Mandate::Payment(payment)) {
            let is_reserved = self.uses[used].state == State::Reserved;
            return if is_reserved { Judged::Again(used) } else { Judged::Settled(used) };
        }
        let paid = &self.payments[payment];
        if let Err(told) = self.judge_cart(payment) {
            return Judged::Refused(told);
        }
        if let Some(other) = self.use_of_intent(self.carts[paid.cart].intent) {
            return Judged::InTheWay(other);
        }
        if self.bent() {
            return Judged::Refused(unavailable());
        }
        if self.now.wall <= paid.exp + SKEW_S {
            return Judged::Refused(no(409, "not_expired"));
        }
        Judged::Fresh
    }
}

/// The answer to a token that no key of its issuer verifies: nothing of it is kept.
pub(super) fn unsigned(forgery: Option<Forgery>) -> Option<Told> {
    match forgery? {
        Forgery::Audience => None,
        Forgery::Stranger => Some(no(401, "issuer_unknown")),
        Forgery::ForeignKey => Some(no(401, "signature_invalid")),
        Forgery::MerchantKey => Some(no(401, "role_invalid")),
    }
}

fn counted_by(cap: &Cap, (currency, _): Amount, asked: &Intent, at: u64) -> bool {
    cap.currency.is_none_or(|of| of == currency)
        && cap.action.is_none_or(|of| of == WARES[asked.ware].action)
        && cap.agent.is_none_or(|of| of == AGENTS[asked.agent])
        && cap.from <= at
        && cap.until.is_none_or(|until| at < until)
}
