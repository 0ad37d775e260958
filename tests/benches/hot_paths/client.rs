//! The agents: a process of its own that calls a server over its Unix socket, and the merchant whose carts they pay.
//!
//! Each mint is a real one: a fresh intent, a fresh cart, another payment. What a call needs is made before its time is
//! taken, and what it gave is verified after. A call that is refused ends the process, and with it the benchmark.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use mandate::{
    Intent, KeySet, Kind, Mandate, Payment, PrincipalRole, PublicKey, UnverifiedMandate,
};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_proto::v1::wallet_client::WalletClient;
use mandate_tests::bench::figures::Latencies;
use mandate_tests::{Agent, LUX, Merchant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Barrier;
use tonic::transport::Channel;

use crate::calls::{Ask, Burst, Call, Connection, Places, Server, Times, Tokens};
use crate::child::{asked, say};

/// What the merchant's key is made of.
pub const MERCHANT_SEED: [u8; 32] = [0x6d; 32];
/// What a room costs.
const PRICE: &str = "1.80 EUR";
/// Longest wait for a connection before the time is taken: the server may have to let go of the last ones first.
const PATIENCE: Duration = Duration::from_secs(10);

/// A call with all that it needs.
enum Request {
    Principal,
    Intent,
    Payment(String),
    Receipt(String),
    Budget,
}

/// A server and the key it signs with.
struct Side {
    socket: PathBuf,
    keys: KeySet<PrincipalRole>,
}

struct Clients {
    wallet: Side,
    floor: Side,
    merchant: Merchant,
    /// What the wallet has paid and has no receipt for.
    unsettled: Vec<Mandate<Payment>>,
}

/// What one client did.
struct Done {
    latencies: Latencies,
    began: Instant,
    ended: Instant,
    answers: Vec<String>,
}

/// The whole work of the process: answers what it is asked, until its parent is gone.
pub fn serve(places: &str) {
    let Places { wallet, floor } = serde_json::from_str(places).expect("places");
    let side = |(socket, x): (PathBuf, String)| {
        let key = BASE64URL_NOPAD.decode(x.as_bytes()).expect("a key");
        let key = PublicKey::from_bytes(&key.try_into().expect("its size")).expect("a key");
        Side { socket, keys: KeySet::new([key]) }
    };
    let mut clients = Clients {
        wallet: side(wallet),
        floor: side(floor),
        merchant: Merchant::from_seed(LUX.parse().expect("an id"), MERCHANT_SEED),
        unsettled: Vec::new(),
    };
    for ask in asked() {
        match ask {
            Ask::Burst(burst) => say(&clients.burst(burst)),
            Ask::Sample => say(&clients.sample()),
        }
    }
}

impl Clients {
    fn side(&self, server: Server) -> &Side {
        match server {
            Server::Wallet => &self.wallet,
            Server::Floor => &self.floor,
        }
    }

    /// Buys once.
    fn sample(&mut self) -> Tokens {
        runtime(1).block_on(async {
            let mut agent = connected(&self.wallet.socket).await;
            let intent = send(&mut agent, Request::Intent).await;
            let cart = self.cart(&self.wallet.verified(&intent));
            let payment = send(&mut agent, Request::Payment(cart)).await;
            Tokens { intent, payment }
        })
    }

    fn burst(&mut self, burst: Burst) -> Times {
        let (answers, times) = runtime(burst.clients).block_on(self.run(burst));
        let side = self.side(burst.server);
        match burst.call {
            Call::MintIntent => answers.iter().for_each(|it| drop(side.verified::<Intent>(it))),
            Call::MintPayment => {
                let paid: Vec<_> = answers.iter().map(|it| side.verified(it)).collect();
                if burst.server == Server::Wallet {
                    self.unsettled.extend(paid);
                }
            }
            Call::RecordReceipt => assert!(answers.iter().all(|it| it == "executed")),
            Call::GetPrincipal | Call::GetBudget => {}
        }
        times
    }

    async fn run(&mut self, burst: Burst) -> (Vec<String>, Times) {
        let (socket, each) = (self.side(burst.server).socket.clone(), burst.calls / burst.clients);
        let clients = usize::try_from(burst.clients).expect("a count");
        let mut agents = Vec::new();
        for _ in 0..clients {
            agents.push(connected(&socket).await);
        }
        let mut work = Vec::new();
        for agent in &mut agents {
            let mut requests = Vec::new();
            for _ in 0..each {
                requests.push(self.prepared(burst, agent).await);
            }
            work.push(requests);
        }
        let start = Arc::new(Barrier::new(clients));
        let tasks = agents.into_iter().zip(work).map(|(agent, requests)| {
            let (start, socket) = (Arc::clone(&start), socket.clone());
            tokio::spawn(async move {
                start.wait().await;
                match burst.connection {
                    Connection::Warm => on_one_connection(agent, requests).await,
                    Connection::New => {
                        drop(agent);
                        on_new_connections(&socket, requests).await
                    }
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let mut all = Vec::new();
        for task in tasks {
            all.push(task.await.expect("no call fails"));
        }
        let began = all.iter().map(|done| done.began).min().expect("a client");
        let ended = all.iter().map(|done| done.ended).max().expect("a client");
        let mut latencies = Latencies::default();
        all.iter().for_each(|done| latencies.add(&done.latencies));
        let times = Times::of(&latencies, (ended - began).as_secs_f64());
        (all.into_iter().flat_map(|done| done.answers).collect(), times)
    }

    /// A call and what it needs: for a payment an intent and its cart, for a receipt a payment.
    async fn prepared(&mut self, burst: Burst, agent: &mut WalletClient<Channel>) -> Request {
        match burst.call {
            Call::GetPrincipal => Request::Principal,
            Call::MintIntent => Request::Intent,
            Call::GetBudget => Request::Budget,
            Call::MintPayment => {
                let intent = send(agent, Request::Intent).await;
                Request::Payment(self.cart(&self.side(burst.server).verified(&intent)))
            }
            Call::RecordReceipt => {
                let payment = self.unsettled.pop().expect("a payment without a receipt");
                let order = "LUX-1".parse().expect("text");
                let claims = self.merchant.executed(&payment, order, wall_clock());
                let receipt = self.merchant.sign_receipt(&claims.expect("claims"));
                Request::Receipt(receipt.expect("a receipt").as_str().to_owned())
            }
        }
    }

    fn cart(&self, intent: &Mandate<Intent>) -> String {
        let (title, price) = ("a room".parse().expect("text"), PRICE.parse().expect("an amount"));
        let claims = self.merchant.cart(intent, title, price, wall_clock()).expect("claims");
        self.merchant.sign_cart(&claims).expect("a cart").as_str().to_owned()
    }
}

impl Side {
    fn verified<K: Kind<Role = PrincipalRole>>(&self, token: &str) -> Mandate<K> {
        let token = UnverifiedMandate::<K>::parse(token).expect("a token");
        token.verify(&self.keys).expect("a signature")
    }
}

/// One client needs one thread; many share what the machine has.
fn runtime(clients: u64) -> Runtime {
    let mut builder =
        if clients == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build().expect("a runtime")
}

/// A connection on which a call was answered.
async fn connected(socket: &Path) -> WalletClient<Channel> {
    let began = Instant::now();
    loop {
        if let Ok(channel) = mandate_proto::connect(socket).await {
            let mut agent = WalletClient::new(channel);
            if agent.get_principal(v1::GetPrincipalRequest {}).await.is_ok() {
                return agent;
            }
        }
        assert!(began.elapsed() < PATIENCE, "no connection to {}", socket.display());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn on_one_connection(mut agent: WalletClient<Channel>, requests: Vec<Request>) -> Done {
    let mut done = Done::new(requests.len());
    for request in requests {
        let start = Instant::now();
        let answer = send(&mut agent, request).await;
        done.latencies.record(start.elapsed());
        done.answers.push(answer);
    }
    Done { ended: Instant::now(), ..done }
}

async fn on_new_connections(socket: &Path, requests: Vec<Request>) -> Done {
    let mut done = Done::new(requests.len());
    for request in requests {
        let start = Instant::now();
        let channel = mandate_proto::connect(socket).await.expect("a connection");
        let answer = send(&mut WalletClient::new(channel), request).await;
        done.latencies.record(start.elapsed());
        done.answers.push(answer);
    }
    Done { ended: Instant::now(), ..done }
}

impl Done {
    fn new(calls: usize) -> Self {
        let now = Instant::now();
        Self {
            latencies: Latencies::default(),
            began: now,
            ended: now,
            answers: Vec::with_capacity(calls),
        }
    }
}

/// Makes one call; gives the token or the word in its answer.
async fn send(agent: &mut WalletClient<Channel>, request: Request) -> String {
    let answer = match request {
        Request::Principal => {
            let answer = agent.get_principal(v1::GetPrincipalRequest {}).await;
            answer.map(|answer| answer.into_inner().id)
        }
        Request::Intent => {
            let answer = agent.mint_intent(Agent::book_room()).await;
            answer.map(|answer| answer.into_inner().mandate)
        }
        Request::Payment(cart) => {
            let ask = v1::MintPaymentRequest { cart, approval_wait: None };
            agent.mint_payment(ask).await.map(|answer| answer.into_inner().mandate)
        }
        Request::Receipt(receipt) => {
            let answer = agent.record_receipt(v1::RecordReceiptRequest { receipt }).await;
            answer.map(|answer| answer.into_inner().status)
        }
        Request::Budget => {
            let answer = agent.get_budget(v1::GetBudgetRequest::default()).await;
            answer.map(|answer| answer.into_inner().caps.len().to_string())
        }
    };
    answer.expect("an answer, not a refusal")
}
