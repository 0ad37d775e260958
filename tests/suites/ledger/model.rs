//! The wallet's rules the slow way: a few lines each, over flat lists.

use std::collections::BTreeSet;

use mandate_policy::Reason;
use mandate_tests::parties::WARES;
use mandate_tests::tally::{Cap, Charge, Price, Zone};

/// Payments of one agent that may be open.
pub const UNSETTLED: u64 = 4;

/// The lives of the default rules, and of a cart, in seconds.
pub const INTENT_LIFE_S: u64 = 60;
const PAYMENT_LIFE_S: u64 = 30;
const CART_LIFE_S: u64 = 600;
const SKEW_S: u64 = 30;
const TOLERANCE_S: u64 = 5;

/// Both clocks, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub wall: u64,
    pub boot: u32,
    pub elapsed: u64,
}

#[derive(Debug, Clone)]
pub struct Intent {
    pub agent: &'static str,
    pub ware: usize,
    price_max: Option<Price>,
    exp: u64,
}

#[derive(Debug, Clone)]
pub struct Cart {
    pub intent: usize,
    pub price: Price,
    pub iat: u64,
    pub exp: u64,
}

#[derive(Debug, Clone)]
pub struct Payment {
    pub cart: usize,
    pub charge: Charge,
    pub exp: u64,
    pub withheld: bool,
    executed: bool,
    void: bool,
}

impl Payment {
    pub fn counts(&self) -> bool {
        !self.withheld && (self.executed || !self.void)
    }

    pub fn is_open(&self) -> bool {
        !self.withheld && !self.executed && !self.void
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Wallet,
    Agent(&'static str),
    Merchant(&'static str),
}

/// Yes, or the reason of the refusal.
pub type Answer = Result<(), Reason>;

/// A wallet and what was done with it.
#[derive(Debug, Clone)]
pub struct World {
    pub zone: Zone,
    pub now: Reading,
    pub mark: Option<Reading>,
    pub caps: Vec<Cap>,
    /// The caps that were put in force last while it ran.
    pub reloaded: Option<Vec<Cap>>,
    pub frozen: BTreeSet<Scope>,
    pub intents: Vec<Intent>,
    pub carts: Vec<Cart>,
    pub payments: Vec<Payment>,
    /// What the requests of the last step were answered, in order.
    pub answers: Vec<Answer>,
}

impl World {
    pub fn new(zone: Zone, wall: u64, caps: Vec<Cap>) -> Self {
        Self {
            zone,
            now: Reading { wall, boot: 0, elapsed: 3_600 },
            mark: None,
            caps,
            reloaded: None,
            frozen: BTreeSet::new(),
            intents: Vec::new(),
            carts: Vec::new(),
            payments: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Whether the clock is not believed.
    pub fn bent(&self) -> bool {
        let Some(mark) = self.mark else { return false };
        let passed = self.now.elapsed.saturating_sub(mark.elapsed);
        let latest = mark.wall + passed + passed.div_ceil(1_000) + TOLERANCE_S;
        let ahead = self.now.boot == mark.boot && self.now.wall > latest;
        self.now.wall + TOLERANCE_S < mark.wall || ahead
    }

    /// Something was written: what is believed becomes the measure.
    pub fn wrote(&mut self) {
        if !self.bent() {
            self.mark = Some(self.now);
        }
    }

    /// What a cap has counted.
    pub fn spent(&self, cap: &Cap) -> (u64, u64) {
        let counting = self.payments.iter().filter(|payment| payment.counts());
        cap.spent(&self.zone, counting.map(|payment| &payment.charge), self.now.wall)
    }

    pub fn open(&self, agent: Option<&str>) -> u64 {
        let of_agent = |payment: &&Payment| agent.is_none_or(|a| payment.charge.about[0] == a);
        let open = self.payments.iter().filter(|payment| payment.is_open()).filter(of_agent);
        open.count().try_into().expect("a few")
    }

    /// The payment that a cart led to, if it was not withheld.
    pub fn paid(&self, cart: usize) -> Option<usize> {
        self.payments.iter().position(|payment| payment.cart == cart && !payment.withheld)
    }

    fn barred(&self, agent: &'static str, merchant: &'static str) -> Answer {
        if self.bent() {
            return Err(Reason::ClockUntrusted);
        }
        let scopes = [Scope::Wallet, Scope::Agent(agent), Scope::Merchant(merchant)];
        let frozen = scopes.iter().any(|scope| self.frozen.contains(scope));
        if frozen { Err(Reason::Frozen) } else { Ok(()) }
    }

    /// The currencies in which something may be spent.
    fn granted(&self, asked: [&str; 3]) -> BTreeSet<&'static str> {
        let grants = self.caps.iter().filter(|cap| cap.per != "payment" && cap.is_about(asked));
        grants.filter_map(|cap| cap.spend).map(|(currency, _)| currency).collect()
    }

    /// What stands against a price: how long a wait would take, and the reason.
    fn against(&self, asked: [&str; 3], (currency, amount): Price) -> Vec<(u64, Reason)> {
        if !self.granted(asked).contains(currency) {
            return vec![(0, Reason::CurrencyNotCapped)];
        }
        let mut against = Vec::new();
        for cap in self.caps.iter().filter(|cap| cap.is_about(asked)) {
            if cap.spend.is_some_and(|(of, _)| of != currency) {
                continue;
            }
            let (spent, count) = self.spent(cap);
            let moves_on = !matches!(cap.per, "payment" | "lifetime");
            let until = cap.until(&self.zone, self.now.wall).unwrap_or(0);
            let wait = |helps: bool| if helps { until } else { u64::MAX };
            if let Some((_, most)) = cap.spend.filter(|(_, most)| spent + amount > *most) {
                against.push((wait(moves_on && amount <= most), Reason::CapExceeded));
            }
            if cap.count.is_some_and(|most| count >= most) {
                against.push((wait(moves_on), Reason::CountExceeded));
            }
        }
        against
    }

    /// The longest wait is told first; an amount before a number.
    fn told(against: Vec<(u64, Reason)>) -> Answer {
        let first =
            against.into_iter().max_by_key(|(wait, why)| (*wait, *why == Reason::CapExceeded));
        first.map_or(Ok(()), |(_, why)| Err(why))
    }

    pub fn mint_intent(&mut self, agent: &'static str, ware: usize, price_max: Option<Price>) {
        let (merchant, action) = WARES[ware];
        let asked = [agent, merchant, action];
        let answer = self.barred(agent, merchant).and_then(|()| match price_max {
            Some(price) => Self::told(self.against(asked, price)),
            None => {
                let granted = self.granted(asked);
                if granted.is_empty() {
                    return Err(Reason::CurrencyNotCapped);
                }
                let each = granted.iter().map(|currency| self.against(asked, (currency, 1)));
                Self::told(each.min_by_key(Vec::len).expect("a currency"))
            }
        });
        self.wrote();
        if answer.is_ok() {
            let exp = self.now.wall + INTENT_LIFE_S;
            self.intents.push(Intent { agent, ware, price_max, exp });
        }
        self.answers.push(answer);
    }

    pub fn quote(&mut self, intent: usize, price: Price) -> usize {
        let iat = self.now.wall;
        self.carts.push(Cart { intent, price, iat, exp: iat + CART_LIFE_S });
        self.carts.len() - 1
    }

    fn judge_cart(&self, agent: &'static str, cart: usize) -> Answer {
        let Cart { intent, price, iat, exp } = self.carts[cart];
        let asked = &self.intents[intent];
        let (merchant, action) = WARES[asked.ware];
        self.barred(agent, merchant)?;
        if agent != asked.agent {
            return Err(Reason::IntentUnknown);
        }
        let now = self.now.wall;
        if let Some(paid) = self.paid(cart) {
            let usable = self.payments[paid].is_open() && now <= self.payments[paid].exp;
            return if usable { Ok(()) } else { Err(Reason::CartAlreadyPaid) };
        }
        let others = (0..self.carts.len()).filter(|other| self.carts[*other].intent == intent);
        if others.into_iter().any(|other| self.paid(other).is_some()) {
            return Err(Reason::IntentAlreadyPaid);
        }
        if iat > now + SKEW_S {
            return Err(Reason::CartMismatch);
        }
        if now >= exp {
            return Err(Reason::CartExpired);
        }
        if iat > asked.exp + SKEW_S {
            return Err(Reason::IntentExpired);
        }
        if asked.price_max.is_some_and(|(of, most)| of != price.0 || price.1 > most) {
            return Err(Reason::PriceAboveLimit);
        }
        Self::told(self.against([agent, merchant, action], price))?;
        let full = self.open(Some(agent)) >= UNSETTLED;
        if full { Err(Reason::TooManyUnsettled) } else { Ok(()) }
    }

    /// Pays a cart; a freeze may come before the signature.
    pub fn pay(&mut self, agent: &'static str, cart: usize, stopped: bool) {
        let answer = self.judge_cart(agent, cart);
        let again = self.paid(cart).is_some();
        if answer.is_err() || !again {
            self.wrote();
        }
        if answer.is_ok() && !again {
            let Cart { intent, price: (currency, amount), exp, .. } = self.carts[cart];
            let (merchant, action) = WARES[self.intents[intent].ware];
            let at = self.now.wall;
            let about = [agent, merchant, action].map(str::to_owned);
            self.payments.push(Payment {
                cart,
                charge: Charge { about, currency: currency.to_owned(), amount, at },
                exp: exp.min(at + PAYMENT_LIFE_S),
                withheld: stopped,
                executed: false,
                void: false,
            });
        }
        // The freeze, its end and what was withheld are written down.
        if answer.is_ok() && stopped {
            self.wrote();
        }
        self.answers.push(answer.and(if stopped { Err(Reason::Frozen) } else { Ok(()) }));
    }

    pub fn hand_in(&mut self, payment: usize, executed: bool) {
        let paid = &mut self.payments[payment];
        let (this, other) = if executed {
            (&mut paid.executed, paid.void)
        } else {
            (&mut paid.void, paid.executed)
        };
        let known = std::mem::replace(this, true);
        self.answers.push(if other { Err(Reason::ReceiptConflict) } else { Ok(()) });
        if known {
            return;
        }
        let merchant = WARES[self.intents[self.carts[paid.cart].intent].ware].0;
        self.wrote();
        if other {
            self.frozen.insert(Scope::Merchant(merchant));
        }
    }
}
