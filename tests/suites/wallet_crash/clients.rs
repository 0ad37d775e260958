//! An agent's program that buys for ever, and asks the same thing again until it is answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mandate::token::Status as Outcome;
use mandate::{Cart, Intent, Kind, Mandate, Payment, PrincipalRole};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_proto::v1::wallet_client::WalletClient;
use mandate_tests::random::Random;
use mandate_tests::{LUX, denied};
use tokio::time::sleep;
use tonic::transport::Channel;
use tonic::{Response, Status};
use tonic_types::StatusExt as _;

use crate::principal::Principal;

/// What a room costs.
const PRICE: &str = "9.00 EUR";

/// How long after its daemon's life a call is waited for. hyper's client may leave one without an end that is made while
/// the connection breaks (hyper issue 4122); a call to a daemon that lives is waited for without a limit.
const LAST_ANSWER_WAIT: Duration = Duration::from_secs(5);

/// How many tasks may have a turn before a client that was refused asks again.
const TURNS_BEFORE_RETRY: usize = 64;

/// One who buys.
pub struct Client {
    principal: Arc<Principal>,
    number: usize,
    random: Random,
    /// The connection, and the life of the daemon it was made to.
    wallet: Option<(WalletClient<Channel>, u64)>,
    asked: u64,
}

impl Client {
    pub fn new(principal: &Arc<Principal>, number: usize, random: Random) -> Self {
        Self { principal: Arc::clone(principal), number, random, wallet: None, asked: 0 }
    }

    /// Buys until everybody is told to close.
    pub async fn buy(mut self) {
        while !self.principal.closing.load(Ordering::Relaxed) {
            let Some(intent) = self.intent().await else {
                self.principal.count("no room under a cap for an intent");
                rest().await;
                continue;
            };
            let cart = self.cart(&intent);
            let Some(payment) = self.pay(&cart).await else {
                self.principal.count("no room under a cap for a payment");
                rest().await;
                continue;
            };
            self.principal.count("paid");
            // What is executed or not settled fills the caps, so most of it is given back.
            match self.random.below(16) {
                0 => {}
                1 => self.settle(&payment, Outcome::Executed).await,
                _ => self.settle(&payment, Outcome::Void).await,
            }
        }
    }

    /// An intent, the same one however often its answer is lost; `None` when a cap is full.
    async fn intent(&mut self) -> Option<Mandate<Intent>> {
        self.asked += 1;
        let ask = v1::MintIntentRequest {
            merchant_id: LUX.to_owned(),
            action_sku: "book_room".to_owned(),
            idempotency_key: format!("{}-{}", self.number, self.asked),
            ..v1::MintIntentRequest::default()
        };
        let mut first: Option<String> = None;
        loop {
            let minted = self
                .answered("MintIntent", ask.clone(), async |wallet, ask| {
                    wallet.mint_intent(ask).await
                })
                .await;
            let Some(minted) = minted else {
                // The caps may be full by now, and what was minted before stays good.
                assert!(first.is_none(), "an intent that is out was refused");
                return None;
            };
            let minted = minted.mandate;
            if let Some(before) = &first {
                assert_eq!(*before, minted, "one key has two intents");
            }
            let intent = self.verified::<Intent>(&minted);
            self.principal.told().intents.insert(intent.claims().jti, intent.claims().clone());
            if first.is_some() || self.random.below(8) > 0 {
                return Some(intent);
            }
            first = Some(minted);
        }
    }

    fn cart(&self, intent: &Mandate<Intent>) -> Mandate<Cart> {
        let (title, price) = ("a room".parse().unwrap(), PRICE.parse().unwrap());
        let lux = &self.principal.home.lux;
        let claims = lux.cart(intent, title, price, wall_clock()).unwrap();
        lux.sign_cart(&claims).unwrap()
    }

    /// The payment of a cart, the same one however often its answer is lost; `None` when a cap is full.
    async fn pay(&mut self, cart: &Mandate<Cart>) -> Option<Mandate<Payment>> {
        let ask = v1::MintPaymentRequest { cart: cart.as_str().to_owned(), approval_wait: None };
        let mut last = None;
        for _ in 0..=u64::from(self.random.below(8) == 0) {
            let minted = self
                .answered("MintPayment", ask.clone(), async |wallet, ask| {
                    wallet.mint_payment(ask).await
                })
                .await;
            let Some(minted) = minted else {
                assert!(last.is_none(), "a payment that is out was refused");
                return None;
            };
            let payment = self.verified::<Payment>(&minted.mandate);
            self.principal.keep(cart, &payment);
            last = Some(payment);
        }
        last
    }

    /// Has the merchant answer, and hands the receipt in until the wallet has it.
    async fn settle(&mut self, payment: &Mandate<Payment>, outcome: Outcome) {
        let (lux, now) = (&self.principal.home.lux, wall_clock());
        let claims = match outcome {
            Outcome::Executed => lux.executed(payment, "LUX-1".parse().unwrap(), now),
            Outcome::Void => lux.void(payment, "full".parse().unwrap(), now),
        };
        let receipt = lux.sign_receipt(&claims.unwrap()).unwrap();
        // The merchant signed it: from here on it may be settled, and once it is answered it has to be.
        let ask = v1::RecordReceiptRequest { receipt: receipt.as_str().to_owned() };
        let recorded = self
            .answered("RecordReceipt", ask, async |wallet, ask| wallet.record_receipt(ask).await)
            .await;
        assert!(recorded.is_some(), "a receipt was refused");
        self.principal.told().settled.insert(payment.claims().jti, outcome);
    }

    fn verified<K: Kind<Role = PrincipalRole>>(&self, token: &str) -> Mandate<K> {
        self.principal.home.lux.admit(token, self.principal.home.key).expect("a good mandate")
    }

    /// Asks whichever daemon there is until one answers; `None` when a cap is full.
    async fn answered<Q: Clone, A: std::fmt::Debug>(
        &mut self,
        what: &'static str,
        ask: Q,
        mut call: impl AsyncFnMut(&mut WalletClient<Channel>, Q) -> Result<Response<A>, Status>,
    ) -> Option<A> {
        loop {
            self.says("looks for a daemon".to_owned());
            let Some((mut wallet, life)) = self.wallet().await else { continue };
            self.principal.fuse.burn();
            self.says(format!("asks for {what} in life {life}"));
            let answer = tokio::select! {
                answer = call(&mut wallet, ask.clone()) => answer,
                () = self.without_an_end(life) => {
                    self.principal.count("left without an end");
                    self.wallet = None;
                    continue;
                }
            };
            self.says(format!("was answered about {what}"));
            let refused = match answer {
                Ok(answer) => return Some(answer.into_inner()),
                // Nobody answered: the daemon is dead, or dies.
                Err(status) if status.get_error_details().error_info().is_none() => {
                    self.wallet = None;
                    format!("{:?} {}", status.code(), status.message())
                }
                Err(status) => {
                    let refused = denied(Err::<A, _>(status));
                    match refused.reason.as_str() {
                        "CAP_EXCEEDED" | "COUNT_EXCEEDED" => return None,
                        "FROZEN" | "KEY_UNAVAILABLE" => {
                            self.principal.count("told to wait");
                            refused.reason
                        }
                        _ => panic!("{what}: {refused:?}"),
                    }
                }
            };
            self.says(format!("{what}: {refused}"));
            rest().await;
        }
    }

    /// Long after a life is over.
    async fn without_an_end(&self, life: u64) {
        self.principal.over(life).await;
        sleep(LAST_ANSWER_WAIT).await;
    }

    /// What it does, for who wonders why it does not end.
    fn says(&self, what: String) {
        self.principal.told().last.insert(self.number, what);
    }

    /// The connection, or a new one to the daemon that lives now; `None` if it died meanwhile.
    async fn wallet(&mut self) -> Option<(WalletClient<Channel>, u64)> {
        if self.wallet.is_none() {
            let life = self.principal.alive().await;
            self.says("connects".to_owned());
            let socket = self.principal.home.paths.wallet_socket();
            let channel = mandate_proto::connect(&socket).await.ok();
            self.wallet = channel.map(|channel| (WalletClient::new(channel), life));
        }
        self.wallet.clone()
    }
}

/// Lets others have a turn.
async fn rest() {
    for _ in 0..TURNS_BEFORE_RETRY {
        tokio::task::yield_now().await;
    }
}
