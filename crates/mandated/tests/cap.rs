//! The cap of the built daemon, under many clients at once and under `kill -9`.
//!
//! Whatever was done to it, one check follows: what clients hold is in the journal, word for word, and the journal keeps
//! within the cap.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use data_encoding::BASE64URL_NOPAD;
use mandate::{Cart, Mandate};
use mandate_journal::Entry;
use mandate_ledger::{Event, StoppedLedger};
use mandate_proto::v1;
use mandate_proto::v1::wallet_client::WalletClient;
use mandate_tests::{Agent, Home, alone, denied};
use serde_json::Value;
use tokio::sync::{Barrier, Notify};
use tokio::task::JoinSet;

const BINARY: &str = env!("CARGO_BIN_EXE_mandated");
/// As many as one uid may have connections.
const CLIENTS: usize = 64;
/// What each payment costs, in minor units.
const PRICE: u64 = 1_000;
const LIMITS: &str = r#"
[limits]
requests_per_s = 1000000
burst = 1000000
in_flight = 1000
unsettled = 1000000

[mandates]
payment_ttl = "300s"
"#;
/// How often the daemon is killed; more by `MANDATE_KILL_ROUNDS`.
const ROUNDS: u64 = 12;
/// What fits into the cap while it is killed: the last rounds meet it.
const FIT: u64 = 150;
/// Clients that go on until the daemon is gone.
const MINTERS: usize = 8;

/// Payments as clients got them, by their carts.
type Received = BTreeMap<String, String>;

/// What the journal of a stopped daemon says, held against what clients got: the carts that were paid.
fn audit(home: &Home, fit: u64, received: &Received) -> BTreeSet<String> {
    let _alone = alone();
    let ledger = StoppedLedger::open(home.paths.state_dir()).expect("a ledger");
    ledger.verify().expect("a ledger that adds up");
    let size = ledger.head().unwrap().size;
    let (mut carts, mut intents, mut spent) = (BTreeMap::new(), BTreeSet::new(), 0);
    let mut seq = 0;
    while seq < size {
        for bytes in ledger.entries(seq, 256).unwrap() {
            seq += 1;
            let Event::Payment(payment) = Event::parse(&Entry::parse(&bytes).unwrap()).unwrap()
            else {
                continue;
            };
            let claims = payment.claims.get().to_owned();
            let value: Value = serde_json::from_str(&claims).unwrap();
            spent += value["total"]["amount"].as_u64().unwrap();
            assert!(intents.insert(payment.intent_seq), "an intent was paid twice");
            assert!(carts.insert(payment.cart, claims).is_none(), "a cart was paid twice");
        }
    }
    assert!(spent <= fit * PRICE, "{spent} was signed for");
    for (cart, payment) in received {
        let claims = carts.get(cart).expect("a payment that is not in the journal");
        let payload = payment.split('.').nth(1).unwrap();
        let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
        let ours = claims.strip_suffix('}').unwrap();
        assert!(payload.starts_with(ours.as_bytes()), "the journal tells another payment");
    }
    carts.into_keys().collect()
}

/// As many carts, each with an intent of its own.
async fn carts(agent: &mut Agent<'_>, count: usize) -> Vec<Mandate<Cart>> {
    let mut carts = Vec::new();
    for _ in 0..count {
        let intent = agent.intent(Agent::book_room()).await.unwrap();
        carts.push(agent.cart(&intent, "10.00 EUR", |_| ()));
    }
    carts
}

/// All at once, each on a connection of its own, pay a cart: who got what, and why the others did not.
async fn rush(home: &Home, carts: &[Mandate<Cart>]) -> (Received, BTreeMap<String, usize>) {
    let start = Arc::new(Barrier::new(carts.len()));
    let mut clients = JoinSet::new();
    for cart in carts {
        let channel = mandate_proto::connect(&home.paths.wallet_socket()).await.unwrap();
        let mut wallet = WalletClient::new(channel);
        let (cart, start) = (cart.as_str().to_owned(), Arc::clone(&start));
        clients.spawn(async move {
            let ask = v1::MintPaymentRequest { cart: cart.clone(), approval_wait: None };
            start.wait().await;
            (cart, wallet.mint_payment(ask).await)
        });
    }
    let (mut received, mut refused) = (Received::new(), BTreeMap::new());
    for (cart, answer) in clients.join_all().await {
        match answer {
            Ok(minted) => drop(received.insert(cart, minted.into_inner().mandate)),
            refusal => *refused.entry(denied(refusal).reason).or_default() += 1,
        }
    }
    (received, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_clients_get_exactly_what_fits() {
    let cases = [
        (1, "per = \"day\"\nspend = \"10.00 EUR\"", "CAP_EXCEEDED"),
        (7, "per = \"month\"\nspend = \"79.99 EUR\"", "CAP_EXCEEDED"),
        (40, "per = \"24h\"\nspend = \"900.00 EUR\"\ncount = 40", "COUNT_EXCEEDED"),
        (64, "per = \"lifetime\"\nspend = \"640.00 EUR\"", ""),
    ];
    for (fit, cap, reason) in cases {
        let Some(home) = Home::new() else { return };
        home.write(&home.toml(&format!("{LIMITS}\n[[cap]]\n{cap}\n")));
        let daemon = home.spawn(BINARY);
        let carts = carts(&mut home.agent().await, CLIENTS).await;
        let (received, refused) = rush(&home, &carts).await;
        assert_eq!(received.len(), fit, "{cap}");
        let expected = BTreeMap::from([(reason.to_owned(), CLIENTS - fit)]);
        assert_eq!(refused, if fit < CLIENTS { expected } else { BTreeMap::new() }, "{cap}");
        // All again: who paid gets the same bytes, the others still nothing.
        assert_eq!(rush(&home, &carts).await, (received.clone(), refused), "{cap}");
        daemon.stop();
        let paid = audit(&home, u64::try_from(fit).unwrap(), &received);
        assert_eq!(paid, received.into_keys().collect(), "{cap}");
    }
}

/// What clients know when the daemon is gone: the answers they got, and the carts they got none for.
#[derive(Debug, Default)]
struct Known {
    received: Received,
    unanswered: Vec<String>,
}

/// What the clients of a daemon that will be killed share.
struct Load {
    home: Arc<Home>,
    /// Reached by each client that is connected: none comes too late.
    connected: Barrier,
    known: Mutex<Known>,
    /// How many carts are to be tried, and told when they were.
    enough: usize,
    tried: Notify,
}

/// Pays one cart after the other until nobody answers, or nothing fits any more.
async fn mint(load: Arc<Load>) {
    let Load { home, connected, known, enough, tried } = &*load;
    let mut agent = home.agent().await;
    connected.wait().await;
    while let Ok(intent) = agent.intent(Agent::book_room()).await {
        let cart = agent.cart(&intent, "10.00 EUR", |_| ());
        let answer = agent.pay_text(cart.as_str()).await;
        let cart = cart.as_str().to_owned();
        let mut known = known.lock().unwrap();
        match answer {
            Ok(minted) => drop(known.received.insert(cart, minted.mandate)),
            Err(_) => known.unanswered.push(cart),
        }
        if known.received.len() + known.unanswered.len() >= *enough {
            tried.notify_one();
        }
    }
    tried.notify_one();
}

/// Kills the daemon under clients that have just tried to pay so many carts.
async fn kill_under_load(home: &Arc<Home>, enough: usize) -> Known {
    let daemon = home.spawn(BINARY);
    let load = Arc::new(Load {
        home: Arc::clone(home),
        connected: Barrier::new(MINTERS),
        known: Mutex::default(),
        enough,
        tried: Notify::new(),
    });
    let mut minters = JoinSet::new();
    for _ in 0..MINTERS {
        minters.spawn(mint(Arc::clone(&load)));
    }
    load.tried.notified().await;
    daemon.kill();
    minters.join_all().await;
    std::mem::take(&mut load.known.lock().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_daemon_forgets_no_payment_and_signs_none_anew() {
    let Some(home) = Home::new().map(Arc::new) else { return };
    let cap = format!("[[cap]]\nper = \"lifetime\"\nspend = \"{}.00 EUR\"\n", FIT * 10);
    home.write(&home.toml(&format!("{LIMITS}\n{cap}")));
    let rounds = std::env::var("MANDATE_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut all = Received::new();
    for round in 0..rounds {
        let mut random = [0];
        getrandom::fill(&mut random).expect("random bytes");
        let enough = usize::from(random[0] % 48) + 1;
        let Known { received, unanswered } = kill_under_load(&home, enough).await;
        all.extend(received.clone());
        let paid = audit(&home, FIT, &all);

        let daemon = home.spawn(BINARY);
        let mut agent = home.agent().await;
        for (cart, payment) in &received {
            let again = agent.pay_text(cart).await.unwrap().mandate;
            assert_eq!(again, *payment, "round {round}: other bytes for the same cart");
        }
        // Paid or not is what the journal says, and asking again settles it.
        for cart in unanswered {
            match agent.pay_text(&cart).await {
                Ok(minted) => drop(all.insert(cart, minted.mandate)),
                refusal => {
                    assert!(!paid.contains(&cart), "round {round}: recorded, and not given");
                    assert_eq!(denied(refusal).reason, "CAP_EXCEEDED");
                }
            }
        }
        daemon.stop();
        audit(&home, FIT, &all);
    }
}
