//! The daemon in this process, on real sockets, and an agent that calls it.

use std::sync::Arc;
use std::time::Duration;

use mandate::clock::Clock;
use mandate::token::Status as Outcome;
use mandate::{Cart, CartClaims, Intent, Mandate, Payment, UnixSeconds};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_proto::v1::wallet_client::WalletClient;
use mandated::{Config, RunError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Status;
use tonic::transport::Channel;

use crate::home::{Home, LUX};
use crate::{Merchant, TestClock};

/// Longest wait for a daemon to become ready or to end; only a broken one takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon under way.
#[derive(Debug)]
pub struct Running {
    stop: Option<oneshot::Sender<()>>,
    daemon: JoinHandle<Result<(), RunError>>,
}

impl Home {
    /// Starts the daemon on the system's clock and waits until it is ready.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start(&self) -> Running {
        self.start_with(|_| ()).await.expect("the daemon did not start")
    }

    /// Starts the daemon on a test's clock.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub async fn start_at(&self, clock: &TestClock) -> Running {
        let clock: Arc<dyn Clock> = Arc::new(clock.clone());
        self.start_with(|config| config.clock = Some(clock))
            .await
            .expect("the daemon did not start")
    }

    /// Starts the daemon with another configuration; gives the error that it ended with if it does not get ready.
    ///
    /// # Errors
    ///
    /// What [`mandated::run`] ended with.
    ///
    /// # Panics
    ///
    /// If it neither gets ready nor ends.
    pub async fn start_with(&self, change: impl FnOnce(&mut Config)) -> Result<Running, RunError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, told) = oneshot::channel();
        let mut config = Config { ready: Some(ready), ..Config::new(self.paths.clone()) };
        change(&mut config);
        let daemon = tokio::spawn(mandated::run(config, async {
            // A test that ends without stopping its daemon stops it, too.
            stopped.await.unwrap_or_default();
        }));
        let told = tokio::time::timeout(PATIENCE, told).await.expect("the daemon hangs");
        match told {
            Ok(()) => Ok(Running { stop: Some(stop), daemon }),
            Err(_) => {
                Err(daemon.await.expect("no panic").expect_err("it ended before it was ready"))
            }
        }
    }

    /// A client on the agents' socket.
    ///
    /// # Panics
    ///
    /// If nothing accepts there.
    pub async fn agent(&self) -> Agent<'_> {
        let channel = mandate_proto::connect(&self.paths.wallet_socket()).await.expect("a socket");
        Agent { home: self, clock: None, wallet: WalletClient::new(channel) }
    }

    /// A client on the principal's socket.
    ///
    /// # Panics
    ///
    /// If nothing accepts there.
    pub async fn control(&self) -> ControlClient<Channel> {
        let socket = self.paths.control_socket();
        ControlClient::new(mandate_proto::connect(&socket).await.expect("a socket"))
    }
}

impl Running {
    /// Stops the daemon as SIGTERM does.
    ///
    /// # Panics
    ///
    /// If it does not end, or not well.
    pub async fn stop(mut self) {
        self.stop.take();
        self.end().await.expect("the daemon ended badly");
    }

    /// Waits until the daemon ends by itself.
    ///
    /// # Errors
    ///
    /// What it ended with.
    ///
    /// # Panics
    ///
    /// If it does not end.
    pub async fn end(self) -> Result<(), RunError> {
        let ended = tokio::time::timeout(PATIENCE, self.daemon).await;
        ended.expect("the daemon does not end").expect("no panic")
    }
}

/// An agent that does what it is told, with the merchants of its home at hand.
#[derive(Debug, Clone)]
pub struct Agent<'h> {
    home: &'h Home,
    clock: Option<TestClock>,
    /// The generated client.
    pub wallet: WalletClient<Channel>,
}

impl<'h> Agent<'h> {
    /// The same agent among merchants who go by a test's clock.
    #[must_use]
    pub fn on(self, clock: &TestClock) -> Self {
        Self { clock: Some(clock.clone()), ..self }
    }

    /// What the merchants' clock says.
    ///
    /// # Panics
    ///
    /// If the system tells no time.
    #[must_use]
    pub fn now(&self) -> UnixSeconds {
        match &self.clock {
            Some(clock) => clock.now(),
            None => wall_clock(),
        }
    }

    /// The merchant of that id.
    #[must_use]
    pub fn merchant(&self, id: &str) -> &'h Merchant {
        if id == LUX { &self.home.lux } else { &self.home.rival }
    }

    /// A request for one `book_room`.
    #[must_use]
    pub fn book_room() -> v1::MintIntentRequest {
        v1::MintIntentRequest {
            merchant_id: LUX.to_owned(),
            action_sku: "book_room".to_owned(),
            ..v1::MintIntentRequest::default()
        }
    }

    /// Mints an intent and checks it as its merchant does.
    ///
    /// # Errors
    ///
    /// The wallet's refusal.
    ///
    /// # Panics
    ///
    /// If what was minted does not verify.
    pub async fn intent(&mut self, ask: v1::MintIntentRequest) -> Result<Mandate<Intent>, Status> {
        let merchant = self.merchant(&ask.merchant_id);
        let minted = self.wallet.mint_intent(ask).await?.into_inner();
        Ok(merchant.admit(&minted.mandate, self.home.key).expect("a good intent"))
    }

    /// The cart of the intent's own merchant, as `change` leaves it.
    ///
    /// # Panics
    ///
    /// If the claims make no cart.
    #[must_use]
    pub fn cart(
        &self,
        intent: &Mandate<Intent>,
        total: &str,
        change: impl FnOnce(&mut CartClaims),
    ) -> Mandate<Cart> {
        let merchant = self.merchant(intent.claims().aud.as_str());
        let (title, total) = ("a room".parse().expect("text"), total.parse().expect("an amount"));
        let mut claims = merchant.cart(intent, title, total, self.now()).expect("a cart");
        change(&mut claims);
        merchant.sign_cart(&claims).expect("a cart")
    }

    /// Pays a cart and checks the payment as its merchant does.
    ///
    /// # Errors
    ///
    /// The wallet's refusal.
    ///
    /// # Panics
    ///
    /// If what was minted does not verify.
    pub async fn pay(&mut self, cart: &Mandate<Cart>) -> Result<Mandate<Payment>, Status> {
        let merchant = self.merchant(cart.claims().iss.as_str());
        let minted = self.pay_text(cart.as_str()).await?;
        Ok(merchant.admit(&minted.mandate, self.home.key).expect("a good payment"))
    }

    /// Hands in anything as a cart.
    ///
    /// # Errors
    ///
    /// The wallet's refusal.
    pub async fn pay_text(&mut self, cart: &str) -> Result<v1::MintPaymentResponse, Status> {
        let ask = v1::MintPaymentRequest { cart: cart.to_owned(), approval_wait: None };
        Ok(self.wallet.mint_payment(ask).await?.into_inner())
    }

    /// Mints an intent for a room, has it quoted, and pays.
    ///
    /// # Errors
    ///
    /// The wallet's refusal of either.
    pub async fn book(&mut self, total: &str) -> Result<Mandate<Payment>, Status> {
        let intent = self.intent(Self::book_room()).await?;
        let cart = self.cart(&intent, total, |_| ());
        self.pay(&cart).await
    }

    /// Has the merchant answer a payment, and hands the receipt in.
    ///
    /// # Errors
    ///
    /// The wallet's refusal.
    ///
    /// # Panics
    ///
    /// If the merchant does not sign.
    pub async fn settle(
        &mut self,
        payment: &Mandate<Payment>,
        outcome: Outcome,
    ) -> Result<String, Status> {
        let merchant = self.merchant(payment.claims().aud.as_str());
        let claims = match outcome {
            Outcome::Executed => {
                merchant.executed(payment, "LUX-1".parse().expect("text"), self.now())
            }
            Outcome::Void => merchant.void(payment, "full".parse().expect("text"), self.now()),
        };
        let receipt = merchant.sign_receipt(&claims.expect("a receipt")).expect("a receipt");
        self.hand_in(receipt.as_str()).await
    }

    /// Hands in anything as a receipt.
    ///
    /// # Errors
    ///
    /// The wallet's refusal.
    pub async fn hand_in(&mut self, receipt: &str) -> Result<String, Status> {
        let ask = v1::RecordReceiptRequest { receipt: receipt.to_owned() };
        Ok(self.wallet.record_receipt(ask).await?.into_inner().status)
    }

    /// What was spent under each cap, in minor units, and how many payments: in the order of wallet.toml.
    ///
    /// # Panics
    ///
    /// If the wallet refuses.
    pub async fn spent(&mut self) -> Vec<(i64, u32)> {
        let budget = self.wallet.get_budget(v1::GetBudgetRequest::default()).await;
        let caps = budget.expect("a budget").into_inner().caps;
        caps.into_iter()
            .map(|cap| (cap.spent.map_or(0, |m| m.minor_units), cap.count_used))
            .collect()
    }
}
