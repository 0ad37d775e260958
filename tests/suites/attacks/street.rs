//! A wallet, a gateway, and an API that counts; and what both an honest buyer and an attacker can do there.
//!
//! The wallet lists two merchants: lux-hotels, which is the gateway, and rival-air, whose key signs whatever an attack
//! asks for. The gateway is open to any principal, so an attack may bring a wallet of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use http::Request;
use http_body_util::Full;
use mandate::{
    Cart, CartClaims, Intent, KeySet, Kind, Mandate, MerchantRole, Payment, PolicyDigest,
    PrincipalRole, Receipt, UnverifiedMandate,
};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_proto::v1::wallet_client::WalletClient;
use mandate_tests::gateway::{Answered, Call, Kept, KeyedApi, Line, MerchantHome, Reaction};
use mandate_tests::invariants::Terms;
use mandate_tests::rerun::Rerun;
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::{Home, LUX, RIVAL, denied};
use tonic::Status;
use tonic::transport::Channel;

use crate::child::{GATEWAY, WALLET};

/// What the API executes for whoever asks.
const BODY: &str = r#"{"nights":2}"#;

/// The two processes.
struct Processes {
    wallet: Rerun,
    gateway: Rerun,
}

/// Everything an attack can reach.
pub struct Street {
    pub home: Home,
    pub merchant: MerchantHome,
    pub keys: KeySet<MerchantRole>,
    pub api: KeyedApi,
    pub line: Line,
    pub wallet: WalletClient<Channel>,
    /// The API refuses every new call.
    pub full: Arc<AtomicBool>,
    upstream: SocketAddr,
    terms: Terms,
    processes: Option<Processes>,
    /// Each payment that the wallet signed for somebody here.
    signed: Vec<Mandate<Payment>>,
}

/// What is left when both processes have ended: all that the check needs.
pub struct Closed {
    pub home: Home,
    pub merchant: MerchantHome,
    pub api: KeyedApi,
    pub terms: Terms,
    pub signed: Vec<Mandate<Payment>>,
}

/// The caps of the principal: 1,000.00 EUR, 500 JPY and 500.000 BHD for ever, and 12 payments a day at the hotel.
fn caps() -> Vec<Cap> {
    vec![
        Cap::spend("lifetime", ("EUR", 100_000)),
        Cap::spend("lifetime", ("JPY", 500)),
        Cap::spend("lifetime", ("BHD", 500_000)),
        Cap { about: [None, Some(LUX), None], ..Cap::count("24h", 12) },
    ]
}

impl Street {
    /// Starts both; `None`, with a word about it, where the kernel has no keyring.
    pub async fn open() -> Option<Self> {
        let home = Home::made_at(wall_clock().seconds())?;
        let merchant = MerchantHome::new()?;
        let full = Arc::new(AtomicBool::new(false));
        let refuses = Arc::clone(&full);
        let api = KeyedApi::new(Kept::Calls, move |_| reaction(&refuses), |_| ());
        let upstream = api.listen().await;
        merchant.write(&merchant.toml(upstream, ""));
        let mut terms = Terms { zone: PARIS, caps: BTreeMap::new() };
        write_rules(&home, &merchant, &mut terms, |text| text);
        let (processes, line, wallet) = start(&home, &merchant).await;
        let processes = Some(processes);
        let keys = merchant.keys();
        let signed = Vec::new();
        Some(Self {
            home,
            merchant,
            keys,
            api,
            line,
            wallet,
            full,
            upstream,
            terms,
            processes,
            signed,
        })
    }

    /// Puts another wallet.toml in force, with the same caps, and waits until it is.
    pub async fn rewrite(&mut self, change: impl FnOnce(String) -> String) {
        let wanted = write_rules(&self.home, &self.merchant, &mut self.terms, change);
        let mut control = self.home.control().await;
        loop {
            let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
            assert_eq!(status.policy_problem, "", "the file is refused");
            if status.policy_digest == wanted.to_string() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let channel = mandate_proto::connect(&self.home.paths.wallet_socket()).await.unwrap();
        self.wallet = WalletClient::new(channel);
    }

    /// Ends both in order.
    pub async fn stop(&mut self) {
        let Processes { wallet, gateway } = self.processes.take().expect("both run");
        gateway.stop().await;
        wallet.stop().await;
    }

    /// Starts both again.
    pub async fn start(&mut self) {
        // Another file in force is another entry: two copies of a journal never grow alike by chance.
        let stamp = format!("upstream_timeout = \"{}s\"", self.signed.len() + 10);
        self.merchant.write(&self.merchant.toml(self.upstream, &stamp));
        let (processes, line, wallet) = start(&self.home, &self.merchant).await;
        (self.processes, self.line, self.wallet) = (Some(processes), line, wallet);
    }

    /// Ends both, and gives what is left.
    pub async fn close(mut self) -> Closed {
        self.stop().await;
        let Self { home, merchant, api, terms, signed, .. } = self;
        Closed { home, merchant, api, terms, signed }
    }

    /// Sends one request.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> Answered {
        loop {
            let answered = self.line.send(request.clone()).await.expect("an answer");
            // It is ready before its key is at hand.
            if answered.reason().as_deref() != Some("unavailable") {
                return answered;
            }
            tokio::task::yield_now().await;
        }
    }

    pub async fn present(&mut self, call: &Call, payment: &Mandate<Payment>) -> Answered {
        self.send(call.with("mandate-payment", payment.as_str())).await
    }

    /// An intent of the wallet's.
    pub async fn intent(&mut self, ask: v1::MintIntentRequest) -> Result<Mandate<Intent>, Status> {
        let minted = self.wallet.mint_intent(ask).await?.into_inner();
        Ok(verified(&self.home, &minted.mandate))
    }

    /// The price of a call at the gateway, for an intent that is not bound to it.
    pub async fn quote(&mut self, call: &Call) -> Mandate<Cart> {
        let intent = self.intent(ask("book_room")).await.unwrap();
        self.quoted(call, &intent).await
    }

    pub async fn quoted(&mut self, call: &Call, intent: &Mandate<Intent>) -> Mandate<Cart> {
        let answered = self.send(call.with("mandate-intent", intent.as_str())).await;
        answered.cart(&self.keys).unwrap_or_else(|| panic!("{answered:?}"))
    }

    /// The wallet's payment of whatever is handed in as a cart.
    pub async fn pay(&mut self, cart: &str) -> Result<Mandate<Payment>, Status> {
        let paid = pay(self.wallet.clone(), &self.home, cart).await?;
        self.keep(&paid);
        Ok(paid)
    }

    /// A payment is out.
    pub fn keep(&mut self, payment: &Mandate<Payment>) {
        self.signed.push(payment.clone());
    }

    /// A payment that nobody presented yet, and its call.
    pub async fn paid(&mut self) -> (Call, Mandate<Payment>) {
        self.paid_for(booking()).await
    }

    pub async fn paid_for(&mut self, call: Call) -> (Call, Mandate<Payment>) {
        let cart = self.quote(&call).await;
        let payment = self.pay(cart.as_str()).await.unwrap();
        (call, payment)
    }

    pub async fn hand_in(&mut self, receipt: &str) -> Result<String, Status> {
        let ask = v1::RecordReceiptRequest { receipt: receipt.to_owned() };
        Ok(self.wallet.record_receipt(ask).await?.into_inner().status)
    }

    /// A cart of the rival for an intent, as the attacker wants it.
    pub fn rivals(
        &self,
        intent: &Mandate<Intent>,
        total: &str,
        change: impl FnOnce(&mut CartClaims),
    ) -> Mandate<Cart> {
        let (title, total) = ("a flight".parse().unwrap(), total.parse().unwrap());
        let mut claims = self.home.rival.cart(intent, title, total, wall_clock()).unwrap();
        change(&mut claims);
        self.home.rival.sign_cart(&claims).unwrap()
    }

    /// An intent for the rival's flight.
    pub async fn flight(&mut self) -> Mandate<Intent> {
        let ask = v1::MintIntentRequest { merchant_id: RIVAL.to_owned(), ..ask("book_flight") };
        self.intent(ask).await.unwrap()
    }

    pub fn receipt(&self, answered: &Answered) -> Mandate<Receipt> {
        answered.receipt(&self.keys).unwrap_or_else(|| panic!("{answered:?}"))
    }
}

/// A booking at the hotel.
pub fn booking() -> Call {
    Call::json("POST", "/bookings", BODY)
}

/// An intent for one unit of an action of the hotel's.
pub fn ask(action: &str) -> v1::MintIntentRequest {
    v1::MintIntentRequest {
        merchant_id: LUX.to_owned(),
        action_sku: action.to_owned(),
        ..v1::MintIntentRequest::default()
    }
}

/// What the gateway answered: its status, and the reason of a refusal.
pub fn met(answered: &Answered) -> String {
    match answered.reason() {
        Some(reason) => format!("{} {reason}", answered.status),
        None => answered.status.to_string(),
    }
}

/// What the wallet answered: the reason of its refusal.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    denied(answer).reason
}

/// A token with a text of its claims changed, and its signature as it was.
pub fn tampered(token: &str, from: &str, to: &str) -> String {
    let [header, payload, signature] = segments(token);
    let payload = String::from_utf8(BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap();
    assert_eq!(payload.matches(from).count(), 1, "{payload}");
    let payload = BASE64URL_NOPAD.encode(payload.replace(from, to).as_bytes());
    format!("{header}.{payload}.{signature}")
}

pub fn segments(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

pub async fn pay(
    mut wallet: WalletClient<Channel>,
    home: &Home,
    cart: &str,
) -> Result<Mandate<Payment>, Status> {
    let ask = v1::MintPaymentRequest { cart: cart.to_owned(), approval_wait: None };
    let minted = wallet.mint_payment(ask).await?.into_inner();
    Ok(verified(home, &minted.mandate))
}

fn verified<K: Kind<Role = PrincipalRole>>(home: &Home, token: &str) -> Mandate<K> {
    UnverifiedMandate::<K>::parse(token).unwrap().verify(&KeySet::new([home.key])).unwrap()
}

fn write_rules(
    home: &Home,
    merchant: &MerchantHome,
    terms: &mut Terms,
    change: impl FnOnce(String) -> String,
) -> PolicyDigest {
    let caps = caps();
    let rules: String = caps.iter().map(Cap::toml).collect();
    let text = home.toml(&rules).replace(&home.lux.toml_key(), &merchant.toml_key());
    let text = change(text);
    let digest = PolicyDigest::of(text.as_bytes());
    terms.caps.insert(digest, caps);
    home.write(&text);
    digest
}

async fn start(home: &Home, merchant: &MerchantHome) -> (Processes, Line, WalletClient<Channel>) {
    let (mut wallet, mut gateway) = (home.start_child(WALLET, None), merchant.start(GATEWAY, None));
    wallet.heard(&["ready"]).await.expect("a wallet");
    let (_, address) = gateway.heard(&["ready"]).await.expect("a gateway");
    let channel = mandate_proto::connect(&home.paths.wallet_socket()).await.unwrap();
    let line = Line::to(address.parse().unwrap());
    (Processes { wallet, gateway }, line, WalletClient::new(channel))
}

/// The API executes everything, or nothing where the house is full.
fn reaction(full: &AtomicBool) -> Reaction {
    if full.load(Ordering::Relaxed) { Reaction::refused(422) } else { Reaction::executed("A-1") }
}
