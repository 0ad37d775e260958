//! The agents: a process of its own that calls a server over its Unix socket, and the merchant whose carts they pay.
//!
//! Each mint is a real one: a fresh intent, a fresh cart, another payment. What a call needs is made before its time is
//! taken, and what it gave is verified after. A call that is refused ends the process, and with it the benchmark.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use mandate::text::Title;
use mandate::{
    Intent, KeySet, Kind, LineItem, Mandate, MinorUnits, Money, Payment, PrincipalRole, PublicKey,
    UnverifiedMandate,
};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_proto::v1::wallet_client::WalletClient;
use mandate_tests::{Agent, LUX, Merchant};
use tokio::sync::Barrier;
use tonic::transport::Channel;

use crate::calls::{Ask, Burst, Call, Connection, Places, Server, Times, Tokens};
use crate::child::{asked, say};
use crate::crowd::{Clock, Done, crowd};

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

/// Whom the agents know.
struct World {
    wallet: Side,
    floor: Side,
    merchant: Merchant,
}

/// The whole work of the process: answers what it is asked, until its parent is gone.
pub fn serve(places: &str) {
    let Places { wallet, floor } = serde_json::from_str(places).expect("places");
    let side = |(socket, x): (PathBuf, String)| {
        let key = BASE64URL_NOPAD.decode(x.as_bytes()).expect("a key");
        let key = PublicKey::from_bytes(&key.try_into().expect("its size")).expect("a key");
        Side { socket, keys: KeySet::new([key]) }
    };
    let merchant = Merchant::from_seed(LUX.parse().expect("an id"), MERCHANT_SEED);
    let world = Arc::new(World { wallet: side(wallet), floor: side(floor), merchant });
    // What the wallet has paid and has no receipt for.
    let mut unsettled = Vec::new();
    for ask in asked() {
        match ask {
            Ask::Burst(asked) => say(&burst(&world, asked, &mut unsettled)),
            Ask::Sample => say(&sample(&world)),
        }
    }
}

/// Buys once.
fn sample(world: &Arc<World>) -> Tokens {
    let one = |start: Arc<Barrier>| {
        let world = Arc::clone(world);
        async move {
            let mut agent = connected(&world.wallet.socket).await;
            let mut clock = Clock::start(&start, 1).await;
            let intent = send(&mut agent, Request::Intent).await;
            let cart = world.cart(&world.wallet.verified(&intent), 1);
            let payment = send(&mut agent, Request::Payment(cart)).await;
            clock.time(async { Tokens { intent, payment } }).await;
            clock.stop()
        }
    };
    crowd(1, one).0.remove(0)
}

fn burst(world: &Arc<World>, burst: Burst, unsettled: &mut Vec<Mandate<Payment>>) -> Times {
    let each = usize::try_from(burst.calls / burst.clients).expect("a count");
    let (answers, times) = crowd(burst.clients, |start| {
        let of_receipts = if burst.call == Call::RecordReceipt { each } else { 0 };
        let kept = unsettled.len().checked_sub(of_receipts).expect("payments without receipts");
        let payments = unsettled.split_off(kept);
        let world = Arc::clone(world);
        async move { world.client(burst, each, payments, &start).await }
    });
    let side = world.side(burst.server);
    match burst.call {
        Call::MintIntent => answers.iter().for_each(|it| drop(side.verified::<Intent>(it))),
        Call::MintPayment => {
            let paid: Vec<_> = answers.iter().map(|it| side.verified(it)).collect();
            if burst.server == Server::Wallet {
                unsettled.extend(paid);
            }
        }
        Call::RecordReceipt => assert!(answers.iter().all(|it| it == "executed")),
        Call::GetPrincipal | Call::GetBudget => {}
    }
    times
}

impl World {
    fn side(&self, server: Server) -> &Side {
        match server {
            Server::Wallet => &self.wallet,
            Server::Floor => &self.floor,
        }
    }

    /// One client: prepares all its calls, and when all have done so, makes them.
    async fn client(
        &self,
        burst: Burst,
        calls: usize,
        payments: Vec<Mandate<Payment>>,
        start: &Barrier,
    ) -> Done<String> {
        let side = self.side(burst.server);
        let mut agent = connected(&side.socket).await;
        let mut requests: Vec<_> = payments.iter().map(|paid| self.receipt(paid)).collect();
        while requests.len() < calls {
            requests.push(match burst.call {
                Call::GetPrincipal => Request::Principal,
                Call::MintIntent => Request::Intent,
                Call::MintPayment => {
                    let intent = send(&mut agent, Request::Intent).await;
                    Request::Payment(self.cart(&side.verified(&intent), burst.lines))
                }
                Call::RecordReceipt => panic!("a receipt needs a payment"),
                Call::GetBudget => Request::Budget,
            });
        }
        let mut clock = Clock::start(start, calls).await;
        match burst.connection {
            Connection::Warm => {
                for request in requests {
                    clock.time(send(&mut agent, request)).await;
                }
            }
            Connection::New => {
                drop(agent);
                for request in requests {
                    clock.time(send_on_new(&side.socket, request)).await;
                }
            }
        }
        clock.stop()
    }

    /// The merchant's cart for an intent: all but the first line are one cent each.
    fn cart(&self, intent: &Mandate<Intent>, lines: u64) -> String {
        let (title, price): (Title, Money) =
            ("a room".parse().expect("text"), PRICE.parse().expect("an amount"));
        let claims = self.merchant.cart(intent, title, price, wall_clock());
        let mut claims = claims.expect("claims");
        let amount = |units| MinorUnits::new(units).expect("an amount");
        let first = LineItem {
            amount: amount(price.amount.units() + 1 - lines),
            ..claims.line_items.remove(0)
        };
        claims.line_items =
            (1..lines).map(|_| LineItem { amount: amount(1), ..first.clone() }).collect();
        claims.line_items.insert(0, first);
        self.merchant.sign_cart(&claims).expect("a cart").as_str().to_owned()
    }

    fn receipt(&self, payment: &Mandate<Payment>) -> Request {
        let order = "LUX-1".parse().expect("text");
        let claims = self.merchant.executed(payment, order, wall_clock()).expect("claims");
        let receipt = self.merchant.sign_receipt(&claims).expect("a receipt");
        Request::Receipt(receipt.as_str().to_owned())
    }
}

impl Side {
    fn verified<K: Kind<Role = PrincipalRole>>(&self, token: &str) -> Mandate<K> {
        let token = UnverifiedMandate::<K>::parse(token).expect("a token");
        token.verify(&self.keys).expect("a signature")
    }
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

async fn send_on_new(socket: &Path, request: Request) -> String {
    let channel = mandate_proto::connect(socket).await.expect("a connection");
    send(&mut WalletClient::new(channel), request).await
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
