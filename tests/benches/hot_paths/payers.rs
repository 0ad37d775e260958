//! Those who pay a merchant: a process of its own that calls the gateway, and the API behind it directly.
//!
//! Each paid call is a real one: a fresh intent, the gateway's own cart, another payment, and a signed receipt at its end.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mandate::{KeySet, MerchantId, MerchantRole, PublicKey, Status};
use mandate_host::clock::wall_clock;
use mandate_tests::LUX;
use mandate_tests::gateway::{Answered, Ask, Call, Line, Payer};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use crate::calls::Connection;
use crate::child::{asked, say};
use crate::crowd::{Clock, Done, crowd};

/// What the payers' key is made of.
const SEED: [u8; 32] = [0x70; 32];

/// Where a paid call goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// To the built gateway, with a payment.
    Gateway,
    /// To the API behind it, without one.
    Direct,
}

/// So many calls, by so many payers at a time.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PaidBurst {
    pub way: Way,
    pub connection: Connection,
    pub clients: u64,
    pub calls: u64,
}

/// Where the process finds both, and the `x` of the merchant's key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Addresses {
    pub gateway: SocketAddr,
    pub upstream: SocketAddr,
    pub x: String,
}

struct Payers {
    gateway: SocketAddr,
    upstream: SocketAddr,
    keys: KeySet<MerchantRole>,
    merchant: MerchantId,
    payer: Payer,
}

/// The whole work of the process: answers each [`PaidBurst`] with [`Times`].
pub fn serve(addresses: &str) {
    let Addresses { gateway, upstream, x } = serde_json::from_str(addresses).expect("addresses");
    let key = data_encoding::BASE64URL_NOPAD.decode(x.as_bytes()).expect("a key");
    let key = PublicKey::from_bytes(&key.try_into().expect("its size")).expect("a key");
    let (keys, merchant) = (KeySet::new([key]), LUX.parse().expect("an id"));
    let payers = Arc::new(Payers { gateway, upstream, keys, merchant, payer: Payer::new(SEED) });
    for burst in asked::<PaidBurst>() {
        let (answers, times) = crowd(burst.clients, |start| {
            let payers = Arc::clone(&payers);
            async move { payers.client(burst, &start).await }
        });
        answers.iter().for_each(|answered| payers.check(answered, burst.way));
        say(&times);
    }
}

impl Payers {
    /// One client: buys all its payments, and when all have done so, presents them.
    async fn client(&self, burst: PaidBurst, start: &Barrier) -> Done<Answered> {
        let call = Call::json("POST", "/bookings", r#"{"nights":2}"#);
        let address = match burst.way {
            Way::Gateway => self.gateway,
            Way::Direct => self.upstream,
        };
        let (mut line, mut requests) = (Line::to(address), Vec::new());
        for _ in 0..burst.calls / burst.clients {
            requests.push(match burst.way {
                Way::Gateway => self.paid(&call, &mut line).await,
                Way::Direct => call.request(),
            });
        }
        if burst.way == Way::Direct {
            // As the line to the gateway, it has been used.
            line.send(call.request()).await.expect("an answer");
        }
        let mut clock = Clock::start(start, requests.len()).await;
        for request in requests {
            if burst.connection == Connection::New {
                line = Line::to(address);
            }
            clock.time(async { line.send(request).await.expect("an answer") }).await;
        }
        clock.stop()
    }

    /// A call with a payment that was never presented.
    async fn paid(&self, call: &Call, line: &mut Line) -> Request<Full<Bytes>> {
        let intent = self.payer.intent(&self.merchant, &Ask::one("book_room"), wall_clock());
        let quoted = line.send(call.with("mandate-intent", intent.as_str())).await;
        let cart = quoted.expect("an answer").cart(&self.keys).expect("a cart");
        call.with("mandate-payment", self.payer.pay(&cart, wall_clock()).as_str())
    }

    fn check(&self, answered: &Answered, way: Way) {
        assert_eq!(answered.status, 200, "{answered:?}");
        if way == Way::Gateway {
            let receipt = answered.receipt(&self.keys).expect("a receipt");
            assert_eq!(receipt.claims().status, Status::Executed);
        }
    }
}
