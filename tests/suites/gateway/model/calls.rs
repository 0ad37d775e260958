//! Calls to the gateway, from the mandate to the answer.

use mandate_tests::gateway::{Deed, QuoteReaction, Reaction, Wire};

use super::judge::{Judged, unsigned};
use super::{
    Amount, Cart, Commit, Intent, Mandate, PAYERS, Payment, Slip, State, Told, Use, World, no,
    unavailable, yes,
};
use crate::wares::{CALLS, Price, WARES};

/// How long a cart lives, in seconds.
const CART_LIFE_S: u64 = 120;

/// Statuses by which an API says that it did not execute a call and never will.
const REFUSALS: [u16; 9] = [400, 401, 403, 404, 405, 410, 413, 415, 422];

impl World {
    /// Sends a call with an intent.
    pub fn send_intent(&mut self, intent: usize, call: usize, quote: &QuoteReaction) {
        let told = self.answer_intent(intent, call, quote);
        self.answers.push(told);
    }

    fn answer_intent(&mut self, intent: usize, call: usize, quote: &QuoteReaction) -> Told {
        let Some(ware) = CALLS[call].ware else { return no(404, "route_unknown") };
        if let Some(told) = unsigned(self.intents[intent].forgery) {
            return told;
        }
        match WARES[ware].price {
            Price::Free => self.use_free(intent, call),
            _ => self.ask_price(intent, call, quote),
        }
    }

    fn ask_price(&mut self, intent: usize, call: usize, quote: &QuoteReaction) -> Told {
        if !self.commit().told {
            return unavailable();
        }
        let payer = self.intents[intent].payer;
        if let Some(other) = self.use_of_intent(intent) {
            return self.used(payer, other);
        }
        let newest = self.carts.iter().rposition(|cart| cart.intent == intent);
        if let Some(cart) = newest.filter(|cart| self.now.wall <= self.carts[*cart].exp) {
            if self.carts[cart].call != call {
                return self.refuse(payer, no(403, "request_mismatch"));
            }
            return self.promised(cart);
        }
        if let Err(told) = self.judge_intent(intent, call) {
            return self.refuse(payer, told);
        }
        let asked = &self.intents[intent];
        let Some(price) = price(asked, quote) else { return no(502, "upstream_failed") };
        if asked.limit.is_some_and(|(currency, max)| currency != price.0 || price.1 > max) {
            return self.refuse(payer, no(403, "price_mismatch"));
        }
        let bent = self.bent();
        let Commit { told, applied } = self.commit();
        if applied && !bent {
            let iat = self.now.wall;
            let exp = iat + CART_LIFE_S;
            self.carts.push(Cart { intent, call, price, iat, exp, seen: false });
            self.wrote();
        }
        if bent || !told { unavailable() } else { self.promised(self.carts.len() - 1) }
    }

    fn promised(&mut self, cart: usize) -> Told {
        self.carts[cart].seen = true;
        Told { cart: Some(cart), ..no(402, "payment_required") }
    }

    fn use_free(&mut self, intent: usize, call: usize) -> Told {
        let judged = self.judge_free(intent, call);
        let payer = self.intents[intent].payer;
        let fresh = Use {
            mandate: Mandate::Intent(intent),
            intent,
            call: Some(call),
            price: None,
            at: self.intents[intent].iat,
            state: State::Reserved,
            order: None,
            done: None,
        };
        self.present(judged, fresh, payer)
    }

    /// Who signed a payment, if it is one of the enrolled principals.
    fn payer(&self, payment: usize) -> usize {
        let payer = self.intents[self.carts[self.payments[payment].cart].intent].payer;
        match self.payments[payment].slip {
            Some(Slip::Issuer) => (payer + 1) % PAYERS,
            _ => payer,
        }
    }

    /// Sends a call with a payment.
    pub fn send_payment(&mut self, payment: usize, call: usize) {
        let told = self.answer_payment(payment, call);
        self.answers.push(told);
    }

    fn answer_payment(&mut self, payment: usize, call: usize) -> Told {
        let Some(ware) = CALLS[call].ware else { return no(404, "route_unknown") };
        if WARES[ware].price == Price::Free {
            return no(400, "header_invalid");
        }
        if let Some(told) = unsigned(self.payments[payment].forgery) {
            return told;
        }
        let judged = self.judge_payment(payment, call);
        let fresh = self.fresh_use(payment, Some(call), State::Reserved);
        self.present(judged, fresh, self.payer(payment))
    }

    fn fresh_use(&self, payment: usize, call: Option<usize>, state: State) -> Use {
        let Payment { cart, iat, .. } = self.payments[payment];
        Use {
            mandate: Mandate::Payment(payment),
            intent: self.carts[cart].intent,
            call,
            price: Some(self.carts[cart].price),
            at: iat,
            state,
            order: None,
            done: None,
        }
    }

    /// Goes on with a mandate as it was judged.
    fn present(&mut self, judged: Judged, fresh: Use, payer: usize) -> Told {
        let is_free = matches!(fresh.mandate, Mandate::Intent(_));
        let Commit { told, applied } = self.commit();
        if applied && judged == Judged::Fresh {
            self.uses.push(fresh);
            self.wrote();
        }
        if !told {
            return unavailable();
        }
        match judged {
            Judged::Fresh => self.attempt(self.uses.len() - 1, true),
            Judged::Again(used) => self.attempt(used, false),
            // A payment that is sent again asks for its receipt; a free call that is made again is another call.
            Judged::Settled(used) if !is_free => yes(200, Some(used)),
            Judged::Settled(used) | Judged::InTheWay(used) => self.used(payer, used),
            Judged::Refused(told) if told.status == 503 => told,
            Judged::Refused(told) => self.refuse(payer, told),
        }
    }

    /// What comes of a call to the API.
    fn attempt(&mut self, used: usize, first: bool) -> Told {
        let Some((status, order)) = self.react(used) else {
            return no(502, "upstream_failed");
        };
        let state = if (200..300).contains(&status) {
            State::Executed
        } else if first && REFUSALS.contains(&status) {
            State::Void
        } else {
            return no(502, "upstream_failed");
        };
        let order = order.filter(|order| order.len() <= 80);
        if self.settle(used, state, order) { yes(status, Some(used)) } else { unavailable() }
    }

    /// What the API does, and what arrives of its answer.
    fn react(&mut self, used: usize) -> Option<(u16, Option<String>)> {
        let Reaction { deed, wire } = self.reactions.pop_front().unwrap_or_default();
        if wire == Wire::Unreached {
            return None;
        }
        let answer = match deed {
            Deed::Refuse { status } => (status, None),
            Deed::Execute { status, order } => {
                self.uses[used].done.get_or_insert((status, order)).clone()
            }
        };
        matches!(wire, Wire::Whole | Wire::Cut).then_some(answer)
    }

    /// Asks for the void of a payment, under its own name or that of another one.
    pub fn ask_void(&mut self, payment: usize, named: bool) {
        let told = self.answer_void(payment, named);
        self.answers.push(told);
    }

    fn answer_void(&mut self, payment: usize, named: bool) -> Told {
        if let Some(told) = unsigned(self.payments[payment].forgery) {
            return told;
        }
        let payer = self.payer(payment);
        if !named {
            return self.refuse(payer, no(403, "request_mismatch"));
        }
        let judged = self.judge_void(payment);
        let Commit { told, applied } = self.commit();
        if applied && judged == Judged::Fresh {
            self.uses.push(self.fresh_use(payment, None, State::Void));
            self.wrote();
        }
        if !told {
            return self.refuse(payer, unavailable());
        }
        match judged {
            Judged::Fresh => yes(200, Some(self.uses.len() - 1)),
            Judged::Settled(used) => yes(200, Some(used)),
            Judged::InTheWay(other) => self.used(payer, other),
            Judged::Refused(told) if told.status == 409 => told,
            Judged::Refused(told) => self.refuse(payer, told),
            Judged::Again(_) => no(409, "in_progress"),
        }
    }
}

/// The price of what an intent asks; none if the API does not say.
fn price(asked: &Intent, quote: &QuoteReaction) -> Option<Amount> {
    match (&WARES[asked.ware].price, quote) {
        (Price::Each(currency, unit), _) => Some((currency, unit * u64::from(asked.quantity))),
        (Price::Quoted, QuoteReaction::Price { currency, amounts }) => {
            let sum = amounts.iter().sum();
            (sum > 0).then_some((*currency, sum))
        }
        _ => None,
    }
}
