//! One agent's program: it does everything that agents do, right and wrong.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mandate::{Intent, Kind, Mandate, Payment, PrincipalRole, Receipt, Status, UnverifiedMandate};
use mandate_proto::v1;
use mandate_proto::v1::wallet_client::WalletClient;
use mandate_tests::gateway::{Answered, Call, Line};
use mandate_tests::random::Random;
use mandate_tests::{LUX, denied};
use tonic::transport::Channel;

use crate::pair::Pair;

/// At most so many tasks have a turn before a client hangs up.
const TURNS_MAX: u64 = 64;

/// One who buys.
pub struct Buyer {
    pair: Arc<Pair>,
    wallet: WalletClient<Channel>,
    line: Line,
    random: Random,
}

impl Buyer {
    pub async fn new(pair: &Arc<Pair>, gateway: SocketAddr, random: Random) -> Self {
        let channel = mandate_proto::connect(&pair.home.paths.wallet_socket()).await.unwrap();
        let (wallet, line) = (WalletClient::new(channel), Line::to(gateway));
        Self { pair: Arc::clone(pair), wallet, line, random }
    }

    /// Buys until it is told to close.
    pub async fn buy(mut self) {
        while !self.pair.closing.load(Ordering::Relaxed) {
            match self.random.below(16) {
                0 => self.ask_for_what_is_not_allowed().await,
                1 => drop(self.quote().await),
                2..=5 => self.search().await,
                _ => self.book().await,
            }
        }
    }

    async fn ask_for_what_is_not_allowed(&mut self) {
        let ask = v1::MintIntentRequest {
            merchant_id: LUX.to_owned(),
            action_sku: "buy_hotel".to_owned(),
            ..v1::MintIntentRequest::default()
        };
        self.pair.count("calls to the wallet");
        let refused = denied(self.wallet.mint_intent(ask).await);
        assert_eq!(refused.reason, "ACTION_NOT_ALLOWED");
        self.pair.count("denied");
    }

    async fn search(&mut self) {
        let call = Call::bare("GET", &format!("/rooms?guests={}", self.random.below(9)));
        let intent = self.intent("search_rooms").await;
        let request = call.with("mandate-intent", intent.as_str());
        let receipt = self.use_up(&intent.hash().to_string(), &request).await;
        if self.random.below(8) == 0 {
            let again = self.ask(&request).await;
            assert_eq!((again.status, again.reason().as_deref()), (409, Some("already_used")));
            self.pair.keep_receipt(&intent.hash().to_string(), &again).expect("a receipt");
            self.pair.count("replayed");
        }
        self.hand_in(&receipt).await;
        self.pair.count("searched");
    }

    async fn book(&mut self) {
        let (call, cart) = self.quote().await;
        self.pair.count("calls to the wallet");
        let ask = v1::MintPaymentRequest { cart, approval_wait: None };
        let minted = self.wallet.mint_payment(ask).await.unwrap().into_inner().mandate;
        let payment: Mandate<Payment> = self.verified(&minted);
        let (key, request) =
            (payment.hash().to_string(), call.with("mandate-payment", payment.as_str()));
        match self.random.below(8) {
            0 => {
                let other = Call { body: Bytes::from_static(b"{}"), ..call.clone() };
                let refused = self.ask(&other.with("mandate-payment", payment.as_str())).await;
                assert_eq!(
                    (refused.status, refused.reason().as_deref()),
                    (403, Some("request_mismatch"))
                );
                self.pair.count("wrong body");
            }
            1 => self.hang_up(&request).await,
            _ => {}
        }
        let receipt = self.use_up(&key, &request).await;
        self.pair.count(match receipt.claims().status {
            Status::Executed => "executed",
            Status::Void => "void",
        });
        if self.random.below(8) == 0 {
            let again = self.ask(&request).await;
            assert_eq!((again.status, again.reason()), (200, None));
            self.pair.keep_receipt(&key, &again).expect("a receipt");
            self.pair.count("replayed");
        }
        for _ in 0..=u64::from(self.random.below(8) == 0) {
            self.hand_in(&receipt).await;
        }
    }

    /// A booking, and the cart that promises its price.
    async fn quote(&mut self) -> (Call, String) {
        let (call, action) = if self.random.below(4) == 0 {
            (Call::bare("POST", "/cancellations"), "cancel_room")
        } else {
            let body = format!(r#"{{"nights":{}}}"#, self.random.below(28) + 1);
            (Call::json("POST", "/bookings", &body), "book_room")
        };
        let intent = self.intent(action).await;
        let answered = self.ask(&call.with("mandate-intent", intent.as_str())).await;
        let cart = answered.cart(&self.pair.keys).unwrap_or_else(|| panic!("{answered:?}"));
        self.pair.count("quoted");
        (call, cart.as_str().to_owned())
    }

    async fn intent(&mut self, action: &str) -> Mandate<Intent> {
        let ask = v1::MintIntentRequest {
            merchant_id: LUX.to_owned(),
            action_sku: action.to_owned(),
            ..v1::MintIntentRequest::default()
        };
        self.pair.count("calls to the wallet");
        let minted = self.wallet.mint_intent(ask).await.unwrap().into_inner();
        self.verified(&minted.mandate)
    }

    fn verified<K: Kind<Role = PrincipalRole>>(&self, token: &str) -> Mandate<K> {
        let keys = mandate::KeySet::new([self.pair.home.key]);
        UnverifiedMandate::<K>::parse(token).unwrap().verify(&keys).unwrap()
    }

    /// Presents one mandate with one call until its use is settled.
    async fn use_up(&mut self, key: &str, request: &Request<Full<Bytes>>) -> Mandate<Receipt> {
        loop {
            let answered = self.ask(request).await;
            if let Some(receipt) = self.pair.keep_receipt(key, &answered) {
                return receipt;
            }
            let reason = answered.reason();
            self.pair.count(match (answered.status, reason.as_deref()) {
                (502, Some("upstream_failed")) => "upstream failed",
                (409, Some("in_progress")) => "in progress",
                _ => panic!("{answered:?}"),
            });
        }
    }

    /// Hands the receipt to the wallet.
    async fn hand_in(&mut self, receipt: &Mandate<Receipt>) {
        self.pair.count("calls to the wallet");
        let ask = v1::RecordReceiptRequest { receipt: receipt.as_str().to_owned() };
        let status = self.wallet.record_receipt(ask).await.unwrap().into_inner().status;
        let wanted = match receipt.claims().status {
            Status::Executed => "executed",
            Status::Void => "void",
        };
        assert_eq!(status, wanted);
        self.pair.count("recorded");
    }

    async fn ask(&mut self, request: &Request<Full<Bytes>>) -> Answered {
        loop {
            self.pair.count("calls to the gateway");
            // An idle connection may end just as it is used.
            let Some(answered) = self.line.send(request.clone()).await else {
                self.pair.count("connections lost");
                continue;
            };
            assert!(answered.whole, "{answered:?}");
            // It is ready before its key is at hand.
            if answered.reason().as_deref() == Some("unavailable") {
                self.pair.count("unavailable");
                tokio::task::yield_now().await;
                continue;
            }
            return answered;
        }
    }

    /// Sends a call and goes away in the middle of it.
    async fn hang_up(&mut self, request: &Request<Full<Bytes>>) {
        let turns = self.random.below(TURNS_MAX);
        self.pair.count("calls to the gateway");
        let going = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            _ = self.line.send(request.clone()) => {}
            () = going => self.pair.count("hung up"),
        }
    }
}
