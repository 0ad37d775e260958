//! Those who pay a merchant: a process of its own that calls the gateway, and the API behind it directly.
//!
//! Each paid call is a real one: a fresh intent, the gateway's own cart, another payment, and a signed receipt at its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mandate::{KeySet, MerchantId, MerchantRole, PublicKey, Status};
use mandate_host::clock::wall_clock;
use mandate_tests::LUX;
use mandate_tests::bench::figures::Latencies;
use mandate_tests::gateway::{Answered, Ask, Call, Line, Payer};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Barrier;

use crate::calls::{Connection, Times};
use crate::child::{asked, say};

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
        say(&runtime(burst.clients).block_on(Payers::burst(&payers, burst)));
    }
}

fn runtime(clients: u64) -> Runtime {
    let mut builder =
        if clients == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build().expect("a runtime")
}

impl Payers {
    async fn burst(this: &Arc<Self>, burst: PaidBurst) -> Times {
        let clients = usize::try_from(burst.clients).expect("a count");
        let start = Arc::new(Barrier::new(clients));
        let client = |_| {
            let (this, start) = (Arc::clone(this), Arc::clone(&start));
            tokio::spawn(async move { this.client(burst, &start).await })
        };
        let tasks: Vec<_> = (0..burst.clients).map(client).collect();
        let (mut latencies, mut began, mut ended) = (Latencies::default(), None, None);
        for task in tasks {
            let (own, first, last) = task.await.expect("no call fails");
            latencies.add(&own);
            began = began.into_iter().chain([first]).min();
            ended = ended.into_iter().chain([last]).max();
        }
        let seconds = ended.zip(began).map(|(ended, began): (Instant, Instant)| ended - began);
        Times::of(&latencies, seconds.expect("a client").as_secs_f64())
    }

    /// One client: buys all its payments, and when all have done so, presents them.
    async fn client(&self, burst: PaidBurst, start: &Barrier) -> (Latencies, Instant, Instant) {
        let call = Call::json("POST", "/bookings", r#"{"nights":2}"#);
        let address = match burst.way {
            Way::Gateway => self.gateway,
            Way::Direct => self.upstream,
        };
        let mut line = Line::to(address);
        let mut requests = Vec::new();
        for _ in 0..burst.calls / burst.clients {
            requests.push(match burst.way {
                Way::Gateway => self.paid(&call, &mut line).await,
                Way::Direct => call.request(),
            });
        }
        // Whichever way it goes, the line has been used.
        self.warm(&call, &mut line, burst.way).await;
        start.wait().await;
        let (mut latencies, mut answers, began) =
            (Latencies::default(), Vec::new(), Instant::now());
        for request in requests {
            let sent = Instant::now();
            if burst.connection == Connection::New {
                line = Line::to(address);
            }
            answers.push(line.send(request).await.expect("an answer"));
            latencies.record(sent.elapsed());
        }
        let ended = Instant::now();
        answers.iter().for_each(|answered| self.check(answered, burst.way));
        (latencies, began, ended)
    }

    /// A call with a payment that was never presented.
    async fn paid(&self, call: &Call, line: &mut Line) -> Request<Full<Bytes>> {
        let intent = self.payer.intent(&self.merchant, &Ask::one("book_room"), wall_clock());
        let quoted = line.send(call.with("mandate-intent", intent.as_str())).await;
        let cart = quoted.expect("an answer").cart(&self.keys).expect("a cart");
        call.with("mandate-payment", self.payer.pay(&cart, wall_clock()).as_str())
    }

    async fn warm(&self, call: &Call, line: &mut Line, way: Way) {
        if way == Way::Direct {
            line.send(call.request()).await.expect("an answer");
        }
    }

    fn check(&self, answered: &Answered, way: Way) {
        assert_eq!(answered.status, 200, "{answered:?}");
        if way == Way::Gateway {
            let receipt = answered.receipt(&self.keys).expect("a receipt");
            assert_eq!(receipt.claims().status, Status::Executed);
        }
    }
}
