//! Calls to the gateway, from the mandate to the answer.

use mandate_tests::gateway::{Deed, QuoteReaction, Reaction, Wire};

use super::judge::{Judged, unsigned};
use super::{
    Amount, Cart, Commit, Forgery, Intent, Mandate, PAYERS, Payment, Slip, State, Told, Use, World,
    no, unavailable, yes,
};
use crate::wares::{CALLS, Price, WARES};

/// How long a cart lives, in seconds.
const CART_LIFE_S: u64 = 120;

/// Statuses by which an API says that it did not execute a call and never will.
const REFUSALS: [u16; 9] = [400, 401, 403, 404, 405, 410, 413, 415, 422];

/// What is known of a mandate before its call is looked at.
enum Known {
    Nothing,
    /// It asks for this receipt.
    Settled(usize),
    /// This stands in its way.
    Used(usize),
    /// Its call tells.
    Waits,
}

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
        let asked = &self.intents[intent];
        let (payer, judged) = (asked.payer, self.current(asked.iat, asked.exp, asked.forgery));
        if let Err(told) = judged
            && let Some(told) = self.look(payer, told, self.known_intent(intent, ware))
        {
            return told;
        }
        match WARES[ware].price {
            Price::Free => self.use_free(intent, call),
            _ => self.ask_price(intent, call, quote),
        }
    }

    /// What is known of an intent on the route of a ware.
    fn known_intent(&self, intent: usize, ware: usize) -> Known {
        if WARES[ware].price == Price::Free {
            return self.known_use(Mandate::Intent(intent), Known::Used);
        }
        match self.use_of_intent(intent) {
            Some(used) => Known::Used(used),
            None if self.living_cart(intent).is_some() => Known::Waits,
            None => Known::Nothing,
        }
    }

    /// What is known of a mandate that is used by itself.
    fn known_use(&self, mandate: Mandate, settled: impl FnOnce(usize) -> Known) -> Known {
        match self.use_of(mandate) {
            Some(used) if self.uses[used].state == State::Reserved => Known::Waits,
            Some(used) => settled(used),
            None => Known::Nothing,
        }
    }

    /// The cart of an intent that can still be paid.
    fn living_cart(&self, intent: usize) -> Option<usize> {
        let newest = self.carts.iter().rposition(|cart| cart.intent == intent);
        newest.filter(|cart| self.now.wall <= self.carts[*cart].exp)
    }

    /// The answer to a mandate that ran out, is of later or is for somebody else, unless its call has to be looked at.
    fn look(&mut self, payer: usize, told: Told, known: Known) -> Option<Told> {
        if told.reason.as_deref() == Some("audience_mismatch") {
            return Some(self.refuse(payer, told));
        }
        if !self.commit().told {
            return Some(unavailable());
        }
        match known {
            Known::Nothing if self.bent() => Some(unavailable()),
            Known::Nothing => Some(self.refuse(payer, told)),
            Known::Settled(used) => Some(yes(200, Some(used))),
            Known::Used(used) => Some(self.used(payer, used)),
            Known::Waits => None,
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
        if let Some(cart) = self.living_cart(intent) {
            if self.carts[cart].call != call {
                return self.refuse(payer, no(403, "request_mismatch"));
            }
            return self.promised(cart);
        }
        match self.judge_intent(intent, call) {
            Ok(()) => {}
            Err(told) if told.status == 503 => return told,
            Err(told) => return self.refuse(payer, told),
        }
        let asked = &self.intents[intent];
        let Some(price) = price(asked, quote) else { return no(502, "upstream_failed") };
        if asked.limit.is_some_and(|(currency, max)| currency != price.0 || price.1 > max) {
            return self.refuse(payer, no(403, "price_mismatch"));
        }
        let Commit { told, applied } = self.commit();
        if applied {
            let iat = self.now.wall;
            let exp = iat + CART_LIFE_S;
            self.carts.push(Cart { intent, call, price, iat, exp, seen: false });
            self.wrote();
        }
        if !told { unavailable() } else { self.promised(self.carts.len() - 1) }
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
        let paid = &self.payments[payment];
        if let Err(told) = self.current(paid.iat, paid.exp, paid.forgery) {
            // A payment that is sent again asks for its receipt.
            let known = self.known_use(Mandate::Payment(payment), Known::Settled);
            if let Some(told) = self.look(self.payer(payment), told, known) {
                return told;
            }
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
        if self.payments[payment].forgery == Some(Forgery::Audience) {
            return self.refuse(payer, no(401, "audience_mismatch"));
        }
        let judged = self.judge_void(payment);
        if let Judged::Settled(used) = judged {
            return yes(200, Some(used));
        }
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
            Judged::InTheWay(other) => self.used(payer, other),
            Judged::Refused(told) if [409, 503].contains(&told.status) => told,
            Judged::Refused(told) => self.refuse(payer, told),
            Judged::Again(_) | Judged::Settled(_) => no(409, "in_progress"),
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
