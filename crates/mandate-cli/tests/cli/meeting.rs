//! The principal's command line and a merchant's gateway, both as they are: enrolled, added, bought from, settled.

use std::net::SocketAddr;

use mandate::{KeySet, Payment, UnverifiedMandate};
use mandate_gateway::{Limits, Principal, serve};
use mandate_host::clock::wall_clock;
use mandate_tests::gateway::{Answered, Call, GatewayHome, Shop};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::settle::wait_past;

/// Payments that live so short that a test can wait for their end.
const RULES: &str = "[mandates]\npayment_ttl = \"1s\"\n";
/// How long after its end a payment may still be used, in seconds; the second after that it is void.
const LATE_S: u64 = 31;

/// A gateway on a port of its own, and what is asked of it past the command line.
struct Street {
    home: GatewayHome,
    shop: Shop,
    address: SocketAddr,
    runtime: Runtime,
    closing: CancellationToken,
}

impl Street {
    /// A gateway that has this principal enrolled.
    fn open(desk: &Desk) -> Self {
        let runtime = Runtime::new().expect("threads");
        let home = GatewayHome::made_at(wall_clock().seconds());
        let mut settings = home.settings([]);
        let keys = KeySet::new([desk.home.key]);
        let listed = Principal { keys, account: None };
        settings.enrolment.principals.insert(desk.home.principal(), listed);
        let shop = runtime.block_on(home.open(settings));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("a port");
        let closing = CancellationToken::new();
        let (service, closed) = (shop.service(), closing.clone());
        runtime.spawn(async move { serve(listener, service, &Limits::default(), closed).await });
        Self { home, shop, address, runtime, closing }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A call with the token that a command printed.
    fn call(&self, call: &Call, header: &'static str, token: &str) -> Answered {
        self.runtime.block_on(self.shop.send(call.with(header, token.trim_end())))
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

/// A wallet that lists no merchant and caps nothing.
fn stranger() -> Option<Desk> {
    let mut desk = Desk::closed(RULES)?;
    let toml = desk.home.toml("");
    let (head, _) = toml.split_once("[[merchant]]").expect("a merchant");
    desk.home.write(&format!("{head}{RULES}"));
    desk.start();
    Some(desk)
}

/// Pays the price of a room; the payment as it was printed.
fn pay(desk: &Desk, street: &Street, booking: &Call) -> String {
    let intent = desk.mandate("intent --merchant lux-hotels --action book_room").yes();
    let quoted = street.call(booking, "mandate-intent", &intent);
    assert_eq!(quoted.reason().as_deref(), Some("payment_required"));
    let answer = String::from_utf8(quoted.body.to_vec()).expect("text");
    let answer = desk.file("answer.json", &answer);
    desk.run(["pay", &answer]).yes()
}

/// What became of the one hold there is.
fn outcome(desk: &Desk) -> Value {
    let settled = desk.mandate("settle --json").json(0);
    let holds = settled.as_array().expect("holds");
    assert_eq!(holds.len(), 1, "{settled}");
    holds.first().expect("a hold")["outcome"].clone()
}

#[test]
fn a_merchant_is_added_bought_from_and_settled_with() {
    let Some(desk) = stranger() else { return };
    let street = Street::open(&desk);
    let fingerprint = street.home.public_key().id().to_string();
    let add = ["merchant", "add", &street.url(), "--yes", "--day-cap", "400.00 EUR"];
    let added = desk.run(add.into_iter().chain(["--fingerprint", &fingerprint, "--json"]));
    assert_eq!(added.code, Some(0), "{}", added.err);

    let search = desk.mandate("intent --merchant lux-hotels --action search_rooms").yes();
    let rooms = street.call(&Call::bare("GET", "/rooms"), "mandate-intent", &search);
    assert_eq!(rooms.status, 200, "{rooms:?}");
    let receipt = rooms.receipt(&street.home.keys()).expect("a receipt");
    let receipt = desk.file("receipt", receipt.as_str());
    assert_eq!(desk.run(["receipt", &receipt]).code, Some(0));

    // The agent loses the answer, and so the receipt: the principal asks the merchant for it.
    let booking = Call::json("POST", "/bookings", r#"{"room":"sea view","nights":2}"#);
    let payment = pay(&desk, &street, &booking);
    assert_eq!(street.call(&booking, "mandate-payment", &payment).status, 200);
    assert_eq!(outcome(&desk), "settled");

    // This one is never presented: it is void once it can no longer be.
    let lost = pay(&desk, &street, &booking);
    let token = UnverifiedMandate::<Payment>::parse(lost.trim_end()).expect("a payment");
    wait_past(token.claims().exp);
    assert_eq!(outcome(&desk), "open", "the merchant may still execute it");
    let clock = &street.home.clock;
    clock.pass(token.claims().exp.since(clock.now()) + LATE_S);
    assert_eq!(outcome(&desk), "released");
    let late = street.call(&booking, "mandate-payment", &lost);
    assert_eq!((late.status, late.reason()), (200, None), "its receipt, and no call: {late:?}");
    assert_eq!(street.home.api.executions().len(), 2, "a search and a booking");
    street.runtime.block_on(street.shop.check());
    let budget = desk.mandate("budget --json").json(0);
    assert_eq!(budget[0]["spent"]["amount"], 18_000);
}
