//! A client that buys for ever, and asks the same thing again until it has a receipt.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mandate::discovery::RECEIPTS_PATH;
use mandate::token::CapClaim;
use mandate::{Cart, Intent, Mandate, MinorUnits, Payment, PaymentClaims, UnixSeconds};
use mandate_host::clock::wall_clock;
use mandate_tests::gateway::{Answered, Ask, Call, Line, Payer};
use mandate_tests::random::Random;

use crate::street::{Phase, Street};

/// The life of a mandate, in seconds: the longest there is, so that a busy machine is no reason to refuse.
const LIFE_S: u64 = 300;

/// Bookings that the caps of one purse let through, void ones not counted.
const FIT: u64 = 12;
/// What a booking costs, in euro cents.
const PRICE: u64 = 900;

/// How many tasks may have a turn before a client that was told to wait asks again.
const TURNS_BEFORE_RETRY: usize = 64;

/// One who buys.
pub struct Client {
    street: Arc<Street>,
    number: usize,
    random: Random,
    line: Option<Line>,
}

impl Client {
    pub fn new(street: &Arc<Street>, number: usize, random: Random) -> Self {
        Self { street: Arc::clone(street), number, random, line: None }
    }

    /// Buys until the street closes.
    pub async fn buy(mut self) {
        while !self.street.closing.load(Ordering::Relaxed) {
            match self.random.below(4) {
                0 => self.search().await,
                1 => self.book(Call::bare("POST", "/cancellations"), "cancel_room").await,
                _ => {
                    let nights = self.random.below(28) + 1;
                    let body = format!(r#"{{"nights":{nights}}}"#);
                    self.book(Call::json("POST", "/bookings", &body), "book_room").await;
                }
            }
        }
    }

    /// Asks for the receipts of these uses again: nobody ever gets another one.
    pub async fn ask_again(&mut self, keys: &[String]) {
        for key in keys {
            let target = format!("{RECEIPTS_PATH}/{key}");
            let request = Call::bare("GET", &target).request();
            let mut answered = self.ask(&request).await;
            while answered.status != 200 {
                // It is ready before its key is at hand.
                await_turn(&answered).await;
                answered = self.ask(&request).await;
            }
            self.street.keep_receipt(key, &answered).expect("a receipt");
        }
    }

    async fn search(&mut self) {
        let call = Call::bare("GET", &format!("/rooms?guests={}", self.random.below(9)));
        let intent = self.intent(&self.street.purse(self.number), "search_rooms");
        let request = call.with("mandate-intent", intent.as_str());
        self.use_up(&intent.hash().to_string(), &request).await;
    }

    async fn book(&mut self, call: Call, action: &'static str) {
        let purse = self.street.purse(self.number);
        let intent = self.intent(&purse, action);
        let cart = self.quote(&call, &intent).await;
        if self.random.below(8) == 0 {
            // The same intent has the same cart, also after a restart.
            assert_eq!(self.quote(&call, &intent).await.as_str(), cart.as_str());
        }
        let payment = pay(&purse, &cart, wall_clock());
        let request = call.with("mandate-payment", payment.as_str());
        if self.use_up(&payment.hash().to_string(), &request).await == Some(Used::OverCap) {
            self.street.replace_purse(self.number, &purse);
        }
    }

    fn intent(&self, purse: &Payer, action: &'static str) -> Mandate<Intent> {
        let now = wall_clock();
        let claims = purse.intent_claims(&self.street.merchant, &Ask::one(action), now);
        purse.sign(&mandate::IntentClaims { exp: now.plus(LIFE_S), ..claims })
    }

    async fn quote(&mut self, call: &Call, intent: &Mandate<Intent>) -> Mandate<Cart> {
        let request = call.with("mandate-intent", intent.as_str());
        loop {
            let answered = self.ask(&request).await;
            if let Some(cart) = answered.cart(&self.street.keys) {
                return cart;
            }
            await_turn(&answered).await;
        }
    }

    /// Presents one mandate with one call until its use is settled.
    async fn use_up(&mut self, key: &str, request: &Request<Full<Bytes>>) -> Option<Used> {
        let patience = if self.random.below(16) == 0 { 1 } else { usize::MAX };
        for _ in 0..patience {
            let answered = self.ask(request).await;
            let kept = self.street.keep_receipt(key, &answered);
            if kept.is_some() {
                let reason = answered.reason();
                assert!(reason.as_deref().is_none_or(|reason| reason == "already_used"));
                return Some(Used::Answered);
            }
            if answered.reason().as_deref() == Some("over_cap") {
                self.street.told().is_over_cap(key);
                return Some(Used::OverCap);
            }
            await_turn(&answered).await;
        }
        self.street.told().gives_up(key);
        None
    }

    /// Sends the same request to whichever gateway there is, until one answers it.
    async fn ask(&mut self, request: &Request<Full<Bytes>>) -> Answered {
        loop {
            let address = self.address().await;
            let line = match &mut self.line {
                Some(line) if line.address() == address => line,
                line => line.insert(Line::to(address)),
            };
            let what = format!("{} at {address}", request.uri());
            self.street.told().last.insert(self.number, format!("asks {what}"));
            let trigger = Arc::clone(&self.street.trigger);
            let asking = line.send(request.clone());
            let mut asking = std::pin::pin!(asking);
            // The first poll hands the request to the connection, or begins to make one.
            let begun = std::future::poll_fn(|context| {
                std::task::Poll::Ready(asking.as_mut().poll(context))
            });
            let answered = match begun.await {
                std::task::Poll::Ready(answered) => answered,
                std::task::Poll::Pending => {
                    trigger.pass(Phase::Sent);
                    asking.await
                }
            };
            let told = answered.as_ref().map(|answered| (answered.status, answered.reason()));
            self.street.told().last.insert(self.number, format!("was told {told:?} by {what}"));
            match answered {
                Some(answered) if answered.whole => return answered,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    async fn address(&self) -> SocketAddr {
        let mut address = self.street.address.subscribe();
        let known = address.wait_for(Option::is_some).await.expect("a street");
        known.expect("an address")
    }
}

/// What came of a mandate.
#[derive(Debug, PartialEq, Eq)]
enum Used {
    Answered,
    OverCap,
}

/// The cart's payment, under caps that a few payments fill.
fn pay(purse: &Payer, cart: &Mandate<Cart>, now: UnixSeconds) -> Mandate<Payment> {
    let from = UnixSeconds::new(0).expect("a moment");
    let all = CapClaim {
        currency: None,
        max: None,
        count: Some(2 * FIT),
        from,
        until: None,
        action: None,
        agent: None,
    };
    let bookings = CapClaim {
        currency: Some("EUR".parse().expect("a currency")),
        max: Some(MinorUnits::new(PRICE * FIT).expect("an amount")),
        count: None,
        action: Some("book_room".parse().expect("a SKU")),
        ..all.clone()
    };
    let claims = purse.payment_claims(cart, now);
    let exp = now.plus(LIFE_S).min(cart.claims().exp);
    purse.sign(&PaymentClaims { exp, caps: vec![all, bookings], ..claims })
}

/// Lets others have a turn if the gateway says that it is too early; anything else is a fault.
async fn await_turn(answered: &Answered) {
    let reason = answered.reason();
    let told = (answered.status, reason.as_deref());
    assert!(
        matches!(
            told,
            (409, Some("in_progress"))
                | (502, Some("upstream_failed"))
                | (503, Some("unavailable"))
        ),
        "{answered:?}"
    );
    for _ in 0..TURNS_BEFORE_RETRY {
        tokio::task::yield_now().await;
    }
}
