//! What has to be true of every merchant's book, whatever was done to it: one checker for all suites.

use std::collections::{BTreeMap, BTreeSet};

use mandate::token::CapClaim;
use mandate::{
    CLOCK_SKEW_S, CartClaims, Draft, Intent, Life, MerchantId, Payment, PaymentClaims,
    ReceiptClaims, RequestDigest, Status, UnixSeconds, UnverifiedMandate,
};
use mandate_gateway::book::Decider;
use mandate_gateway::book::event::{self, Event};
use mandate_journal::Entry;

use super::api::{Api, Heard};

/// What became of a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleState {
    /// It is not known.
    Reserved,
    /// It was executed.
    Executed,
    /// It never was and never will be.
    Void,
}

/// One use of a payment or free intent, or a payment that was barred, as the entries tell it.
#[derive(Debug, Clone)]
pub struct Sale {
    /// What became of it.
    pub state: SaleState,
    /// Whose mandate it was.
    pub principal: String,
    /// The agent.
    pub agent: String,
    /// The action.
    pub action: String,
    /// The call it was used for; none if it was barred.
    pub request: Option<RequestDigest>,
    /// H(intent).
    pub intent: String,
    /// H(cart), of a paid action.
    pub cart: Option<String>,
    /// Currency and minor units, of a paid action.
    pub price: Option<(String, u64)>,
    /// When the wallet minted it.
    pub at: u64,
    /// The merchant's reference, from the receipt.
    pub order: Option<String>,
    /// Who decided; none while it is reserved and if it was barred.
    pub by: Option<Decider>,
}

impl Sale {
    fn paid(claims: &PaymentClaims, state: SaleState, request: Option<RequestDigest>) -> Self {
        Self {
            state,
            principal: claims.iss.to_string(),
            agent: claims.act.to_string(),
            action: claims.action.sku.to_string(),
            request,
            intent: claims.intent.to_string(),
            cart: Some(claims.cart.to_string()),
            price: Some((claims.total.currency.code().to_owned(), claims.total.amount.units())),
            at: claims.iat.seconds(),
            order: None,
            by: None,
        }
    }

    fn counts_under(&self, cap: &CapClaim) -> bool {
        let Some((currency, _)) = &self.price else { return false };
        self.state != SaleState::Void
            && cap.currency.is_none_or(|wanted| wanted.code() == currency)
            && cap.action.as_ref().is_none_or(|wanted| wanted.as_str() == self.action)
            && cap.agent.as_ref().is_none_or(|wanted| wanted.as_str() == self.agent)
            && cap.from.seconds() <= self.at
            && cap.until.is_none_or(|until| self.at < until.seconds())
    }
}

/// Walks a journal and checks every step of it; gives each use by what it is known by.
///
/// Each intent and each cart is used once, and only in its time; a payment pays a cart that was made here before, as it
/// was made; at its entry no cap that it carries is passed by what is reserved and executed; each use is answered once,
/// by what it cost. While the key is locked away, nothing is promised, used or barred.
///
/// # Panics
///
/// If anything of this is not so.
#[must_use]
pub fn check_entries(entries: &[Vec<u8>], merchant: &MerchantId) -> BTreeMap<String, Sale> {
    let mut walk =
        Walk { merchant, carts: BTreeMap::new(), sales: BTreeMap::new(), keys: BTreeMap::new() };
    let mut is_locked = false;
    for (seq, bytes) in (0_u64..).zip(entries) {
        let entry = Entry::parse(bytes).expect("an entry");
        let event = Event::parse(&entry).expect("an event");
        let needs_the_key = matches!(event, Event::Bar(_) | Event::Cart(_) | Event::Use(_));
        assert!(!(is_locked && needs_the_key), "entry {seq} was written while locked");
        match event {
            Event::Lock(_) => is_locked = true,
            Event::Unlock(_) => is_locked = false,
            Event::Cart(cart) => walk.cart(seq, &cart),
            Event::Use(used) => walk.used(seq, entry.time, &used),
            Event::Bar(bar) => walk.barred(entry.time, &bar),
            Event::Receipt(receipt) => walk.answered(&receipt),
            Event::Refusal(refusal) => walk.refused(&refusal),
            Event::Equivocation(_)
            | Event::Init(_)
            | Event::Clock(_)
            | Event::Policy(_)
            | Event::PolicyRefused(_)
            | Event::RateLimited(_) => {}
        }
    }
    walk.sales
}

struct Walk<'a> {
    merchant: &'a MerchantId,
    carts: BTreeMap<u64, CartClaims>,
    sales: BTreeMap<String, Sale>,
    /// The key of the use in each entry.
    keys: BTreeMap<u64, String>,
}

impl Walk<'_> {
    fn cart(&mut self, seq: u64, cart: &event::Cart) {
        let claims = Draft::<mandate::Cart>::from_stored(&cart.header, &cart.claims);
        let claims = claims.expect("a cart").claims().clone();
        let intent = UnverifiedMandate::<Intent>::parse(&cart.intent).expect("an intent");
        let asked = intent.claims();
        assert_eq!((&claims.iss, &claims.aud), (self.merchant, &asked.iss));
        assert_eq!((claims.intent, claims.peer_log), (intent.hash(), intent.head()));
        assert_eq!((&claims.act, &claims.action.sku), (&asked.act, &asked.action.sku));
        assert_eq!(claims.action.quantity, asked.action.quantity);
        assert!(asked.action.request.is_none_or(|request| request == claims.action.request));
        if let Some(limit) = asked.limit {
            assert_eq!(claims.total.currency, limit.currency, "not the intent's currency");
            assert!(claims.total.amount <= limit.max, "more than the intent allows");
        }
        let earlier = self.carts.values().filter(|other| other.intent == claims.intent);
        for other in earlier {
            assert!(other.exp < claims.iat, "an intent has two carts that live");
        }
        self.carts.insert(seq, claims);
    }

    fn used(&mut self, seq: u64, time: UnixSeconds, used: &event::Use) {
        let Some(cart_seq) = used.cart_seq else {
            let intent = UnverifiedMandate::<Intent>::parse(&used.mandate).expect("an intent");
            let claims = intent.claims();
            assert_eq!(&claims.aud, self.merchant);
            assert_timely(claims.life(), time);
            assert!(claims.action.request.is_none_or(|request| request == used.request));
            let sale = Sale {
                state: SaleState::Reserved,
                principal: claims.iss.to_string(),
                agent: claims.act.to_string(),
                action: claims.action.sku.to_string(),
                request: Some(used.request),
                intent: intent.hash().to_string(),
                cart: None,
                price: None,
                at: claims.iat.seconds(),
                order: None,
                by: None,
            };
            self.keys.insert(seq, intent.hash().to_string());
            return self.sold(intent.hash().to_string(), sale);
        };
        let payment = UnverifiedMandate::<Payment>::parse(&used.mandate).expect("a payment");
        let claims = payment.claims();
        self.assert_fits(claims, cart_seq);
        assert_timely(claims.life(), time);
        assert_eq!(claims.action.request, used.request, "used for another call");
        let sale = Sale::paid(claims, SaleState::Reserved, Some(used.request));
        let of_principal = || self.sales.values().filter(|other| other.principal == sale.principal);
        for cap in claims.caps.iter().filter(|cap| sale.counts_under(cap)) {
            let counted: Vec<_> = of_principal().filter(|other| other.counts_under(cap)).collect();
            let spent: u64 = counted
                .iter()
                .filter_map(|other| other.price.as_ref())
                .map(|(_, amount)| amount)
                .sum();
            let count = u64::try_from(counted.len()).expect("a count");
            assert!(
                cap.max.is_none_or(|max| spent + claims.total.amount.units() <= max.units()),
                "{cap:?} is passed"
            );
            assert!(cap.count.is_none_or(|most| count < most), "{cap:?} is passed");
        }
        self.keys.insert(seq, payment.hash().to_string());
        self.sold(payment.hash().to_string(), sale);
    }

    fn barred(&mut self, time: UnixSeconds, bar: &event::Bar) {
        let payment = UnverifiedMandate::<Payment>::parse(&bar.mandate).expect("a payment");
        let claims = payment.claims();
        self.assert_fits(claims, bar.cart_seq);
        assert!(time > claims.exp.plus(CLOCK_SKEW_S), "it could still have been used");
        let void = Draft::<mandate::Receipt>::from_stored(&bar.header, &bar.claims);
        let void = void.expect("a receipt");
        assert_eq!(void.claims().status, Status::Void);
        assert_eq!(void.claims().payment, Some(payment.hash()));
        self.sold(payment.hash().to_string(), Sale::paid(claims, SaleState::Void, None));
    }

    /// One intent, one cart, one payment.
    fn sold(&mut self, key: String, sale: Sale) {
        for other in self.sales.values() {
            assert_ne!(other.intent, sale.intent, "an intent was used twice");
            assert!(sale.cart.is_none() || other.cart != sale.cart, "a cart was used twice");
        }
        assert!(self.sales.insert(key, sale).is_none(), "a mandate was used twice");
    }

    fn answered(&mut self, receipt: &event::Receipt) {
        let draft = Draft::<mandate::Receipt>::from_stored(&receipt.header, &receipt.claims);
        let draft = draft.expect("a receipt");
        let ReceiptClaims { status, payment, intent, order, .. } = draft.claims();
        let key = &self.keys[&receipt.of_seq];
        let named = payment.map_or_else(|| intent.to_string(), |payment| payment.to_string());
        assert_eq!(*key, named, "the receipt is of another use");
        let sale = self.sales.get_mut(key).expect("a use");
        assert_eq!(sale.state, SaleState::Reserved, "a use was answered twice");
        sale.state = match status {
            Status::Executed => SaleState::Executed,
            Status::Void => SaleState::Void,
        };
        sale.order = order.as_ref().map(ToString::to_string);
        sale.by = Some(receipt.by);
    }

    /// A refusal keeps a mandate of a known issuer, so it parses.
    fn refused(&self, refusal: &event::Refusal) {
        let intent = UnverifiedMandate::<Intent>::parse(&refusal.mandate).is_ok();
        let payment = UnverifiedMandate::<Payment>::parse(&refusal.mandate).is_ok();
        assert!(intent || payment, "{:?} of what is no mandate", refusal.reason);
    }

    fn assert_fits(&self, claims: &PaymentClaims, cart_seq: u64) {
        let cart = self.carts.get(&cart_seq).expect("a cart that was made before");
        assert_eq!(&claims.aud, self.merchant);
        assert_eq!((&claims.iss, &claims.act), (&cart.aud, &cart.act));
        assert_eq!((&claims.action, claims.total), (&cart.action, cart.total));
        assert_eq!(claims.intent, cart.intent);
        assert!(claims.exp <= cart.exp);
    }
}

fn assert_timely(life: Life, time: UnixSeconds) {
    assert!(time <= life.exp.plus(CLOCK_SKEW_S), "used after its time");
    assert!(life.iat <= time.plus(CLOCK_SKEW_S), "used before its time");
}

/// Holds what the API heard against the sales.
///
/// # Panics
///
/// If it heard of a use that is not on disk or of another call, executed one twice or one that is void; or if a receipt
/// says that the API executed what it did not.
pub fn check_heard(sales: &BTreeMap<String, Sale>, api: &Api) {
    check_calls(sales, &api.heard(), &api.executions());
}

/// Holds what any API heard, and the keys of what it executed, against the sales.
///
/// # Panics
///
/// As [`check_heard`].
pub fn check_calls(sales: &BTreeMap<String, Sale>, heard: &[Heard], executions: &[String]) {
    for heard in heard {
        let key = heard.header("idempotency-key").expect("a key");
        let sale = sales.get(key).expect("nothing reaches the API before its use is on disk");
        assert_eq!(sale.request, Some(heard.digest()), "the API heard another call");
        assert_eq!(heard.header("mandate-principal"), Some(&*sale.principal));
        assert_eq!(heard.header("mandate-agent"), Some(&*sale.agent));
        assert_eq!(heard.header("mandate-action"), Some(&*sale.action));
        assert_eq!(heard.header("mandate-total").is_some(), sale.price.is_some());
        for own in ["mandate-intent", "mandate-payment"] {
            assert_eq!(heard.header(own), None, "the API learns a mandate");
        }
    }
    let executed: BTreeSet<_> = executions.iter().collect();
    assert_eq!(executed.len(), executions.len(), "something was executed twice");
    for key in &executed {
        let sale = sales.get(*key).expect("nothing is executed before its use is on disk");
        assert_ne!(sale.state, SaleState::Void, "what was executed is void");
    }
    for (key, sale) in sales {
        let says_the_api = matches!(sale.by, Some(Decider::Upstream { .. }));
        if sale.state == SaleState::Executed && says_the_api {
            assert!(executed.contains(key), "what was not executed has a receipt that says so");
        }
    }
}
